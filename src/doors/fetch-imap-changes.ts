import type { MailboxState } from '../accounts/account-options.ts'
import type { MessageId } from '../ids.ts'
import type { Flag, UserMail } from '../store/store.ts'
import { homeFlags, sameFlags } from './fetch-imap-flags.ts'
import { byLabels } from './fetch-imap-gmail.ts'
import type { ImapLedger } from './fetch-imap-ledger.ts'
import type { Looked } from './fetch-imap-listing.ts'
import { numbersIn, setOf } from './fetch-imap-uids.ts'
import type { ImapConnection } from './imap-connection.ts'

/** So many changes are written together. */
const together = 500

/** What changes are held against. */
export interface ChangesOptions {
  readonly ledger: ImapLedger
  readonly mail: UserMail
  /** What the session before left; undefined: there was none, so no change can be told from what was so before. */
  readonly before: MailboxState | undefined
}

/**
 * Brings home what has changed of the flags there since the last time, in the selected mailbox: by mod-sequences (RFC 7162) where the
 * server has them, otherwise held against what it showed then. Flags that only changed here stay as they are. Gives what the
 * server shows now, where it has no mod-sequences.
 */
export async function bringChanges(
  connection: ImapConnection,
  looked: Looked,
  options: ChangesOptions,
): Promise<Readonly<Record<string, string>> | undefined> {
  const { before } = options
  if (!looked.hasModseq) return await byComparison(connection, looked, options)
  const since = before?.highestModseq
  if (since === undefined || BigInt(since) >= BigInt(looked.highestModseq ?? 0)) return undefined
  const changes: [number, Flag[]][] = []
  const gmail = connection.can('X-GM-EXT-1')
  const query = { uid: true, flags: true, ...(gmail && { labels: true }) }
  const rows = connection.client.fetch('1:*', query, { uid: true, changedSince: BigInt(since) })
  for (;;) {
    const next = await connection.run('to ask which flags have changed', () => rows.next())
    if (next.done === true) break
    const { uid, flags, labels } = next.value
    if (flags === undefined) continue
    const keywords = labels === undefined ? [] : byLabels(labels, '').keywords
    changes.push([uid, homeFlags([...flags, ...keywords])])
    if (changes.length >= together) await write(changes.splice(0), looked, options)
  }
  await write(changes, looked, options)
  return undefined
}

async function byComparison(
  connection: ImapConnection,
  looked: Looked,
  options: ChangesOptions,
): Promise<Readonly<Record<string, string>>> {
  const now = new Map<string, number[]>()
  const then = new Map<number, string>()
  for (const [flags, set] of Object.entries(options.before?.flags ?? {}))
    for (const uid of numbersIn(set)) then.set(uid, flags)
  const changes: [number, Flag[]][] = []
  if (looked.messages > 0) {
    const rows = connection.client.fetch('1:*', { uid: true, flags: true }, { uid: true })
    for (;;) {
      const next = await connection.run('to ask for the flags', () => rows.next())
      if (next.done === true) break
      const { uid, flags: told = new Set() } = next.value
      const flags = homeFlags(told)
      const text = flags.join(' ')
      const same = now.get(text)
      if (same === undefined) now.set(text, [uid])
      else same.push(uid)
      const earlier = then.get(uid)
      if (earlier !== undefined && earlier !== text) changes.push([uid, flags])
      if (changes.length >= together) await write(changes.splice(0), looked, options)
    }
  }
  await write(changes, looked, options)
  return Object.fromEntries([...now].map(([flags, uids]) => [flags, setOf(uids.toSorted((a, b) => a - b))]))
}

async function write(
  changes: readonly [number, Flag[]][],
  { mailbox }: Looked,
  { ledger, mail }: ChangesOptions,
): Promise<void> {
  const here = changes.flatMap(([uid, flags]): [MessageId, Flag[]][] => {
    const message = ledger.find(mailbox, uid)?.message
    return message === undefined ? [] : [[message, flags]]
  })
  if (here.length === 0) return
  const differ = await mail.read((view) =>
    here.filter(([id, flags]) => {
      const message = view.message(id)
      return message !== undefined && !sameFlags(message.flags, flags)
    }),
  )
  if (differ.length === 0) return
  await mail.change((draft) => {
    for (const [id, flags] of differ) if (draft.view.message(id) !== undefined) draft.setFlags(id, flags)
  })
}
