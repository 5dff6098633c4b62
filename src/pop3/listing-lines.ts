import { join, lf, noOctets, toText } from '../wire/octets.ts'

/** Cuts the content of a listing into lines, many at once; holds at most one unfinished line of at most `limit` octets. */
export class ListingLines {
  readonly #limit: number
  #held: Uint8Array = noOctets

  constructor(limit: number) {
    this.#limit = limit
  }

  begin(): void {
    this.#held = noOctets
  }

  /** The lines that these octets complete, without their ends; undefined once a line is too long. */
  add(octets: Uint8Array): string[] | undefined {
    const last = octets.lastIndexOf(lf)
    if (last === -1) {
      this.#held = join([this.#held, octets])
      return this.#held.length > this.#limit + 1 ? undefined : []
    }
    const whole = octets.subarray(0, last + 1)
    const text = toText(this.#held.length === 0 ? whole : join([this.#held, whole]))
    // A copy, also of Node's Buffer, whose own `slice` is a view: that would keep the whole chunk.
    this.#held = Uint8Array.prototype.slice.call(octets, last + 1)
    const lines = text.split('\n')
    lines.pop()
    for (let place = 0; place < lines.length; place++) {
      const line = lines[place] ?? ''
      if (line.length > this.#limit + 1) return undefined
      if (line.endsWith('\r')) lines[place] = line.slice(0, -1)
    }
    return this.#held.length > this.#limit + 1 ? undefined : lines
  }
}
