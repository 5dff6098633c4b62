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

/** A listed message that came home before. */
export interface Known {
  readonly listed: Listed
  readonly entry: LedgerEntry
}

/**
 * What a remote account has given us, held against what it lists now. A message is known by unique-id *and* size (law 3): an id
 * that stands beside another size may have been given to another message, so that one is fetched and its hash decides. Ids that
 * a listing does not show are not forgotten (law 4), and equal octets under one id are as many messages as the server lists.
 */
export class Ledger {
  readonly #account: string
  /** By unique-id, the ways in that no listed message has been matched with. */
  readonly #free = new Map<string, LedgerEntry[]>()
  /** Those that a listed message was matched with. */
  readonly #matched: LedgerEntry[] = []
  #claimed: Set<string> | undefined

  constructor(account: string, entries: readonly LedgerEntry[]) {
    this.#account = account
    for (const entry of entries) {
      const same = this.#free.get(entry.uniqueId)
      if (same === undefined) this.#free.set(entry.uniqueId, [entry])
      else same.push(entry)
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

  /** The way in of a message that was just fetched. */
  origin(listed: Listed, hash: Hash): Origin {
    // Made only once something is new: mostly nothing is.
    this.#claimed ??= new Set(this.#matched.map((entry) => key(entry.uniqueId, entry.hash, entry.nth)))
    let nth = 0
    while (this.#claimed.has(key(listed.uniqueId, hash, nth))) nth++
    this.#claimed.add(key(listed.uniqueId, hash, nth))
    return {
      account: this.#account,
      uniqueId: listed.uniqueId,
      nth,
      ...(listed.octets === undefined ? {} : { listed: listed.octets }),
    }
  }

  #match(listed: Listed): LedgerEntry | undefined {
    // Without a unique-id only the octets can tell.
    if (listed.uniqueId === '') return undefined
    const same = this.#free.get(listed.uniqueId)
    const place = same?.findIndex(
      ({ listed: before, size }) => listed.octets === undefined || listed.octets === (before ?? size),
    )
    if (same === undefined || place === undefined || place === -1) return undefined
    const [entry] = same.splice(place, 1)
    if (entry !== undefined) this.#matched.push(entry)
    return entry
  }
}

function key(uniqueId: string, hash: Hash, nth: number): string {
  return `${hash} ${nth} ${uniqueId}`
}
