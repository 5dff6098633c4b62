import type { Hash, MessageId } from '../ids.ts'
import type { LedgerEntry, Origin } from '../store/store.ts'

/** One message of a remote maildrop, as its listings show it. */
export interface Listed {
  /** The message-number, of this session. */
  readonly number: number
  /** Empty where the server gives none. */
  readonly uniqueId: string
  /** The size that LIST gave (octets); undefined where it gave none. */
  readonly octets: number | undefined
}

/** The listed size of a row whose unique-id belongs to another message now: nothing that is listed is that message. */
export const givenAway = -1

/** A listed message that came home before, or (its hash is empty) that another program has. */
export interface Known {
  readonly listed: Listed
  readonly entry: LedgerEntry
}

/** A listed message that may be one that came home by another unique-id, and which. */
export interface Suspect {
  readonly listed: Listed
  readonly entries: readonly LedgerEntry[]
}

/**
 * What a remote account has given us, held against what it lists now. A message is known by unique-id *and* size (law 3): an id
 * that stands beside another size may have been given to another message, so that one is fetched and its hash decides. Ids that
 * a listing does not show are not forgotten (law 4), and equal octets under one id are as many messages as the server lists. What
 * another program has is known by its unique-id, and by its size too once that was seen.
 */
export class Ledger {
  readonly #account: string
  /** By unique-id, the ways in that no listed message has been matched with; mostly there is one. */
  readonly #free = new Map<string, LedgerEntry | LedgerEntry[]>()
  /** What came of the same mailbox by another protocol. */
  readonly #before: readonly LedgerEntry[]
  /** The ways in of messages that are known; and by hash and unique-id, up to where those of messages fetched now are taken. */
  #taken: Set<string> | undefined
  readonly #next = new Map<string, number>()
  #matched: LedgerEntry[] = []
  /** The ways in of messages that may be listed under other names now, and the messages that were given to those. */
  #lost: readonly LedgerEntry[] = []
  #lostByHash: Map<Hash, LedgerEntry[]> | undefined
  readonly #given = new Set<MessageId>()
  /** By hash and number, what came without a unique-id. */
  #withoutName: ReadonlyMap<string, LedgerEntry> | undefined
  /** Whether the server lists messages without unique-id, and whether it seems to have changed those of all. */
  #nameless = false
  #suspicious = false
  /** Unique-ids that are listed beside another size than the message had that came by them. */
  readonly #passedOn = new Set<string>()

  constructor(account: string, entries: readonly LedgerEntry[], before: readonly LedgerEntry[] = []) {
    this.#account = account
    this.#before = before
    for (const entry of entries) {
      const same = this.#free.get(entry.uniqueId)
      if (same === undefined) this.#free.set(entry.uniqueId, entry)
      else if (Array.isArray(same)) same.push(entry)
      else this.#free.set(entry.uniqueId, [same, entry])
    }
  }

