import type { Hash } from '../ids.ts'
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

/** The numbers of equal octets that came by one unique-id: those taken, and up to where all are. */
interface Ways {
  readonly uniqueId: string
  readonly taken: Set<number>
  next: number
}

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
  /** The ways in that are taken, by hash: those of messages that are known, and of those fetched now. */
  #taken: Map<Hash, Ways[]> | undefined
  readonly #matched: LedgerEntry[] = []
  /** By hash, the ways in of messages that may be listed under other unique-ids now. */
  #lost: Map<Hash, LedgerEntry[]> | undefined

  constructor(account: string, entries: readonly LedgerEntry[]) {
    this.#account = account
    for (const entry of entries) {
      const same = this.#free.get(entry.uniqueId)
      if (same === undefined) this.#free.set(entry.uniqueId, entry)
      else this.#free.set(entry.uniqueId, [same, entry].flat())
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
    }
    return { known, wanted }
  }

  /**
   * What of that which is wanted may be known by another unique-id: a provider that moves its mailboxes to other machines gives all
   * of them anew. That is to be suspected where (nearly) nothing listed is known, but sizes are; at least `least` of them.
   */
  suspects({ known, wanted }: { known: readonly Known[]; wanted: readonly Listed[] }, least: number): Suspect[] {
    const bySize = new Map<number, LedgerEntry[]>()
    if (wanted.length === 0) return []
    const lost = this.#unmatched()
    for (const entry of lost) {
      const size = entry.listed ?? entry.size
      const same = bySize.get(size)
      if (same === undefined) bySize.set(size, [entry])
      else same.push(entry)
    }
    const suspects = wanted.flatMap((listed): Suspect[] => {
      const entries = listed.uniqueId === '' ? undefined : bySize.get(listed.octets ?? -1)
      return entries === undefined ? [] : [{ listed, entries }]
    })
    if (suspects.length < least || known.length * 10 > suspects.length) return []
    this.#lost = Map.groupBy(lost, ({ hash }) => hash)
    return suspects
  }

  /** The row of a message with these octets that came by a unique-id which is gone, where that is suspected; each is given once. */
  adopt(hash: Hash): LedgerEntry | undefined {
    return this.#lost?.get(hash)?.pop()
  }

  /** Rows of messages that were here, which nothing listed was matched with; not those whose octets are listed under another name. */
  #unmatched(): LedgerEntry[] {
    const elsewhere = new Map<Hash, number>()
    for (const { hash } of this.#matched) elsewhere.set(hash, (elsewhere.get(hash) ?? 0) + 1)
    return [...this.#free.values()].flat().filter(({ hash, uniqueId }) => {
      if (hash === '' || uniqueId === '') return false
      const listed = elsewhere.get(hash) ?? 0
      elsewhere.set(hash, listed - 1)
      return listed <= 0
    })
  }

  /** The way in of a message that was just fetched. */
  origin(listed: Listed, hash: Hash): Origin {
    const { uniqueId, octets } = listed
    const nth = this.#take(uniqueId, hash)
    return { account: this.#account, uniqueId, nth, ...(octets === undefined ? {} : { listed: octets }) }
  }

  /** The first number under which no equal octets came by this unique-id; it is taken from now on. */
  #take(uniqueId: string, hash: Hash): number {
    if (this.#taken === undefined) {
      // Made only once something is new: mostly nothing is.
      this.#taken = new Map()
      for (const entry of this.#matched) this.#ways(entry.hash, entry.uniqueId).taken.add(entry.nth)
    }
    const ways = this.#ways(hash, uniqueId)
    while (ways.taken.has(ways.next)) ways.next++
    return ways.next++
  }

  #ways(hash: Hash, uniqueId: string): Ways {
    const same = this.#taken?.get(hash) ?? []
    this.#taken?.set(hash, same)
    const known = same.find((ways) => ways.uniqueId === uniqueId)
    if (known !== undefined) return known
    const ways: Ways = { uniqueId, taken: new Set(), next: 0 }
    same.push(ways)
    return ways
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
