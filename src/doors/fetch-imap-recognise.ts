import { RefusedError } from '../errors.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'
import { headerOf, readableHead } from './fetch-imap-header.ts'
import { type ImapLedger, imapName, imapUniqueId, keysOf } from './fetch-imap-ledger.ts'
import { type AtBoth, rows, type Wanted } from './fetch-imap-listing.ts'
import type { ImapMap } from './fetch-imap-map.ts'
import { portions } from './fetch-imap-uids.ts'
import type { ImapConnection } from './imap-connection.ts'

/** What messages are known again by. */
export interface RecognitionOptions {
  readonly connection: ImapConnection
  readonly account: string
  readonly mail: UserMail
  readonly ledger: ImapLedger
  readonly map: ImapMap
  /** A message has several names there, and is one all the same (Gmail's labels). */
  readonly onceOnly: boolean
  /** Nothing is written. */
  readonly dryRun: boolean
}

/** A message there that is one of ours under another name. */
export interface Found {
  readonly wanted: Wanted
  readonly entry: LedgerEntry
  /** Known by size and header, not by its octets or by an id that stands for them. */
  readonly byHeader: boolean
}

/**
 * Knows messages again that stand under another name now, for their mailbox was renamed or numbered anew (UIDVALIDITY), or they were
 * moved: by the id that the server gives each message, else by size and header. They are not downloaded again; one that was
 * moved there is moved here too, if it still is where it was. A copy is a message of its own.
 */
export async function recognise(
  wanted: readonly Wanted[],
  options: RecognitionOptions,
): Promise<{ known: readonly AtBoth[]; wanted: readonly Wanted[] }> {
  const { ledger, map, onceOnly } = options
  if (wanted.length === 0 || ledger.isEmpty) return { known: [], wanted }
  const pairs = [...byEmailId(wanted, options), ...(await byHeader(wanted, options))]
  const gone = await goneOf(pairs, options)
  const taken = new Set<LedgerEntry>()
  const found = new Map<Wanted, Found>()
  for (const { wanted: one, entries, byHeader: guessed } of pairs) {
    if (found.has(one)) continue
    const entry = entries.find((each) => !taken.has(each) && gone.has(each)) ?? (onceOnly ? entries[0] : undefined)
    if (entry === undefined) continue
    taken.add(entry)
    found.set(one, { wanted: one, entry, byHeader: guessed })
  }
  const known = await rename([...found.values()], options)
  // What is downloaded all the same is held against the rest by its octets.
  ledger.lose((name) => map.isStale(name))
  return { known, wanted: wanted.filter((one) => !found.has(one)) }
}

/** Writes the new names into the ledger, and moves what was moved. */
export async function rename(found: readonly Found[], options: RecognitionOptions): Promise<AtBoth[]> {
  const { account, mail, ledger, map, onceOnly, dryRun } = options
  if (found.length === 0) return []
  const renamed = found.map(({ wanted, entry, byHeader: guessed }) => {
    const { mailbox, uid, emailId, octets } = wanted
    const uniqueId = imapUniqueId(mailbox, uid, emailId, guessed || imapName(entry.uniqueId)?.byHeader === true)
    return { wanted, entry, now: { ...entry, account, uniqueId, nth: 0, listed: octets } }
  })
  if (!dryRun) {
    await mail.change((draft) => {
      for (const { wanted, entry, now } of renamed) {
        const { hash, size, stored, message } = entry
        const head = draft.view.head(entry)
        draft.know({ ...now, ...(head !== undefined && { head }) }, { hash, size, stored, message })
        const here = message === undefined ? undefined : draft.view.message(message)
        if (here === undefined || onceOnly) continue
        const was = homeOf(entry, map)
        const to = wanted.mailbox.home
        // Only what still is where it was: somebody here may have put it elsewhere.
        if (was !== undefined && was !== to && draft.view.mailbox(was)?.id === here.mailbox)
          draft.move(here.id, draft.openMailbox(to))
      }
    })
  }
  return renamed.map(({ wanted: { mailbox, uid, octets }, entry, now }) => {
    ledger.match(entry)
    ledger.add(now)
    return { mailbox, uid, octets, entry: now }
  })
}

interface Pair {
  readonly wanted: Wanted
  readonly entries: readonly LedgerEntry[]
  readonly byHeader: boolean
}