  /** Divides a listing into what is known and what is to be fetched. */
  divide(listing: readonly Listed[]): { known: Known[]; wanted: Listed[] } {
    const known: Known[] = []
    const wanted: Listed[] = []
    for (const listed of listing) {
      const entry = this.#match(listed)
      if (entry === undefined) wanted.push(listed)
      else known.push({ listed, entry })
      if (listed.uniqueId === '') this.#nameless = true
      else if (entry === undefined && this.#free.has(listed.uniqueId)) this.#passedOn.add(listed.uniqueId)
    }
    return { known, wanted }
  }

  /** Takes back what `divide` took for known: their unique-ids stand for other messages now. Only before anything is adopted. */
  release(strangers: readonly Known[]): void {
    const entries = new Set(strangers.map(({ entry }) => entry))
    this.#matched = this.#matched.filter((entry) => !entries.has(entry))
    for (const entry of entries) {
      this.#passedOn.add(entry.uniqueId)
      this.#free.set(entry.uniqueId, [this.#free.get(entry.uniqueId) ?? [], entry].flat())
    }
  }

  /**
   * What of that which is wanted may be known by another unique-id: a provider that moves its mailboxes to other machines gives all
   * of them anew. That is to be suspected where (nearly) nothing listed is known by the name it came by, but sizes are; at least
   * `least` of them. What was found by its new name the last time, before the line broke, is part of it.
   */
  suspects({ known, wanted }: { known: readonly Known[]; wanted: readonly Listed[] }, least: number): Suspect[] {
    if (wanted.length === 0) return []
    const { lost, renamed } = this.#unmatched()
    this.#lost = lost
    const many = (count: number): boolean => count >= least && (known.length - renamed) * 10 <= count
    if (!many(wanted.length)) return []
    const bySize = new Map<number | undefined, LedgerEntry[]>(wanted.map(({ octets }) => [octets, []]))
    bySize.delete(undefined)
    for (const row of lost) for (const size of new Set([row.listed, row.size])) bySize.get(size)?.push(row)
    const suspects = wanted.flatMap((listed): Suspect[] => {
      const entries = listed.uniqueId === '' ? [] : (bySize.get(listed.octets) ?? [])
      return entries.length === 0 ? [] : [{ listed, entries }]
    })
    // Each server counts in its own way: where one expects to know something, what is fetched is held against what was here all the same.
    this.#suspicious = least === 1 || many(suspects.length)
    return many(suspects.length) ? suspects : []
  }

  /**
   * The row of a message with these octets that came by another name: by a unique-id that is gone, where that is suspected; by one that
   * stands for another message now; or without one, where the server gave none for a while. Each message is given once.
   */
  adopt({ uniqueId, nth }: Pick<Origin, 'uniqueId' | 'nth'>, hash: Hash): LedgerEntry | undefined {
    if (!this.#suspicious && uniqueId !== '' && !this.#free.has('') && this.#passedOn.size === 0) return undefined
    this.#lostByHash ??= Map.groupBy(this.#lost, (row) => row.hash)
    const rows = this.#lostByHash.get(hash)
    if (rows === undefined) return undefined
    if (uniqueId === '') {
      // What came without a unique-id before is known by that.
      const row = this.#rowsWithoutName().get(`${hash} ${nth}`)
      if (row?.message !== undefined) this.#given.add(row.message)
      if (row !== undefined) return undefined
    }
    // Where only its listed size has changed, its own row is what it is known by.
    const hasOwn = rows.some((row) => row.uniqueId === uniqueId && row.nth === nth)
    const place = rows.findLastIndex(
      (row) =>
        (this.#suspicious || uniqueId === '' || row.uniqueId === '' || (!hasOwn && this.#passedOn.has(row.uniqueId))) &&
        (row.message === undefined || !this.#given.has(row.message)),
    )
    const [row] = place === -1 ? [] : rows.splice(place, 1)
    if (row?.message !== undefined) this.#given.add(row.message)
    return row
  }

  /**
   * Rows of messages that were here, which nothing listed was matched with; not those that are other names of what is listed. And how many
   * of those listed have such an older name.
   */
  #unmatched(): { lost: LedgerEntry[]; renamed: number } {
    const here = new Set<MessageId>()
    // Of what was removed here, only the octets can tell.
    const removed = new Map<Hash, number>()
    for (const { hash, message } of this.#matched)
      if (message !== undefined) here.add(message)
      else removed.set(hash, (removed.get(hash) ?? 0) + 1)
    const renamed = new Set<MessageId>()
    let renamedRemoved = 0
    const lost = [...[...this.#free.values()].flat(), ...this.#before].filter(({ hash, uniqueId, message }) => {
      // While some are listed without a unique-id, those that came so are known by it.
      if (hash === '' || (uniqueId === '' && this.#nameless)) return false
      if (message !== undefined) {
        if (!here.has(message)) return true
        if (uniqueId !== '') renamed.add(message)
        return false
      }
      const left = removed.get(hash) ?? 0
      if (left === 0) return true
      removed.set(hash, left - 1)
      if (uniqueId !== '') renamedRemoved++
      return false
    })
    return { lost, renamed: renamed.size + renamedRemoved }
  }

  #rowsWithoutName(): ReadonlyMap<string, LedgerEntry> {
    return (this.#withoutName ??= new Map(
      [this.#free.get('') ?? []].flat().map((row) => [`${row.hash} ${row.nth}`, row]),
    ))
  }

  /** The way in of a message that was just fetched. */
  origin(listed: Listed, hash: Hash): Origin {
    const { uniqueId, octets } = listed
    const nth = this.#take(uniqueId, hash)
    return { account: this.#account, uniqueId, nth, ...(octets === undefined ? {} : { listed: octets }) }
  }

  /** The first number under which no equal octets came by this unique-id; it is taken from now on. */
  #take(uniqueId: string, hash: Hash): number {
    // Made only once something is new: mostly nothing is.
    this.#taken ??= new Set(this.#matched.map((row) => `${row.hash} ${row.nth} ${row.uniqueId}`))
    const way = `${hash} ${uniqueId}`
    let nth = this.#next.get(way) ?? 0
    while (this.#taken.size > 0 && this.#taken.has(`${hash} ${nth} ${uniqueId}`)) nth++
    this.#next.set(way, nth + 1)
    return nth
  }

  #match(listed: Listed): LedgerEntry | undefined {
    // Without a unique-id only the octets can tell.
    if (listed.uniqueId === '') return undefined
    const same = this.#free.get(listed.uniqueId)
    if (same === undefined) return undefined
    const fits = ({ listed: before, size, hash }: LedgerEntry): boolean =>
      before !== givenAway &&
      (listed.octets === undefined || (hash === '' && before === undefined) || listed.octets === (before ?? size))
    const entry = Array.isArray(same) ? same.find(fits) : fits(same) ? same : undefined
    if (entry === undefined) return undefined
    if (Array.isArray(same)) same.splice(same.indexOf(entry), 1)
    else this.#free.delete(listed.uniqueId)
    this.#matched.push(entry)
    return entry
  }
}
