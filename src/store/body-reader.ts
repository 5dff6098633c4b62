import { createHash } from 'node:crypto'
import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { hashOf } from './measure.ts'
import {
  bodyBlocks,
  blockHead,
  encodeBlockHead,
  encodeFrameHead,
  frameHead,
  frameLength,
  type BodyPlace,
} from './segment.ts'
import type { SegmentFiles } from './segment-files.ts'
import { smallMessage } from './store.ts'

/** How much of a large message is in memory at once (octets). */
const portion = 1 << 20

type Read = (start: number, length: number) => Promise<Buffer>

/**
 * The octets of one body, verified: a small one against its hash before the first chunk, a large one before the last.
 * Rejects with StoreError `damaged`, naming file and offset.
 */
export async function* readBody(
  files: SegmentFiles,
  path: string,
  place: BodyPlace,
  hash: Hash,
): AsyncGenerator<Uint8Array> {
  if (place.size <= smallMessage) {
    yield* await readSmall(files, path, place, hash)
    return
  }
  const running = createHash('sha256')
  let held: Uint8Array | undefined
  const read: Read = (start, length) => files.readAfresh(path, start, length)
  for await (const chunk of largeChunks(read, path, place)) {
    if (held !== undefined) yield held
    running.update(chunk)
    held = chunk
  }
  if (running.digest('hex') !== hash) throw damaged(path, place, 'its octets do not match its hash')
  if (held !== undefined) yield held
}

async function readSmall(files: SegmentFiles, path: string, place: BodyPlace, hash: Hash): Promise<Uint8Array[]> {
  const length = frameLength(place.size)
  const chunks = intact(await files.read(path, place.start, length), place, hash)
  if (chunks !== undefined) return chunks
  // What was read ahead may since have been written over by another process; what is in the file counts.
  const afresh = await files.readAfresh(path, place.start, length)
  const again = intact(afresh, place, hash)
  if (again !== undefined) return again
  throw damaged(
    path,
    place,
    afresh.length < length ? 'the file ends before it does' : 'its octets do not match its hash',
  )
}

/** The body in a whole frame, or undefined where the frame is short or not the one that was written. */
function intact(frame: Buffer, place: BodyPlace, hash: Hash): Uint8Array[] | undefined {
  if (frame.length < frameLength(place.size) || !frame.subarray(0, frameHead).equals(encodeFrameHead(place.size)))
    return undefined
  const chunks: Uint8Array[] = []
  for (const block of bodyBlocks({ ...place, start: 0 })) {
    const head = frame.subarray(block.at, block.at + blockHead)
    if (!head.equals(encodeBlockHead(block.size, block.last))) return undefined
    if (block.size > 0) chunks.push(frame.subarray(block.at + blockHead, block.at + blockHead + block.size))
  }
  const [only] = chunks
  const found = chunks.length === 1 && only !== undefined ? hashOf(only) : hashOfAll(chunks)
  return found === hash ? chunks : undefined
}

function hashOfAll(chunks: readonly Uint8Array[]): string {
  const running = createHash('sha256')
  for (const chunk of chunks) running.update(chunk)
  return running.digest('hex')
}

/** A large body, portion by portion; each portion is read with one call and holds whole blocks. */
async function* largeChunks(read: Read, path: string, place: BodyPlace): AsyncGenerator<Uint8Array> {
  const head = await read(place.start, frameHead)
  if (!head.equals(encodeFrameHead(place.size))) throw damaged(path, place, 'its frame does not begin as it must')
  let blocks: { at: number; size: number; last: boolean }[] = []
  let gathered = 0
  for (const block of bodyBlocks(place)) {
    blocks.push(block)
    gathered += block.size
    if (gathered < portion && !block.last) continue
    const start = blocks[0]?.at ?? 0
    const octets = await read(start, block.at + blockHead + block.size - start)
    for (const { at, size, last } of blocks) {
      const from = at - start + blockHead
      if (!octets.subarray(at - start, from).equals(encodeBlockHead(size, last)))
        throw damaged(path, place, 'its frame is broken')
      if (octets.length < from + size) throw damaged(path, place, 'the file ends before it does')
      yield octets.subarray(from, from + size)
    }
    blocks = []
    gathered = 0
  }
}

function damaged(path: string, place: BodyPlace, what: string): StoreError {
  return new StoreError('damaged', `damaged message in ${path} at offset ${place.start}: ${what}`)
}
