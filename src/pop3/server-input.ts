import { LineReader } from '../wire/line-reader.ts'
import { noOctets } from '../wire/octets.ts'

/** A response to AUTH may be longer than a command (RFC 5034 §4); nothing may be longer than this. */
const lineLimit = 4096
/** So many lines are read ahead, and so many octets wait, at most. */
const linesAhead = 64
const enoughHeld = 64 << 10

/** The lines that wait for the server engine: some read already, the rest still as they came. */
export class ServerInput {
  readonly #reader = new LineReader(lineLimit)
  #octets: Uint8Array = noOctets
  #at = 0
  #more: Uint8Array[] = []
  #held = 0
  #lines: string[] = []
  #head = 0
  #peeked = 0
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

  /** The next line; undefined when there is no whole one. */
  next(): string | undefined {
    if (this.#head === this.#lines.length) return this.#read()
    const line = this.#lines[this.#head++]
    if (this.#peeked < this.#head) this.#peeked = this.#head
    if (this.#head === this.#lines.length) {
      this.#lines = []
      this.#head = 0
      this.#peeked = 0
    } else if (this.#head > linesAhead) {
      this.#lines = this.#lines.slice(this.#head)
      this.#peeked -= this.#head
      this.#head = 0
    }
    return line
  }

  /** A line that waits behind the next one, each once; undefined when no more may be read ahead. */
  peek(): string | undefined {
    if (this.#peeked === this.#lines.length) {
      if (this.#lines.length - this.#head >= linesAhead) return undefined
      const line = this.#read()
      if (line === undefined) return undefined
      this.#lines.push(line)
    }
    return this.#lines[this.#peeked++]
  }

  /** Throws away all that waits. */
  clear(): void {
    this.#octets = noOctets
    this.#at = 0
    this.#more = []
    this.#held = 0
    this.#lines = []
    this.#head = 0
    this.#peeked = 0
    this.#reader.clear()
  }

  #read(): string | undefined {
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
