import { RefusedError } from '../errors.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'
import { CopiesAtHome } from './copies-at-home.ts'
import { headerOf, readableHead } from './fetch-imap-header.ts'
import { imapName } from './fetch-imap-ledger.ts'
import { type ImapMailbox, rows } from './fetch-imap-listing.ts'
import type { ImapRetrieval, ImapTally } from './fetch-imap-retrieval.ts'
import { portions } from './fetch-imap-uids.ts'
import type { ImapConnection } from './imap-connection.ts'

/** So many messages are deleted with one command. */
const portion = 500

/** A message there that is home and may go. */
export interface MayGo {
  readonly mailbox: ImapMailbox
  readonly uid: number
  /** By the server's listing. */
  readonly octets: number | undefined
  readonly entry: LedgerEntry
  /** Its octets came and were kept in this session. */
  readonly fetchedNow: boolean
}

/** What deleting at the server needs of a session. */
export interface ImapDeletionOptions {
  readonly connection: ImapConnection
  /** The mail that has the ledger, and the mail of others to whom messages of this account have gone. */
  readonly mail: UserMail
  readonly others: () => Promise<readonly UserMail[]>
  readonly retrieval: ImapRetrieval
  readonly tally: ImapTally
  /** Where what is deleted goes, where the server has labels and no deletion (Gmail); undefined: it is expunged. */
  readonly trash: string | undefined
}

/** Deletes messages at the remote server, each only after it is certain that its octets are here (law 3); gives how many. */
export async function deleteByImap(candidates: readonly MayGo[], options: ImapDeletionOptions): Promise<number> {
  const { connection, mail, others, tally } = options
  const copies = new CopiesAtHome(mail, others)
  let deleted = 0
  for (const [mailbox, some] of Map.groupBy(candidates, (one) => one.mailbox)) {
    const { path } = mailbox
    const selected = await connection.select(path, true)
    if (Number(selected.uidValidity) !== mailbox.uidValidity) {
      tally.problems.push(`nothing was deleted in ${path}: it has been numbered anew meanwhile`)
      continue
    }
    if (selected.readOnly === true) {
      tally.problems.push(`nothing was deleted in ${path}: the server lets nobody change it`)
      continue
    }
    const certain = await certainOf(some, { ...options, copies })
    if (certain.length === 0) continue
    const fault = await cannotExpunge(certain, options)
    if (fault === undefined) deleted += await expunge(mailbox, certain, options)
    else tally.problems.push(`${certain.length} messages were left in ${path}: ${fault}`)
  }
  return deleted
}

interface Certifying extends ImapDeletionOptions {
  readonly copies: CopiesAtHome
}

/** UIDs of those of which it is certain; why the others are not is told. */
async function certainOf(some: readonly MayGo[], options: Certifying): Promise<number[]> {
  const unsure = await unsureOf(some, options)
  const certain: number[] = []
  for (const one of some) {
    const why = await doubt(one, unsure.has(one), options)
    if (why === undefined) certain.push(one.uid)
    else options.tally.problems.push(`message ${one.uid} was left in ${one.mailbox.path}: ${why}`)
  }
  return certain
}

/** Those that came home in an earlier session, and whose header there is not the one that was noted. */
async function unsureOf(some: readonly MayGo[], { connection, mail }: ImapDeletionOptions): Promise<Set<MayGo>> {
  const before = new Map(some.filter(({ fetchedNow }) => !fetchedNow).map((one) => [one.uid, one]))
  const unsure = new Set(before.values())
  for await (const { uid, headers } of rows(connection, [...before.keys()], { uid: true, headers: true })) {
    const one = before.get(uid)
    const header = headerOf(headers)
    // A header that may stand above another text, too, proves nothing.
    if (one === undefined || header?.telling !== true) continue
    const noted = await readableHead(mail, one.entry)
    if (noted !== undefined && noted === header.finish()) unsure.delete(one)
  }
  return unsure
}

/** Why a message may not be deleted there; undefined where it may. */
async function doubt(one: MayGo, unsure: boolean, options: Certifying): Promise<string | undefined> {
  const { uid, octets, entry, fetchedNow } = one
  const fault = fetchedNow ? undefined : await options.copies.fault(entry)
  if (fault !== undefined) return `its copy at home cannot be read (${fault})`
  // Law 3: where the sizes differ, or only its header was compared, it is fetched again first.
  const differs = octets !== undefined && octets !== entry.size
  const byHeader = imapName(entry.uniqueId)?.byHeader !== false
  if (!(differs && !fetchedNow) && !unsure && !byHeader) return undefined
  try {
    if (await options.retrieval.confirm(uid, entry.hash)) return undefined
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
  }
  return `the server lists ${octets ?? 'no'} octets, gave ${entry.size}, and gives something else when asked again`
}

/** RFC 4315 §2.1: without UID EXPUNGE all goes that is marked as deleted, so that nothing else may be. */
async function cannotExpunge(
  certain: readonly number[],
  { connection, trash }: ImapDeletionOptions,
): Promise<string | undefined> {
  if (trash !== undefined || connection.can('UIDPLUS')) return undefined
  const ours = new Set(certain)
  const marked = (await connection.search({ deleted: true })).filter((uid) => !ours.has(uid))
  if (marked.length === 0) return undefined
  return `the server can only delete all that is marked as deleted, and somebody has marked ${marked.length} other messages`
}

async function expunge(
  { path }: ImapMailbox,
  certain: readonly number[],
  { connection, tally, trash }: ImapDeletionOptions,
): Promise<number> {
  let deleted = 0
  for (const { set, uids } of portions(certain, portion)) {
    const how = { uid: true, silent: true }
    try {
      if (trash === undefined)
        await connection.must(`to delete messages in ${path}`, (client) => client.messageDelete(set, how))
      else await connection.must(`to move messages to ${trash}`, (client) => client.messageMove(set, trash, how))
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      tally.problems.push(error.message)
    }
    // What the server answers is one thing; what is there is another.
    const left = new Set(await connection.search({ uid: set }))
    deleted += uids.filter((uid) => !left.has(uid)).length
    if (left.size > 0) {
      tally.failed += left.size
      tally.problems.push(`${left.size} messages could not be deleted in ${path}`)
    }
  }
  return deleted
}
