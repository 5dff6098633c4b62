import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collect, collectorMaildir } from './collect.ts'
import type { Collect, Collected } from './collect.ts'

/** What mbsync puts into each message, to know it again (octets). */
export const mbsyncMark: number = 'X-TUID: 123456789012\n'.length

/** Fetches INBOX by IMAP with mbsync (isync), which writes LF at each line's end and a field of its own into each message. */
export async function runMbsync(options: Collect): Promise<Collected> {
  const { folder, tls = 'none' } = options
  const config = join(folder, 'mbsyncrc')
  const maildir = collectorMaildir(folder)
  mkdirSync(join(folder, 'state'), { recursive: true })
  const kind = { none: 'None', starttls: 'STARTTLS', implicit: 'IMAPS' }[tls]
  const lines = [
    // On disk before it is done, as the others: what mbsync does unless told otherwise.
    'FSync yes',
    '',
    'IMAPStore there',
    `Host ${options.host}`,
    `Port ${options.port}`,
    `User ${options.login}`,
    `Pass ${options.password}`,
    `SSLType ${kind}`,
    'AuthMechs LOGIN',
    '',
    'MaildirStore here',
    `Path ${folder}/`,
    `Inbox ${maildir}`,
    '',
    'Channel bench',
    'Far :there:INBOX',
    'Near :here:INBOX',
    options.remove === true ? 'Expunge Far' : 'Expunge None',
    'Sync Pull',
    `SyncState ${join(folder, 'state')}/`,
  ]
  writeFileSync(config, lines.join('\n') + '\n', { mode: 0o600 })
  return collect(folder, 'mbsync', ['--quiet', '--config', config, 'bench'])
}
