import type { LineEnds } from './store.ts'

const lf = 0x0a
const cr = 0x0d
const { indexOf } = Buffer.prototype

/** Looks at the lines of a message as its octets go by: how they end, and how many octets they are on the wire. */
export class Lines {
  #size = 0
  #count = 0
  #crlf = false
  #last = lf
  #lastCrlf = false
  readonly #own: boolean

  /** `own`: `octets` is asked for its own `ends` only, so that behind the first CRLF no line must be looked at. */
  constructor(own = false) {
    this.#own = own
  }

  update(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    if (chunk[0] === lf && this.#last === cr) this.#crlf = true
    for (let at = -1; !(this.#own && this.#crlf);) {
      at = indexOf.call(chunk, lf, at + 1)
      if (at === -1) break
      this.#count++
      if (at > 0 && chunk[at - 1] === cr) this.#crlf = true
    }
    const last = chunk.at(-1) ?? 0
    this.#lastCrlf = last === lf && (chunk.length > 1 ? chunk.at(-2) : this.#last) === cr
    this.#last = last
    this.#size += chunk.length
  }

  get ends(): LineEnds {
    return this.#crlf || this.#count === 0 ? 'crlf' : 'lf'
  }

  /** Octets on the wire, dot-stuffing not counted, of a message that is kept with such ends. */
  octets(ends: LineEnds): number {
    const ended = this.#size === 0 || (this.#last === lf && (ends === 'lf' || this.#lastCrlf))
    return this.#size + (ends === 'lf' ? this.#count : 0) + (ended ? 0 : 2)
  }
}
