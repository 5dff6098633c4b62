import type { JournalRecord } from './record.ts'
import type { Piece, SettledRecord } from './settled-record.ts'

/**
 * The format of a segment (docs/store-format.md). A segment is a valid zstd stream: the journal's records are skippable frames
 * (RFC 8878 §3.1.2) and message octets are zstd frames of raw blocks (§3.1.1), so that `zstd -dc` gives the mail. Version 2 is a settled
 * segment: many records a frame, many bodies a frame, compressed.
 */
export const rawVersion = 1
export const settledVersion = 2

/**
 * Where a body is: its zstd frame, or the run that its piece is in, begins at `start` (octets) of a segment; `size` is the body's own.
 */
export interface BodyPlace {
  readonly segment: number
  /** How often the segment was settled; undefined: never. */
  readonly generation?: number | undefined
  readonly start: number
  readonly size: number
  /** In a settled segment; undefined: it lies as it came. */
  readonly piece?: (Piece & { readonly coded: boolean }) | undefined
}

/** Ends a group of records: what comes before it, back to the one before, was written whole. */
export interface CommitRecord {
  readonly t: 'commit'
  readonly modseq: number
}

/** The first record of a segment. */
export interface SegmentHeader {
  readonly t: 'segment'
  readonly version: number
  readonly number: number
  readonly user: string
  /** Up to where the segment before this one was written (octets), before that was settled. */
  readonly after: number
  /** How often it was settled; only where it was. */
  readonly generation?: number
}

export type SegmentRecord = JournalRecord | CommitRecord | SegmentHeader | SettledRecord

/** RFC 8878 §3.1.1.2.3: a block holds at most 128 KiB, as does our window. */
export const blockSize: number = 128 * 1024
/** Octets of a body's frame before its first block: magic number, descriptor, window, content size. */
export const frameHead: number = 4 + 1 + 1 + 8
export const blockHead = 3

/** Octets that a body of this size takes up in a segment. */
export function frameLength(size: number): number {
  return frameHead + size + blockHead * blocks(size)
}

function blocks(size: number): number {
  return Math.max(1, Math.ceil(size / blockSize))
}

const bodyMagic = 0xfd2fb528
const bodyDescriptor = 0b1100_0000
const bodyWindow = 7 << 3

/**
 * Writes the head of a body's frame; gives the place behind it. RFC 8878 §3.1.1.1: content size in 8 octets, no checksum (the record has the
 * hash), a window of 128 KiB.
 */
export function writeFrameHead(size: number, into: Buffer, at: number): number {
  into.writeUInt32LE(bodyMagic, at)
  into[at + 4] = bodyDescriptor
  into[at + 5] = bodyWindow
  into.writeUInt32LE(size >>> 0, at + 6)
  return into.writeUInt32LE(Math.floor(size / 2 ** 32), at + 10)
}

/** Whether this is what `writeFrameHead` writes for that size. */
export function isFrameHead(frame: Buffer, size: number): boolean {
  return (
    frame.readUInt32LE(0) === bodyMagic &&
    frame[4] === bodyDescriptor &&
    frame[5] === bodyWindow &&
    frame.readUInt32LE(6) === size >>> 0 &&
    frame.readUInt32LE(10) === Math.floor(size / 2 ** 32)
  )
}

/** RFC 8878 §3.1.1.2: last-block bit, type 0 (raw), size. */
export function blockHeadValue(size: number, last: boolean): number {
  return (size << 3) | (last ? 1 : 0)
}

/** Writes it; gives the place behind it. */
export function writeBlockHead(size: number, last: boolean, into: Buffer, at: number): number {
  return into.writeUIntLE(blockHeadValue(size, last), at, blockHead)
}

/** The blocks of a body, in order: where each one's header stands in the segment, and how much of the body it holds. */
export function* bodyBlocks(place: BodyPlace): Generator<{ at: number; size: number; last: boolean }> {
  let at = place.start + frameHead
  let left = place.size
  for (let count = blocks(place.size); count > 0; count--) {
    const size = Math.min(left, blockSize)
    yield { at, size, last: count === 1 }
    at += blockHead + size
    left -= size
  }
}
