import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { Range } from './store.ts'
import { octetsFor, wrappedSize, type Wrapping } from './wrapped-base64.ts'

/*
 * How a message is written whose attachments are kept elsewhere: its own text, and between it the names of parts.
 *
 * | octets | what |
 * |---|---|
 * | varint | how many octets of the message follow as they are |
 * | … | these |
 * | 32 | unless the recipe ends here: SHA-256 of the part that comes next, decoded |
 * | varint | how many octets it has, decoded |
 * | varint | characters of base64 in each of its lines but the last; 0: it is all one line |
 * | 1 | 0: its lines end with LF; 1: with CRLF. None follows the last line |
 *
 * and again from the top, as long as there is more. A varint has seven bits in each octet, the lowest ones first; every octet but
 * its last has 0x80 set.
 */

/** A stretch of base64 in a message, from `start` up to `end`. */
export interface Part extends Wrapping {
  /** SHA-256 of `octets`. */
  readonly hash: Hash
  /** Decoded. */
  readonly octets: Buffer
  readonly start: number
  readonly end: number
}

/** What a recipe says to write, one after the other. */
export type Step = LiteralStep | PartStep

/** Octets that stand in the recipe itself. */
export interface LiteralStep {
  readonly kind: 'literal'
  readonly start: number
  readonly length: number
}

/** A part, as wrapped base64; `size` is that of its octets, decoded. */
export interface PartStep extends Wrapping {
  readonly kind: 'part'
  readonly hash: Hash
  readonly size: number
}

const hashOctets = 32
const mostDigits = 7

/** The recipe of a message, given what `encodedParts` found in it. */
export function encodeRecipe(message: Buffer, parts: readonly Part[]): Buffer {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const { hash, octets, start, end, lineLength, lineEnd } of parts) {
    pieces.push(varint(start - at), message.subarray(at, start), Buffer.from(hash, 'hex'))
    pieces.push(varint(octets.length), varint(lineLength), Buffer.of(lineEnd === 'crlf' ? 1 : 0))
    at = end
  }
  if (at < message.length) pieces.push(varint(message.length - at), message.subarray(at))
  return Buffer.concat(pieces)
}

/** The steps of a recipe. Throws StoreError `damaged` where it is none. */
export function readRecipe(recipe: Buffer): Step[] {
  const steps: Step[] = []
  const reader = new RecipeReader(recipe)
  while (reader.more) {
    const length = reader.varint()
    if (length > 0) steps.push({ kind: 'literal', start: reader.pass(length), length })
    if (reader.more) steps.push(reader.part())
  }
  return steps
}

/** The size of the message that a recipe makes. */
export function rebuiltSize(steps: readonly Step[]): number {
  let size = 0
  for (const step of steps) size += stepSize(step)
  return size
}

/** A step, and which range of its own text is wanted. */
export interface StepRange {
  readonly step: Step
  readonly range: Range
  /** Of a part: which of its octets, decoded, that takes. */
  readonly octets: Range
}

/** What a range of the message is made of, without the rest. */
export function stepsFor(steps: readonly Step[], { from, to }: Range): StepRange[] {
  const wanted: StepRange[] = []
  let at = 0
  for (const step of steps) {
    const size = stepSize(step)
    const range = { from: Math.max(0, from - at), to: Math.min(size, to - at) }
    at += size
    if (range.from >= range.to) continue
    wanted.push({ step, range, octets: step.kind === 'part' ? octetsFor(step.size, step, range) : range })
  }
  return wanted
}

function stepSize(step: Step): number {
  return step.kind === 'literal' ? step.length : wrappedSize(step.size, step)
}

function varint(value: number): Buffer {
  const digits: number[] = []
  let left = value
  for (; left > 127; left = Math.floor(left / 128)) digits.push((left % 128) | 128)
  return Buffer.from([...digits, left])
}

class RecipeReader {
  readonly #recipe: Buffer
  #at = 0

  constructor(recipe: Buffer) {
    this.#recipe = recipe
  }

  get more(): boolean {
    return this.#at < this.#recipe.length
  }

  varint(): number {
    const start = this.#at
    let value = 0
    for (let digits = 0, unit = 1; digits < mostDigits; digits++, unit *= 128) {
      const octet = this.#octet()
      value += (octet & 127) * unit
      if (octet < 128) return value
    }
    throw damaged(start, 'no number of ours has so many digits')
  }

  /** Passes over so many octets; gives where they begin. */
  pass(length: number): number {
    const start = this.#at
    const left = this.#recipe.length - start
    if (length > left) throw damaged(start, `${length} octets must follow and ${left} do`)
    this.#at += length
    return start
  }

  part(): PartStep {
    const start = this.pass(hashOctets)
    const hash = this.#recipe.toString('hex', start, this.#at) as Hash
    const size = this.varint()
    const lineLength = this.varint()
    const lineEnd = this.#octet()
    if (size === 0 || lineEnd > 1) throw damaged(start, `no part has ${size} octets and the line end ${lineEnd}`)
    return { kind: 'part', hash, size, lineLength, lineEnd: lineEnd === 1 ? 'crlf' : 'lf' }
  }

  #octet(): number {
    const octet = this.#recipe[this.#at]
    if (octet === undefined) throw damaged(this.#at, 'it ends too early')
    this.#at++
    return octet
  }
}

function damaged(at: number, what: string): StoreError {
  return new StoreError('damaged', `not the recipe of a message, at its octet ${at}: ${what}`)
}
