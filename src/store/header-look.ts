import { isInternational } from '../message/downgrade.ts'

/** So much of a header is looked at (octets). */
const enough = 64 << 10
const lf = 0x0a
const cr = 0x0d
const { indexOf } = Buffer.prototype
const ends = [Buffer.from('\n\r\n'), Buffer.from('\n\n')]

/** Looks at the header of a message as its octets go by, and holds no more of them than it must. */
export class HeaderLook {
  #held: Uint8Array[] = []
  #size = 0
  #found: boolean | undefined

  update(chunk: Uint8Array): void {
    if (this.#found !== undefined) return
    this.#held.push(chunk)
    this.#size += chunk.length
    if (this.#size >= enough) this.#look()
  }

  /** What the function of that name says of it; call it when there is no more. */
  isInternational(): boolean {
    return this.#found ?? this.#look()
  }

  #look(): boolean {
    const [only] = this.#held
    const octets = this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held)
    this.#held = []
    return (this.#found = isInternational(headerOf(octets.subarray(0, enough))))
  }
}

/** The octets before the first empty line. */
function headerOf(octets: Uint8Array): Uint8Array {
  if (octets[0] === lf || (octets[0] === cr && octets[1] === lf)) return octets.subarray(0, 0)
  let header = octets
  for (const end of ends) {
    const found = indexOf.call(header, end)
    if (found !== -1) header = header.subarray(0, found + 1)
  }
  return header
}
