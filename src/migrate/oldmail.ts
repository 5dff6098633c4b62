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

/**
 * Reads lines of a unique-id, NUL, and when it was first seen (seconds since 1970). getmail writes `-` for each `/` of a POP3
 * unique-id, so that one with `-` may be called otherwise by the server.
 */
export function parseOldmail(text: string): Had[] {
  const had: Had[] = []
  for (const { text: line } of numberedLines(text)) {
    const [, uniqueId, seconds] = /^\s*([^\0]+)\0\s*(-?\d{1,15})\s*$/.exec(line) ?? []
    if (uniqueId === undefined) continue
    const when = Number(seconds) > 0 ? Number(seconds) * 1000 : undefined
    had.push({ uniqueId, when, ...(uniqueId.includes('-') && { or: uniqueId.replaceAll('-', '/') }) })
  }
  return had
}
