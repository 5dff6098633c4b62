import { createHash, hash as hashOnce } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Hash } from '../ids.ts'
import { HeaderLook } from './header-look.ts'
import type { Content, LineEnds } from './store.ts'

const lf = 0x0a
const cr = 0x0d
const dot = 0x2e
/** A line that begins with a dot, whatever ends the line before it. */
const dotLine = Buffer.from('\n.')
const { indexOf } = Buffer.prototype

/** Takes the measure of a message as its octets go by: hash, size, and what it will be on the wire. */
export class Measure {
  readonly #wire: boolean
  readonly #header = new HeaderLook()
  #hash: ReturnType<typeof createHash> | undefined
  #first: Uint8Array | undefined
  #crc = 0
  #dots = false
  #size = 0
  #lines = 0
  #crlf = false
  #last = lf

  /** `wire`: every line ends in CRLF already, so that size and octets are one. */
  constructor(wire: boolean) {
    this.#wire = wire
  }

  get size(): number {
    return this.#size
  }

  update(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    // Most messages are one chunk, and hashing that in one call is cheaper.
    if (this.#size === 0) this.#first = chunk
    else this.#running().update(chunk)
    this.#crc = crc32(chunk, this.#crc)
    this.#dots ||= (this.#last === lf && chunk[0] === dot) || indexOf.call(chunk, dotLine) !== -1
    this.#header.update(chunk)
    if (!this.#wire) this.#look(chunk)
    this.#size += chunk.length
    this.#last = chunk.at(-1) ?? 0
  }

  finish(): Content {
    const hash = (this.#hash?.digest('hex') ?? hashOnce('sha256', this.#first ?? new Uint8Array(), 'hex')) as Hash
    const size = this.#size
    const known = { hash, size, crc: this.#crc, dots: this.#dots, international: this.#header.isInternational() }
    if (this.#wire) return { ...known, octets: size, lineEnds: 'crlf' }
    const lineEnds: LineEnds = this.#crlf || this.#lines === 0 ? 'crlf' : 'lf'
    const ended = size === 0 || (this.#last === lf && (lineEnds === 'lf' || this.#lastCrlf))
    return { ...known, octets: size + (lineEnds === 'lf' ? this.#lines : 0) + (ended ? 0 : 2), lineEnds }
  }

  #lastCrlf = false

  #running(): ReturnType<typeof createHash> {
    this.#hash ??= createHash('sha256').update(this.#first ?? new Uint8Array())
    return this.#hash
  }

  #look(chunk: Uint8Array): void {
    if (chunk[0] === lf && this.#last === cr) this.#crlf = true
    for (let at = 0; at < chunk.length; at++) {
      if (chunk[at] !== lf) continue
      this.#lines++
      if (at > 0 && chunk[at - 1] === cr) this.#crlf = true
    }
    const before = chunk.length > 1 ? chunk.at(-2) : this.#last
    this.#lastCrlf = chunk.at(-1) === lf && before === cr
  }
}

/** SHA-256 of octets held whole. */
export function hashOf(octets: Uint8Array): Hash {
  return hashOnce('sha256', octets, 'hex') as Hash
}
