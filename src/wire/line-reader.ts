import { cr, lf, noOctets, toText } from './octets.ts'

/**
 * Reads lines that end in CRLF or LF, in any split, and holds at most `limit` octets of one (its end not counted). A longer
 * line is an outcome, not an error: the reader skips to its end, keeps nothing of it, and says so in `tooLong`.
 */
export class LineReader {
  readonly limit: number
  #held: Uint8Array = noOctets
  #size = 0
  #skipping = false
  /** The line that the last `read` completed, without its end. */
  line = ''
  /** Whether the line that the last `read` saw, complete or not, is longer than `limit`; `line` is then empty. */
  tooLong = false
  /** Whether it ended in LF alone. */
  bare = false

  constructor(limit: number) {
    this.limit = limit
  }

  /** Reads on from `from`. Gives the place behind the line, or -1 when all octets were taken and the line has no end yet. */
  read(octets: Uint8Array, from = 0): number {
    const end = octets.indexOf(lf, from)
    if (end === -1) {
      this.#hold(octets, from)
      return -1
    }
    const size = this.#size
    if (size === 0 && !this.#skipping) {
      this.bare = end === from || octets[end - 1] !== cr
      const last = this.bare ? end : end - 1
      this.tooLong = last - from > this.limit
      this.line = this.tooLong ? '' : toText(octets.subarray(from, last))
      return end + 1
    }
    const before = end > from ? octets[end - 1] : this.#held[size - 1]
    this.bare = before !== cr
    const length = size + end - from - (this.bare ? 0 : 1)
    this.tooLong = this.#skipping || length > this.limit
    if (this.tooLong) this.line = ''
    else {
      // The CR of CRLF may be among what is held.
      if (end > from) this.#append(octets, from, end)
      this.line = toText(this.#held.subarray(0, length))
    }
    this.#size = 0
    this.#skipping = false
    return end + 1
  }

  /** Forgets what is held. */
  clear(): void {
    this.#size = 0
    this.#skipping = false
  }

  #hold(octets: Uint8Array, from: number): void {
    const { length } = octets
    this.line = ''
    this.tooLong = this.#skipping
    if (length === from) return
    // One more than the limit may be held: the CR of the line's end.
    if (!this.#skipping && this.#size + length - from <= this.limit + 1) {
      this.#append(octets, from, length)
      return
    }
    this.#skipping = true
    this.tooLong = true
    // Of a line that is too long only the last octet matters: it may be the CR of its end.
    this.#size = 0
    this.#append(octets, length - 1, length)
  }

  #append(octets: Uint8Array, from: number, end: number): void {
    const needed = this.#size + end - from
    if (needed > this.#held.length) {
      const room = new Uint8Array(Math.max(needed, Math.min(this.limit + 2, this.#held.length * 2)))
      room.set(this.#held.subarray(0, this.#size))
      this.#held = room
    }
    this.#held.set(octets.subarray(from, end), this.#size)
    this.#size = needed
  }
}
