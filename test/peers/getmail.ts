import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collect, collectorMaildir } from './collect.ts'
import type { Collect, Collected } from './collect.ts'

/** Fetches with getmail6, without the header fields that it adds by default. */
export async function runGetmail(options: Collect): Promise<Collected> {
  const { folder, tls = 'none' } = options
  if (tls === 'starttls') throw new Error('getmail has no STLS for POP3')
  const maildir = collectorMaildir(folder)
  const lines = [
    '[retriever]',
    `type = SimplePOP3${tls === 'implicit' ? 'SSL' : ''}Retriever`,
    `server = ${options.host}`,
    `port = ${options.port}`,
    `username = ${options.login}`,
    `password = ${options.password}`,
    '[destination]',
    'type = Maildir',
    `path = ${maildir}/`,
    // It does not deliver as root.
    ...(process.getuid?.() === 0 ? ['user = nobody'] : []),
    '[options]',
    'verbose = 0',
    'read_all = false',
    `delete = ${options.remove === true}`,
    'delivered_to = false',
    'received = false',
  ]
  writeFileSync(join(folder, 'getmailrc'), lines.join('\n') + '\n', { mode: 0o600 })
  return collect(folder, 'getmail', ['--getmaildir', folder, '--rcfile', join(folder, 'getmailrc')])
}
