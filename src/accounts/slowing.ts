import { placeKey } from '../net/place.ts'

/** What one failure after another costs, milliseconds: nothing at first for `free` of them, then twice as long each time. */
const first = 250
const most = 15_000
/** A record without a failure for so long is forgotten, milliseconds. */
const memory = 15 * 60_000
/** At most so many records; the oldest goes first. */
const records = 4096

interface Failures {
  count: number
  /** When the last one happened, milliseconds of the caller's clock. */
  last: number
}

/**
 * Slows those who try wrong passwords: each failure of one address with one user makes the next answer come later; so do, with
 * more patience, the failures of one address with any users. It never locks anybody out, and its memory is bounded.
 */
export class Slowing {
  readonly #failures = new Map<string, Failures>()

  /** How long the next answer must wait, milliseconds. */
  delay(from: string, user: string, now: number): number {
    const pair = growth(this.#count(pairKey(from, user), now))
    return Math.max(pair, growth(this.#count(placeKey(from), now) - 10))
  }

  failed(from: string, user: string, now: number): void {
    for (const key of [pairKey(from, user), placeKey(from)]) {
      const count = this.#count(key, now) + 1
      this.#failures.delete(key) // so that it goes to the end of the map, which is kept in order of age
      this.#failures.set(key, { count, last: now })
    }
    for (const key of this.#failures.keys()) {
      if (this.#failures.size <= records) break
      this.#failures.delete(key)
    }
  }

  /** A right password clears what this address did with this user. */
  succeeded(from: string, user: string): void {
    this.#failures.delete(pairKey(from, user))
  }

  #count(key: string, now: number): number {
    const found = this.#failures.get(key)
    return found === undefined || now - found.last > memory ? 0 : found.count
  }
}

function growth(failures: number): number {
  return failures <= 0 ? 0 : Math.min(first * 2 ** (failures - 1), most)
}

function pairKey(from: string, user: string): string {
  return `${placeKey(from)} ${user}`
}
