import { cr, lf } from '../wire/octets.ts'

/**
 * Cuts a message down to its header, the blank line, and so many lines of its body (RFC 1939 §7, TOP). A line ends as the
 * message's lines do: with CRLF, or with LF where it is kept so.
 */
export class TopCutter {
  readonly #bare: boolean
  #left: number
  #inBody = false
  /** Octets of the line so far, and the last of them. */
  #line = 0
  #last = 0
  /** Whether all that is wanted has been seen. */
  enough = false

  constructor(lines: number, lineEnds: 'crlf' | 'lf') {
    this.#left = lines
    this.#bare = lineEnds === 'lf'
  }

  /** What of these octets is wanted. */
  cut(octets: Uint8Array): Uint8Array {
    let from = 0
    for (let at = octets.indexOf(lf); at !== -1 && !this.enough; at = octets.indexOf(lf, from)) {
      const length = this.#line + at - from
      const ends = this.#bare || (at > from ? octets[at - 1] : this.#last) === cr
      from = at + 1
      this.#last = lf
      if (!ends) {
        this.#line = length + 1
        continue
      }
      this.#line = 0
      if (this.#inBody) this.#left--
      else if (length === (this.#bare ? 0 : 1)) this.#inBody = true
      this.enough = this.#inBody && this.#left <= 0
    }
    if (this.enough) return octets.subarray(0, from)
    if (from < octets.length) {
      this.#line += octets.length - from
      this.#last = octets.at(-1) ?? 0
    }
    return octets
  }
}
