import { createHash, type Hash as Running } from 'node:crypto'
import { closeSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { openSegmentNow } from './layout.ts'
import { hashOf } from './measure.ts'
import { isWholeSettled, lendSettled, readSettled, readSettledRange, type SettledBody } from './settled-body.ts'
import { blockHead, blockHeadValue, blockSize, bodyBlocks, frameHead, isFrameHead, type BodyPlace } from './segment.ts'
import type { SegmentFiles } from './segment-files.ts'
import { smallMessage, type Range, type Taker } from './store.ts'

/** Where a body is, and what proves its octets before they are given: their SHA-256, or their CRC-32 (docs/decisions/crc-while-serving.md). */
export interface Body {
  readonly path: string
  readonly place: BodyPlace
  readonly proof: Hash | number
  /** Where it is in a settled segment. */
  readonly settled?: SettledBody | undefined
}

interface Step {
  readonly at: number
  readonly size: number
  readonly last: boolean
}

/**
 * The octets of one body as they lie in memory, step by step: a small one whole, a large one block by block. Verified before they
 * are given: a small body at once, a large one before its last block. What is given is a loan, good only until
 * the borrower returns to the event loop.
 */
export class BodyLoan {
  readonly #files: SegmentFiles
  readonly #body: Body
  readonly #vouched: boolean
  readonly #steps: Iterator<Step[]>
  #next: IteratorResult<Step[]>
  /** Over the octets of a large body so far. */
  #hash: Running | undefined
  #sum = 0
  #begun = false
  #attempts = 0
  /** The octets of this step straight from the file, where what is in memory was not right. */
  #afresh: Buffer | undefined

  /** `vouched`: what was proved since it came into memory need not be again. */
  constructor(files: SegmentFiles, body: Body, vouched: boolean) {
    this.#files = files
    this.#body = body
    this.#vouched = vouched
    this.#steps = stepsOf(body.place)
    this.#next = this.#steps.next()
  }

  get done(): boolean {
    return this.#next.done === true
  }

  /** The next octets; undefined where they are not in memory: `load` them. Throws StoreError `damaged`. */
  take(): Buffer[] | undefined {
    if (this.#next.done === true) return undefined
    const step = this.#next.value
    const parts = this.#parts(step)
    if (parts === undefined || !this.#verify(step, parts)) {
      // What was read earlier may since have been written over by another process: what is in the file counts.
      if (this.#afresh !== undefined)
        throw this.#damaged(parts === undefined ? 'its frame is broken' : 'its octets do not match its hash')
      return undefined
    }
    this.#begun = true
    this.#attempts = 0
    this.#afresh = undefined
    this.#next = this.#steps.next()
    return parts
  }

  /** Brings the next octets into memory. Rejects with StoreError. */
  async load(): Promise<void> {
    if (this.#next.done === true) return
    const { path, place } = this.#body
    const [start, length] = this.#stretch(this.#next.value)
    if (this.#attempts++ === 0) {
      await this.#files.load(path, start, length, place.size > smallMessage)
      return
    }
    this.#files.forget(path)
    const afresh = await this.#files.readAfresh(path, start, length)
    if (afresh.length < length) throw this.#damaged('the file ends before it does')
    this.#afresh = afresh
  }

  /** From where to where a step reaches in the file; the first has the frame's head in it. */
  #stretch(step: readonly Step[]): [start: number, length: number] {
    const start = this.#begun ? (step[0]?.at ?? 0) : this.#body.place.start
    const last = step.at(-1)
    return [start, (last === undefined ? 0 : last.at + blockHead + last.size) - start]
  }

  /** The octets of a step without the heads around them; undefined where they are not in memory, or a head is not right. */
  #parts(step: readonly Step[]): Buffer[] | undefined {
    const { place } = this.#body
    if (!this.#begun) {
      const head = this.#octets(place.start, frameHead)
      if (head === undefined || !isFrameHead(head, place.size)) return undefined
    }
    const parts: Buffer[] = []
    for (const { at, size, last } of step) {
      const head = this.#octets(at, blockHead)
      if (head?.readUIntLE(0, blockHead) !== blockHeadValue(size, last)) return undefined
      const more = size === 0 ? [] : this.#pieces(at + blockHead, size)
      if (more === undefined) return undefined
      parts.push(...more)
    }
    return parts
  }

  #octets(start: number, length: number): Buffer | undefined {
    const pieces = this.#pieces(start, length)
    const [only] = pieces ?? []
    return pieces?.length === 1 ? only : pieces && Buffer.concat(pieces)
  }

  #pieces(start: number, length: number): Buffer[] | undefined {
    if (this.#afresh === undefined) return this.#files.held(this.#body.path, start, length)
    const from = start - this.#stretch(this.#next.value as Step[])[0]
    return [this.#afresh.subarray(from, from + length)]
  }

  #verify(step: readonly Step[], parts: readonly Buffer[]): boolean {
    const { place, path, proof } = this.#body
    if (place.size > smallMessage) return this.#verifyOn(parts, step.at(-1)?.last === true)
    const [start, length] = this.#stretch(step)
    if (this.#vouched && this.#files.vouched(path, start, length)) return true
    const right = typeof proof === 'number' ? crcOf(parts) === proof : hashOfAll(parts) === proof
    if (right && this.#afresh === undefined) this.#files.vouch(path, start, length)
    return right
  }

  /** A block of a large body. One that is taken again was not right before, so that only the last can be. */
  #verifyOn(parts: readonly Buffer[], last: boolean): boolean {
    const { proof } = this.#body
    if (typeof proof === 'number') {
      const sum = crcOf(parts, this.#sum)
      if (!last) this.#sum = sum
      return !last || sum === proof
    }
    const running = (this.#hash ??= createHash('sha256'))
    const sum = last ? running.copy() : running
    for (const part of parts) sum.update(part)
    return !last || sum.digest('hex') === proof
  }

  #damaged(what: string): StoreError {
    const { path, place } = this.#body
    return new StoreError('damaged', `damaged message in ${path} at offset ${place.start}: ${what}`)
  }
}

function crcOf(parts: readonly Buffer[], before = 0): number {
  let sum = before
  for (const part of parts) sum = crc32(part, sum)
  return sum
}

function hashOfAll(parts: readonly Buffer[]): Hash {
  const [only] = parts
  if (parts.length < 2) return hashOf(only ?? new Uint8Array())
  const running = createHash('sha256')
  for (const part of parts) running.update(part)
  return running.digest('hex') as Hash
}

/** A small body is one step, however many blocks it has; of a large one each block is a step. */
function* stepsOf(place: BodyPlace): Generator<Step[]> {
  const blocks = bodyBlocks(place)
  if (place.size <= smallMessage) yield [...blocks]
  else for (const block of blocks) yield [block]
}

/** The octets of one body, the caller's own. Verified like `BodyLoan`, whatever was proved before; rejects with StoreError. */
export async function* readBody(files: SegmentFiles, body: Body): AsyncGenerator<Uint8Array> {
  if (body.settled !== undefined) return yield* readSettled(files.chunks, body.settled)
  const loan = new BodyLoan(files, body, false)
  while (!loan.done) {
    const parts = loan.take()
    if (parts === undefined) await loan.load()
    else if (parts.length > 0) yield Buffer.concat(parts)
  }
}

/** A range of the octets of one body, the caller's own; see `UserMail.bytes`. */
export async function* readRange(files: SegmentFiles, body: Body, range: Range): AsyncGenerator<Uint8Array> {
  const { path, place, settled } = body
  const from = Math.max(0, range.from)
  const to = Math.min(place.size, range.to)
  if (place.size <= smallMessage) {
    let at = 0
    for await (const octets of readBody(files, body)) {
      const part = octets.subarray(Math.max(0, from - at), Math.max(0, to - at))
      if (part.length > 0) yield part
      at += octets.length
    }
  } else if (settled !== undefined) yield* readSettledRange(files.chunks, settled, { from, to })
  else {
    let before = 0
    for (const { at, size, last } of bodyBlocks(place)) {
      const [start, end] = [Math.max(0, from - before), Math.min(size, to - before)]
      before += size
      if (start >= end) continue
      const block = await files.readAfresh(path, at, blockHead + size)
      if (block.length < blockHead + size || block.readUIntLE(0, blockHead) !== blockHeadValue(size, last))
        throw new StoreError('damaged', `damaged message in ${path} at offset ${place.start}: its frame is broken`)
      yield block.subarray(blockHead + start, blockHead + end)
    }
  }
}

/** Lends the octets of one body, see `UserMail.lend`. */
export function lendBody(files: SegmentFiles, body: Body, take: Taker): Promise<void> | undefined {
  if (body.settled !== undefined) return lendSettled(files.chunks, body.settled, take)
  const octets = atHand(files, body)
  if (octets !== undefined) {
    const answer = take([octets])
    return answer instanceof Promise ? answer : undefined
  }
  const loan = new BodyLoan(files, body, true)
  const lendOn = (): Promise<void> | undefined => {
    while (!loan.done) {
      const parts = loan.take()
      if (parts === undefined) return loan.load().then(lendOn)
      const answer = take(parts)
      if (answer === 'enough') return undefined
      if (answer !== undefined) return answer.then(lendOn)
    }
    return undefined
  }
  return lendOn()
}

/** What most bodies are: of one block, in one piece of memory, and right. Undefined: it takes a `BodyLoan` to know. */
function atHand(files: SegmentFiles, { path, place, proof }: Body): Buffer | undefined {
  const { start, size } = place
  if (size === 0 || size > blockSize || typeof proof !== 'number') return undefined
  const length = frameHead + blockHead + size
  const frame = files.heldWhole(path, start, length)
  if (frame === undefined || !isFrameHead(frame, size)) return undefined
  if (frame.readUIntLE(frameHead, blockHead) !== blockHeadValue(size, true)) return undefined
  const octets = frame.subarray(frameHead + blockHead)
  if (files.vouched(path, start, length)) return octets
  if (crc32(octets) !== proof) return undefined
  files.vouch(path, start, length)
  return octets
}

/** Whether a body lies in the file as it must. Read at once: for the rare moment at which a change, which must not wait, has to know. */
export function isWholeBody(files: SegmentFiles, { path, place, proof, settled }: Body): boolean {
  if (settled !== undefined) return isWholeSettled(files.chunks, settled)
  const buffer = Buffer.allocUnsafe(blockHead + blockSize)
  let file: number | undefined
  try {
    file = openSegmentNow(path)
    const read = (start: number, length: number): boolean => readSync(file ?? -1, buffer, 0, length, start) === length
    if (!read(place.start, frameHead) || !isFrameHead(buffer, place.size)) return false
    const running = createHash('sha256')
    for (const { at, size, last } of bodyBlocks(place)) {
      if (!read(at, blockHead + size) || buffer.readUIntLE(0, blockHead) !== blockHeadValue(size, last)) return false
      running.update(buffer.subarray(blockHead, blockHead + size))
    }
    return running.digest('hex') === proof
  } catch {
    // What cannot be read cannot be counted on, whatever the reason.
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
