import { join } from 'node:path'
import type { Had } from './found.ts'
import { numberedLines } from './text-file.ts'

/** Where getmail keeps what it fetched: one file a mailbox, in its folder. `mailbox`: of an IMAP account. */
export function oldmailFile(
  folder: string,
  { server, port, login }: { readonly server: string; readonly port: number; readonly login: string },
  mailbox?: string,
): string {
  const name = `oldmail-${server}-${port}-${login}`.replace(/[/:;<>|]+/g, '-')
  return join(folder, mailbox === undefined ? name : `${name}-${mailbox.replace(/[/:;<>|]+/g, '.')}`)
}

/** A line: what names the message, NUL, and when it was first seen (seconds since 1970). */
const entry = /^\s*([^\0]+)\0\s*(-?\d{1,15})\s*$/

function* entries(text: string): Generator<{ readonly name: string; readonly when: number | undefined }> {
  for (const { text: line } of numberedLines(text)) {
    const [, name, seconds] = entry.exec(line) ?? []
    if (name !== undefined) yield { name, when: Number(seconds) > 0 ? Number(seconds) * 1000 : undefined }
  }
}

/** What was fetched by POP3. getmail writes `-` for each `/` of a unique-id, so that the server may call one with `-` otherwise. */
export function parseOldmail(text: string): Had[] {
  return Array.from(entries(text), ({ name, when }) => ({
    uniqueId: name,
    when,
    ...(name.includes('-') && { or: name.replaceAll('-', '/') }),
  }))
}

/**
 * What was fetched by IMAP from a mailbox, by the names that messages have in the ledger (see `imapUniqueId` of the fetch door). Of old
 * versions, the name of the mailbox stands between the two numbers. `or`: what the mailbox may be called instead.
 */
export function parseImapOldmail(text: string, mailbox: string, or?: string): Had[] {
  return Array.from(entries(text)).flatMap(({ name, when }): Had[] => {
    const [, uidValidity, uid] = /^(\d{1,20})\/(?:.*\/)?(\d{1,10})$/.exec(name) ?? []
    if (uidValidity === undefined) return []
    const named = (path: string): string => `${uidValidity}/${uid}//=${path}`
    return [{ uniqueId: named(mailbox), when, ...(or !== undefined && { or: named(or) }) }]
  })
}
