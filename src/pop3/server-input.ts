import { LineReader } from '../wire/line-reader.ts'
import { noOctets } from '../wire/octets.ts'

/** A response to AUTH may be longer than a command (RFC 5034 §4): 16 KiB in base64. Nothing may be longer. */
const lineLimit = 21_848
/** So many octets wait at most. */
const enoughHeld = 64 << 10

/** The lines that wait for the server engine, still as they came. */
export class ServerInput {
  readonly #reader = new LineReader(lineLimit)
  #octets: Uint8Array = noOctets
  #at = 0
  #more: Uint8Array[] = []
  #held = 0
  /** Whether a line has come that is longer than any may be. Nothing behind it is read. */
  endless = false

  get roomy(): boolean {
    return this.#held < enoughHeld
  }

  add(octets: Uint8Array): void {
    if (octets.length === 0 || this.endless) return
    this.#held += octets.length
    if (this.#at === this.#octets.length && this.#more.length === 0) {
      this.#octets = octets
      this.#at = 0
    } else this.#more.push(octets)
  }

  /** Throws away all that waits. */
  clear(): void {
    this.#octets = noOctets
    this.#at = 0
    this.#more = []
    this.#held = 0
    this.#reader.clear()
  }

  /** The next line; undefined when there is no whole one. */
  next(): string | undefined {
    while (!this.endless) {
      if (this.#at === this.#octets.length) {
        const octets = this.#more.shift()
        if (octets === undefined) {
          this.#octets = noOctets
          this.#at = 0
          return undefined
        }
        this.#octets = octets
        this.#at = 0
      }
      const from = this.#at
      const at = this.#reader.read(this.#octets, from)
      this.#at = at === -1 ? this.#octets.length : at
      this.#held -= this.#at - from
      if (this.#reader.tooLong) this.endless = true
      else if (at !== -1) return this.#reader.line
    }
    return undefined
  }
}
