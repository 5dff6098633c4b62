import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { letMailOwnerIn, mailOwner, tallyMaildir } from './maildir.ts'
import type { Tally } from './maildir.ts'
import { runWell } from './run.ts'

/** What a mail collector (mpop, fetchmail, getmail) is to fetch, and into which folder. */
export interface Collect {
  readonly host: string
  readonly port: number
  /** `implicit` and `starttls` do not verify the certificate. Default: none. */
  readonly tls?: 'implicit' | 'starttls' | 'none'
  readonly login: string
  readonly password: string
  /** Its configuration, what it remembers, and the mail, in `Maildir`. Used again, only what is new is fetched. */
  readonly folder: string
  /** Whether the messages are deleted on the server. Default: they stay. */
  readonly remove?: boolean
}

/** What it fetched this time. */
export interface Collected extends Tally {
  /** The whole process. */
  readonly seconds: number
}

/** The Maildir below a collector's folder, made if it is not there. It belongs to `nobody` where root collects. */
export function collectorMaildir(folder: string): string {
  const maildir = join(folder, 'Maildir')
  const owner = mailOwner()
  for (const name of ['', 'tmp', 'new', 'cur']) {
    mkdirSync(join(maildir, name), { recursive: true, mode: 0o700 })
    chownSync(join(maildir, name), owner.uid, owner.gid)
  }
  letMailOwnerIn(folder)
  return maildir
}

/** Runs a collector, and says what its Maildir has gained. */
export async function collect(folder: string, ...words: Parameters<typeof runWell>): Promise<Collected> {
  const maildir = collectorMaildir(folder)
  const before = tallyMaildir(maildir)
  const { seconds } = await runWell(...words)
  const after = tallyMaildir(maildir)
  return { seconds, messages: after.messages - before.messages, octets: after.octets - before.octets }
}
