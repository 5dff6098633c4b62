import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDovecot } from '../test/peers/dovecot.ts'
import type { Dovecot } from '../test/peers/dovecot.ts'
import { password } from './corpora.ts'
import type { PreparedCorpus } from './corpora.ts'
import type { Bench } from './harness.ts'

/**
 * A Dovecot whose mail is in mdbox, each message compressed with zstd at its usual level. (`mail_save_crlf` was tried, and changed
 * nothing: mdbox has LF.) Stop it in the end.
 */
export async function startMdbox(bench: Bench, users: readonly string[]): Promise<Dovecot> {
  return await startDovecot({
    folder: bench.keptFolder('mdbox'),
    users: Object.fromEntries(users.map((user) => [user, password])),
    protocols: ['pop3', 'imap'],
    tls: true,
    settings: `mail_location = mdbox:~/mdbox
mail_plugins = $mail_plugins zlib
plugin {
  zlib_save = zstd
}`,
  })
}

/** The folder of one user's mdbox: mail, map and indexes. */
export function mdboxOf(dovecot: Dovecot, user: string): string {
  return join(dovecot.folder, 'users', user, 'mdbox')
}

/** Puts what a Maildir holds into users' mdboxes, unless it is there from before. */
export async function fillMdbox(
  dovecot: Dovecot,
  users: readonly string[],
  maildir: string,
  { messages, octets }: Pick<PreparedCorpus, 'messages' | 'octets'>,
): Promise<void> {
  for (const user of users) {
    const record = join(dovecot.folder, 'filled', `${user}.json`)
    const key = JSON.stringify({ messages, octets })
    if (existsSync(record) && readFileSync(record, 'utf8') === key) continue
    rmSync(mdboxOf(dovecot, user), { recursive: true, force: true })
    const { code, stderr } = await dovecot.doveadm('import', '-u', user, `maildir:${maildir}`, '', 'all')
    if (code !== 0) throw new Error(`doveadm import ended with ${code}: ${stderr.slice(-2000)}`)
    const status = await dovecot.doveadm('-f', 'flow', 'mailbox', 'status', '-u', user, 'messages', 'INBOX')
    const there = Number(/messages=(\d+)/.exec(status.stdout)?.[1])
    if (there !== messages) throw new Error(`the mdbox of ${user} has ${there} messages, not ${messages}`)
    mkdirSync(join(dovecot.folder, 'filled'), { recursive: true })
    writeFileSync(record, key)
  }
}

/** What a folder takes up on the disk, octets, as `du` counts it. */
export function diskUsage(folder: string): number {
  return 1024 * Number.parseInt(execFileSync('du', ['-sk', folder], { encoding: 'utf8' }), 10)
}