function byEmailId(wanted: readonly Wanted[], { ledger }: RecognitionOptions): Pair[] {
  return wanted.flatMap((one): Pair[] => {
    const entries = ledger.withEmailId(one.emailId)
    return entries.length === 0 ? [] : [{ wanted: one, entries, byHeader: false }]
  })
}

/** Those whose size is that of something that is not seen on the server, and whose header is the same. */
async function byHeader(wanted: readonly Wanted[], options: RecognitionOptions): Promise<Pair[]> {
  const { connection, mail, map } = options
  const suspects = await suspectsOf(wanted, options)
  const pairs: Pair[] = []
  for (const [mailbox, some] of Map.groupBy(suspects, (pair) => pair.wanted.mailbox)) {
    await connection.stayIn(mailbox.path)
    const byUid = new Map(some.map((pair) => [pair.wanted.uid, pair]))
    for await (const row of rows(connection, [...byUid.keys()], { uid: true, headers: true })) {
      const pair = byUid.get(row.uid)
      const header = headerOf(row.headers)
      const head = header?.finish()
      if (pair === undefined || head === undefined) continue
      const same: LedgerEntry[] = []
      for (const entry of pair.entries) {
        // Such a header may stand above another text, too: where it can, what is downloaded is known by its octets.
        if (header?.telling !== true && standsNowhere(entry, map)) continue
        if ((await readableHead(mail, entry)) === head) same.push(entry)
      }
      if (same.length > 0) pairs.push({ ...pair, entries: same })
    }
  }
  return pairs
}

async function suspectsOf(wanted: readonly Wanted[], options: RecognitionOptions): Promise<Pair[]> {
  const { mail, ledger, map } = options
  return await mail.read((view) => {
    const isSuspect = (one: Wanted, { uniqueId, message }: LedgerEntry): boolean => {
      const name = imapName(uniqueId)
      // It came by POP3, before the account was changed over.
      if (name === undefined) return true
      // What has an id here and there would have been known by it.
      if (one.emailId !== '' && name.emailId !== '') return false
      if (map.isStale(name)) return true
      // Elsewhere in the same mailbox it is another message; a move and a copy keep the date (RFC 9051 §6.4.7).
      if (keysOf(one.mailbox).includes(name.mailbox)) return false
      const here = message === undefined ? undefined : view.message(message)
      return here === undefined || here.received === one.received
    }
    return wanted.flatMap((one): Pair[] => {
      if (one.octets === undefined) return []
      const entries = ledger.ofSize(one.octets).filter((entry) => isSuspect(one, entry))
      return entries.length === 0 ? [] : [{ wanted: one, entries, byHeader: true }]
    })
  })
}

/** Of these rows, those whose messages are no more where they stood. */
async function goneOf(pairs: readonly Pair[], { connection, map }: RecognitionOptions): Promise<Set<LedgerEntry>> {
  const gone = new Set<LedgerEntry>()
  const asked = new Map<string, Map<number, LedgerEntry[]>>()
  for (const entry of new Set(pairs.flatMap(({ entries }) => entries))) {
    const name = imapName(entry.uniqueId)
    const path = name === undefined ? undefined : map.pathOf(name)
    if (name === undefined || standsNowhere(entry, map)) gone.add(entry)
    else if (path !== undefined) {
      const uids = asked.get(path) ?? new Map<number, LedgerEntry[]>()
      asked.set(path, uids.set(name.uid, [...(uids.get(name.uid) ?? []), entry]))
    }
  }
  for (const [path, uids] of asked) {
    try {
      await connection.stayIn(path)
    } catch (error) {
      // Nobody can tell: then they are not said to be gone.
      if (!(error instanceof RefusedError)) throw error
      continue
    }
    const here = new Set<number>()
    for (const { set } of portions([...uids.keys()], 1000))
      for (const uid of await connection.search({ uid: set })) here.add(uid)
    for (const [uid, entries] of uids) if (!here.has(uid)) for (const entry of entries) gone.add(entry)
  }
  return gone
}

/** Whether its name is nobody's there: it came by POP3, or its mailbox is gone, renamed, or numbered anew. */
function standsNowhere({ uniqueId }: LedgerEntry, map: ImapMap): boolean {
  const name = imapName(uniqueId)
  return name === undefined || map.isStale(name)
}

function homeOf({ uniqueId }: LedgerEntry, map: ImapMap): string | undefined {
  const name = imapName(uniqueId)
  return name === undefined ? undefined : map.homeOf(name)
}
