import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { chunkSize, type Chunks, type RunInFile } from './chunks.ts'
import { hashOf } from './measure.ts'
import { readRecipe, stepsFor, type PartStep } from './recipe.ts'
import type { Piece } from './settled-record.ts'
import { smallMessage, type Range, type Taker } from './store.ts'
import { WrappedBase64 } from './wrapped-base64.ts'

/** A piece of a run. */
export interface PieceInRun extends Piece {
  readonly run: RunInFile
}

/** A body in a settled segment, and what proves its octets before they are given: their SHA-256, or their CRC-32. */
export interface SettledBody {
  readonly size: number
  readonly piece: PieceInRun
  /** The piece is a recipe. */
  readonly coded: boolean
  readonly proof: Hash | number
  /** Where a part is that the recipe names; undefined: nobody knows. */
  readonly part: (hash: Hash) => PieceInRun | undefined
}

/** Asks for the content of a chunk. */
interface Ask {
  readonly run: RunInFile
  readonly chunk: number
}

type Rebuilding = Generator<Ask | Buffer, void, Buffer>

const nothing: Buffer = Buffer.alloc(0)

/** Makes the octets of a body again: gives them in order, and asks for the chunks that it takes. Throws StoreError `damaged`. */
function* rebuild(body: SettledBody): Rebuilding {
  if (!body.coded) return yield* range(body.piece)
  const recipe = yield* whole(body.piece)
  for (const step of readRecipe(recipe)) {
    if (step.kind === 'literal') yield recipe.subarray(step.start, step.start + step.length)
    else yield* encoded(body, step)
  }
}

function* encoded(body: SettledBody, step: PartStep): Rebuilding {
  const text = new WrappedBase64(step.size, step)
  for (const stretch of stretches(partOf(body, step))) yield text.write(cut(yield stretch, stretch))
  yield text.end()
}

/** The same for a range of the body: asks only for the chunks that this takes. */
function* rebuildRange(body: SettledBody, { from, to }: Range): Rebuilding {
  if (!body.coded) return yield* range(within(body.piece, { from, to }))
  const recipe = yield* whole(body.piece)
  for (const { step, range: text, octets } of stepsFor(readRecipe(recipe), { from, to })) {
    if (step.kind === 'literal') yield recipe.subarray(step.start + text.from, step.start + text.to)
    else {
      const encoder = new WrappedBase64(step.size, step, text)
      const piece = within(partOf(body, step), octets)
      for (const stretch of stretches(piece)) yield encoder.write(cut(yield stretch, stretch))
      yield encoder.end()
    }
  }
}

function partOf(body: SettledBody, { hash, size }: PartStep): PieceInRun {
  const part = body.part(hash)
  if (part?.length !== size) throw damaged(body, `the attachment ${hash} is not where it must be`)
  return part
}

function within({ run, at, length }: PieceInRun, { from, to }: Range): PieceInRun {
  const start = Math.min(from, length)
  return { run, at: at + start, length: Math.max(0, Math.min(to, length) - start) }
}

function* range(piece: PieceInRun): Rebuilding {
  for (const stretch of stretches(piece)) yield cut(yield stretch, stretch)
}

/** A piece that fits into memory, in one. */
function* whole(piece: PieceInRun): Generator<Ask, Buffer, Buffer> {
  const found: Buffer[] = []
  for (const stretch of stretches(piece)) found.push(cut(yield stretch, stretch))
  const [only] = found
  return found.length === 1 && only !== undefined ? only : Buffer.concat(found)
}

interface Stretch extends Ask {
  readonly from: number
  readonly to: number
}

/** Which chunks a piece lies in, and what of each is the piece's. */
function* stretches({ run, at, length }: PieceInRun): Generator<Stretch> {
  for (let place = at; place < at + length;) {
    const chunk = Math.floor(place / chunkSize)
    const from = place - chunk * chunkSize
    const to = Math.min(chunkSize, from + at + length - place)
    yield { run, chunk, from, to }
    place += to - from
  }
}

/** What most bodies are: octets in one chunk, as they came. Undefined: it takes a `rebuild`. */
function onlyStretch({ piece: { run, at, length }, coded }: SettledBody): Stretch | undefined {
  const chunk = Math.floor(at / chunkSize)
  const from = at - chunk * chunkSize
  return coded || length === 0 || from + length > chunkSize ? undefined : { run, chunk, from, to: from + length }
}

/** What must be the body's proof, of all its octets at once. */
function proofOf({ proof }: SettledBody, octets: Buffer): Hash | number {
  return typeof proof === 'number' ? crc32(octets) : hashOf(octets)
}

function cut(content: Buffer, { from, to }: Stretch): Buffer {
  return content.subarray(from, to)
}

/** Proves octets as they go by. */
class Proof {
  readonly #body: SettledBody
  readonly #hash: ReturnType<typeof createHash> | undefined
  #crc = 0
  #size = 0

