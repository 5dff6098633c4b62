import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collect, collectorMaildir } from './collect.ts'
import type { Collect, Collected } from './collect.ts'
import { whereIs } from './run.ts'

/**
 * It delivers each message in a child, and waits three minutes to be told of the end of one that had ended before it listened for that, as one
 * may on a busy machine. So it is run with another way to wait.
 */
const waitingWell = `
import os, runpy, sys
from getmailcore.baseclasses import ForkingBase
ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = lambda self, child: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.argv[0] = sys.argv.pop(1)
runpy.run_path(sys.argv[0], run_name='__main__')
`

/** The command that runs getmail with these words. */
export function getmail(...words: readonly string[]): [string, string[]] {
  const path = whereIs('getmail') ?? 'getmail'
  const [, python = 'python3'] = /^#! *(\S+)/.exec(readFileSync(path, 'latin1')) ?? []
  return [python, ['-c', waitingWell, path, ...words]]
}

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
  return collect(folder, ...getmail('--getmaildir', folder, '--rcfile', join(folder, 'getmailrc')))
}
