import { isAscii } from 'node:buffer'
import { Downgrader, isInternational } from '../message/downgrade.ts'
import { Lines } from './lines.ts'
import type { LineEnds } from './store.ts'

/** So much of a header is looked at, and so much is given on at once (octets). */
const enough = 64 << 10
const lf = 0x0a
const cr = 0x0d
const { indexOf } = Buffer.prototype
/** What the type message/global has in it. */
const global = [Buffer.from('/g'), Buffer.from('/G')]
const ends = [Buffer.from('\n\r\n'), Buffer.from('\n\n')]

/**
 * Looks at the header of a message as its octets go by, and holds no more of them than it must. Where old clients cannot take the
 * message as it is, it makes what they get in its place (RFC 6858), only to know how large that is.
 */
export class SurrogateMeasure {
  #held: Uint8Array[] = []
  #size = 0
  #international: boolean | undefined
  #surrogate: { readonly downgrader: Downgrader; readonly lines: Lines } | undefined

  update(chunk: Uint8Array): void {
    if (this.#international === false) return
    // Most messages are one chunk, and the first of them stays to the end; others may go before they are looked at (see `Staging.write`).
    this.#held.push(this.#size === 0 && this.#international === undefined ? chunk : Buffer.from(chunk))
    this.#size += chunk.length
    if (this.#size >= enough) this.#take()
  }

  /** Its octets on the wire, where the message is kept with these line ends; undefined: every client can take the message. */
  finish(lineEnds: LineEnds): number | undefined {
    this.#take()
    this.#surrogate?.downgrader.end()
    return this.#surrogate?.lines.octets(lineEnds)
  }

  #take(): void {
    if (this.#international === false) return
    const [only] = this.#held
    const octets = this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held)
    this.#held = []
    this.#size = 0
    this.#international ??= mayBeInternational(headerOf(octets.subarray(0, enough)))
    if (!this.#international) return
    this.#surrogate ??= measuring()
    this.#surrogate.downgrader.write(octets === only ? Buffer.from(octets) : octets)
  }
}

function measuring(): { readonly downgrader: Downgrader; readonly lines: Lines } {
  const lines = new Lines()
  const downgrader = new Downgrader((octets) => {
    lines.update(octets)
    return true
  })
  return { downgrader, lines }
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

/** `isInternational`, but what nearly every header is, is seen without looking at each octet here. */
function mayBeInternational(header: Uint8Array): boolean {
  const plain = isAscii(header) && global.every((beginning) => indexOf.call(header, beginning) === -1)
  return !plain && isInternational(header)
}