  constructor(body: SettledBody) {
    this.#body = body
    this.#hash = typeof body.proof === 'number' ? undefined : createHash('sha256')
  }

  update(octets: Uint8Array): void {
    this.#size += octets.length
    if (this.#hash === undefined) this.#crc = crc32(octets, this.#crc)
    else this.#hash.update(octets)
  }

  /** Throws StoreError `damaged` where these were not all, or not the right octets. */
  finish(): void {
    const { proof, size } = this.#body
    const found = this.#hash?.digest('hex') ?? this.#crc
    if (this.#size !== size || found !== proof) throw notRight(this.#body)
  }
}

/**
 * The octets of a settled body: a small one whole once it is proved, of a large one what there is, the last once all is proved. What is
 * given is a loan, good until the next is asked for.
 */
async function* lent(chunks: Chunks, body: SettledBody): AsyncGenerator<Buffer[]> {
  const proof = new Proof(body)
  const small = body.size <= smallMessage
  const rebuilding = rebuild(body)
  const waiting: Buffer[] = []
  let answer = nothing
  for (;;) {
    const next = rebuilding.next(answer)
    if (next.done === true) break
    answer = nothing
    if (!Buffer.isBuffer(next.value)) {
      const { run, chunk } = next.value
      answer = chunks.held(run, chunk) ?? (await chunks.load(run, chunk))
    } else if (next.value.length > 0) {
      if (!small && waiting.length > 0) yield waiting.splice(0)
      waiting.push(next.value)
      proof.update(next.value)
    }
  }
  proof.finish()
  yield waiting
}

/** The octets, the caller's own; see `UserMail.bytes`. */
export async function* readSettled(chunks: Chunks, body: SettledBody): AsyncGenerator<Uint8Array> {
  for await (const parts of lent(chunks, body)) if (parts.length > 0) yield Buffer.concat(parts)
}

/** A range of the octets, the caller's own; see `UserMail.bytes`. */
export async function* readSettledRange(chunks: Chunks, body: SettledBody, wanted: Range): AsyncGenerator<Uint8Array> {
  const rebuilding = rebuildRange(body, wanted)
  for (let next = rebuilding.next(nothing); next.done !== true;) {
    if (Buffer.isBuffer(next.value)) {
      if (next.value.length > 0) yield Buffer.from(next.value)
      next = rebuilding.next(nothing)
    } else next = rebuilding.next(await chunks.load(next.value.run, next.value.chunk))
  }
}

/** Lends the octets; see `UserMail.lend`. */
export function lendSettled(chunks: Chunks, body: SettledBody, take: Taker): Promise<void> | undefined {
  const octets = atHand(chunks, body)
  if (octets === undefined) return lendLater(chunks, body, take)
  const answer = take(octets)
  return answer instanceof Promise ? answer : undefined
}

async function lendLater(chunks: Chunks, body: SettledBody, take: Taker): Promise<void> {
  for await (const parts of lent(chunks, body)) {
    const answer = take(parts)
    if (answer === 'enough') return
    await answer
  }
}

/** The octets of a small body whose chunks are all in memory. */
function atHand(chunks: Chunks, body: SettledBody): Buffer[] | undefined {
  if (body.size > smallMessage) return undefined
  return runNow(body, (run, chunk) => chunks.held(run, chunk))
}

function runNow(
  body: SettledBody,
  content: (run: RunInFile, chunk: number) => Buffer | undefined,
): Buffer[] | undefined {
  const only = onlyStretch(body)
  if (only !== undefined) {
    const chunk = content(only.run, only.chunk)
    if (chunk === undefined) return undefined
    const octets = cut(chunk, only)
    if (proofOf(body, octets) !== body.proof || octets.length !== body.size) throw notRight(body)
    return [octets]
  }
  const proof = new Proof(body)
  const parts: Buffer[] = []
  const rebuilding = rebuild(body)
  let answer: Buffer | undefined = nothing
  for (;;) {
    const next = rebuilding.next(answer)
    if (next.done === true) break
    answer = nothing
    if (!Buffer.isBuffer(next.value)) {
      answer = content(next.value.run, next.value.chunk)
      if (answer === undefined) return undefined
    } else if (next.value.length > 0) {
      proof.update(next.value)
      parts.push(next.value)
    }
  }
  proof.finish()
  return parts
}

/** Whether a body can be made again. At once: for the rare moment at which a change, which must not wait, has to know. */
export function isWholeSettled(chunks: Chunks, body: SettledBody): boolean {
  try {
    return runNow(body, (run, chunk) => chunks.loadNow(run, chunk)) !== undefined
  } catch {
    // What cannot be read cannot be counted on, whatever the reason.
    return false
  }
}

function notRight(body: SettledBody): StoreError {
  return damaged(body, 'its octets do not match its hash')
}

function damaged({ piece }: SettledBody, what: string): StoreError {
  const { run, at } = piece
  return new StoreError(
    'damaged',
    `damaged message in ${run.path} at offset ${run.start} (octet ${at} of that run): ${what}`,
  )
}
