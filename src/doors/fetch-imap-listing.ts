import type { FetchMessageObject, FetchQueryObject, StatusObject } from 'imapflow'
import type { MailboxState } from '../accounts/account-options.ts'
import { PeerError } from '../errors.ts'
import type { LedgerEntry } from '../store/store.ts'
import { emailIdOf, type ImapLedger, type ImapPlace, imapUniqueId } from './fetch-imap-ledger.ts'
import type { ChosenMailbox } from './fetch-imap-mailboxes.ts'
import { portions } from './fetch-imap-uids.ts'
import type { ImapConnection } from './imap-connection.ts'

/** Of so many messages is asked at a time. */
const portion = 5000
/** Where the server has no mod-sequences, flags that changed are looked for this often, if nothing else tells (milliseconds). */
const lookAgain = 3_600_000

/** A mailbox at the server, and what it is called at home. */
export interface ImapMailbox extends ImapPlace {
  readonly home: string
}

/** A message at the server that is not at home under the name it has there. */
export interface Wanted {
  readonly mailbox: ImapMailbox
  readonly uid: number
  readonly uniqueId: string
  readonly octets: number | undefined
  readonly flags: ReadonlySet<string>
  /** INTERNALDATE, milliseconds since 1970. */
  readonly received: number | undefined
  readonly emailId: string
  readonly labels: ReadonlySet<string>
}

/** A message at the server that is at home. */
export interface AtBoth {
  readonly mailbox: ImapMailbox
  readonly uid: number
  /** By the server's listing; undefined where it was not asked. */
  readonly octets: number | undefined
  readonly entry: LedgerEntry
}

/** What a look into a mailbox found. */
export interface Looked {
  readonly mailbox: ImapMailbox
  /** Where the next message will be, and how far the mod-sequences were, when we looked. */
  readonly uidNext: number
  readonly highestModseq: string | undefined
  readonly messages: number
  readonly wanted: readonly Wanted[]
  readonly known: readonly AtBoth[]
  /** By RFC 7162 §3.1.2.2 it may have none. */
  readonly hasModseq: boolean
}

/** How closely a mailbox is looked at, and against what. */
export interface LookOptions {
  readonly ledger: ImapLedger
  /** What an earlier session found, where it can be believed. */
  readonly before: MailboxState | undefined
  /** Every message is listed, also those that are known. */
  readonly whole: boolean
  /** More messages than this end the session. */
  readonly longest: number
}

/** Whether a mailbox is as it was left, as far as the server tells without opening it. */
export function isUnchanged(status: StatusObject, before: MailboxState | undefined, now: number): boolean {
  if (before?.uidNext === undefined || Number(status.uidValidity) !== before.uidValidity) return false
  if (status.uidNext !== before.uidNext) return false
  if (status.highestModseq !== undefined && before.highestModseq !== undefined)
    return String(status.highestModseq) === before.highestModseq
  const { looked = 0 } = before
  return (
    status.messages === before.messages && status.unseen === before.unseen && now >= looked && now - looked < lookAgain
  )
}

/** Opens a mailbox and says what is in it that is not at home. */
export async function look(connection: ImapConnection, chosen: ChosenMailbox, options: LookOptions): Promise<Looked> {
  const { path } = chosen.listed
  const selected = await connection.select(path, false)
  const { mailboxId, uidValidity, uidNext, highestModseq, exists, noModseq } = selected
  const mailbox: ImapMailbox = {
    path,
    home: chosen.home,
    id: mailboxId === undefined || mailboxId === '' ? undefined : mailboxId,
    uidValidity: Number(uidValidity),
  }
  if (!(mailbox.uidValidity > 0))
    throw new PeerError(
      'protocol',
      `${connection.to.host} gives the mailbox ${path} no UIDVALIDITY, so nothing in it can be known again`,
    )
  if (exists > options.longest)
    throw new PeerError(
      'reply-too-long',
      `the mailbox ${path} holds ${exists} messages, and ${options.longest} are the most`,
    )
  const before = options.before?.uidValidity === mailbox.uidValidity ? options.before : undefined
  const from = options.whole ? 1 : (before?.uidNext ?? 1)
  // RFC 9051 §6.4.8: n:* has the last message in it, also where that is below n.
  const uids =
    exists === 0 || (uidNext > 0 && from >= uidNext)
      ? []
      : (await connection.search(from > 1 ? { uid: `${from}:*` } : { all: true })).filter((uid) => uid >= from)
  // Where nothing is remembered of it, the account may be at another server now, that numbers in the same way: sizes tell.
  const listing = await list(connection, mailbox, uids, { ...options, whole: options.whole || before === undefined })
  return {
    mailbox,
    // A server that does not say it: whatever is above the last one is new.
    uidNext: uidNext > 0 ? uidNext : Math.max(from, (uids.at(-1) ?? 0) + 1),
    highestModseq: highestModseq === undefined ? undefined : String(highestModseq),
    hasModseq: connection.enabled('CONDSTORE') && noModseq !== true && highestModseq !== undefined,
    messages: exists,
    ...listing,
  }
}

async function list(
  connection: ImapConnection,
  mailbox: ImapMailbox,
  uids: readonly number[],
  { ledger, whole }: LookOptions,
): Promise<Pick<Looked, 'wanted' | 'known'>> {
  const known: AtBoth[] = []
  const unknown: number[] = []
  const sized: number[] = []
  for (const uid of uids) {
    const entry = ledger.find(mailbox, uid)
    if (entry === undefined) unknown.push(uid)
    else if (whole) sized.push(uid)
    else known.push({ mailbox, uid, octets: undefined, entry })
  }
  for await (const { uid, size } of rows(connection, sized, { uid: true, size: true })) {
    const entry = ledger.find(mailbox, uid, size)
    // Law 3: another size, another message.
    if (entry === undefined) unknown.push(uid)
    else known.push({ mailbox, uid, octets: size, entry })
  }
  const gmail = connection.can('X-GM-EXT-1')
  const wanted: Wanted[] = []
  const query = { uid: true, size: true, flags: true, internalDate: true, ...(gmail && { labels: true }) }
  for await (const row of rows(connection, unknown, query)) wanted.push(wantedOf(mailbox, row))
  return { known, wanted: wanted.toSorted((a, b) => a.uid - b.uid) }
}

/** What the server says of messages of the selected mailbox; of those that are gone, nothing. */
export async function* rows(
  connection: ImapConnection,
  uids: readonly number[],
  query: FetchQueryObject,
): AsyncGenerator<FetchMessageObject> {
  for (const { set, uids: asked } of portions(uids, portion)) {
    const open = new Set(asked)
    const answers = connection.client.fetch(set, query, { uid: true })
    for (;;) {
      const next = await connection.run('to list messages', () => answers.next())
      if (next.done === true) break
      // A server may tell of others too, in between.
      if (open.delete(next.value.uid)) yield next.value
    }
  }
}

function wantedOf(mailbox: ImapMailbox, row: FetchMessageObject): Wanted {
  const { uid, size, flags = new Set(), internalDate, labels = new Set() } = row
  const emailId = emailIdOf(row.emailId)
  const received = internalDate instanceof Date ? internalDate.getTime() : Number.NaN
  return {
    mailbox,
    uid,
    uniqueId: imapUniqueId(mailbox, uid, emailId),
    octets: size,
    flags,
    received: Number.isFinite(received) ? received : undefined,
    emailId,
    labels,
  }
}
