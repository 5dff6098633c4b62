import { createHash, hash as hashOnce } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Hash } from '../ids.ts'
import { Lines } from './lines.ts'
import type { Content, LineEnds } from './store.ts'
import { SurrogateMeasure } from './surrogate.ts'

const lf = 0x0a
const dot = 0x2e
/** A line that begins with a dot, whatever ends the line before it. */
const dotLine = Buffer.from('\n.')
const { indexOf } = Buffer.prototype

/** Takes the measure of a message as its octets go by: hash, size, and what it will be on the wire, to new clients and to old. */
export class Measure {
  readonly #surrogate = new SurrogateMeasure()
  /** Undefined: every line ends in CRLF. */
  readonly #lines: Lines | undefined
  #hash: ReturnType<typeof createHash> | undefined
  #first: Uint8Array | undefined
  #crc = 0
  #dots = false
  #size = 0
  #last = lf

  /** `wire`: every line ends in CRLF already, so that size and octets are one. */
  constructor(wire: boolean) {
    this.#lines = wire ? undefined : new Lines(true)
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
    this.#surrogate.update(chunk)
    this.#lines?.update(chunk)
    this.#size += chunk.length
    this.#last = chunk.at(-1) ?? 0
  }

  finish(): Content {
    const hash = (this.#hash?.digest('hex') ?? hashOnce('sha256', this.#first ?? new Uint8Array(), 'hex')) as Hash
    const size = this.#size
    const lineEnds: LineEnds = this.#lines?.ends ?? 'crlf'
    const octets = this.#lines?.octets(lineEnds) ?? size
    const surrogate = this.#surrogate.finish(lineEnds)
    return { hash, size, octets, lineEnds, crc: this.#crc, dots: this.#dots, surrogate }
  }

  #running(): ReturnType<typeof createHash> {
    this.#hash ??= createHash('sha256').update(this.#first ?? new Uint8Array())
    return this.#hash
  }
}

/** SHA-256 of octets held whole. */
export function hashOf(octets: Uint8Array): Hash {
  return hashOnce('sha256', octets, 'hex') as Hash
}
