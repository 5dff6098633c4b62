import { crc32 } from 'node:zlib'
import type { JournalRecord } from './record.ts'

/**
 * The format of a segment (docs/store-format.md). A segment is a valid zstd stream: the journal's records are skippable frames
 * (RFC 8878 §3.1.2) and message octets are zstd frames of raw blocks (§3.1.1), so that `zstd -dc` gives the mail.
 */
export const formatVersion = 1

/** Where a body is: its zstd frame begins at `start` (octets) of a segment; `size` is the body's own. */
export interface BodyPlace {
  readonly segment: number
  readonly start: number
  readonly size: number
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
  /** Up to where the segment before this one was written (octets). */
  readonly after: number
}

export type SegmentRecord = JournalRecord | CommitRecord | SegmentHeader

/** RFC 8878 §3.1.2: skippable frames have the magic numbers 0x184D2A50 to 0x184D2A5F. */
const skippableMagic = 0x184d2a57
/** Follows the frame's length; then come the seal, a CRC-32 of the JSON text, and the text. A damaged segment is searched for it. */
export const signature: Buffer = Buffer.from('Postino1')
/** Octets of a record's frame before its JSON text. */
export const recordHead: number = 8 + 8 + 4 + 4

/**
 * A random number of one user's, in each record. Whoever sends mail does not know it, so that a message cannot bring records
 * that a search of a damaged segment would take for ours.
 */
export type Seal = number
/** A record longer than this is damage. */
const longestRecord = 1 << 20

/** RFC 8878 §3.1.1.2.3: a block holds at most 128 KiB, as does our window. */
export const blockSize: number = 128 * 1024
/** Octets of a body's frame before its first block: magic number, descriptor, window, content size. */
export const frameHead: number = 4 + 1 + 1 + 8
export const blockHead = 3

/** What every record's frame begins with but for the length in it, up to the seal. */
const recordStart = Buffer.alloc(16)
recordStart.writeUInt32LE(skippableMagic, 0)
signature.copy(recordStart, 8)

/** One record as a skippable frame. */
export function encodeRecord(record: SegmentRecord, seal: Seal): Buffer {
  const json = JSON.stringify(record)
  const frame = Buffer.allocUnsafe(recordRoom(json))
  return frame.subarray(0, writeRecord(json, seal, frame, 0))
}

/** Octets that the frame of a record may need, by its JSON text. */
export function recordRoom(json: string): number {
  return recordHead + json.length * 3
}

/** Writes the frame of a record, given as its JSON text, where there is `recordRoom`; gives the place behind it. */
export function writeRecord(json: string, seal: Seal, into: Buffer, at: number): number {
  const start = at + recordHead
  const end = start + into.write(json, start)
  into.set(recordStart, at)
  into.writeUInt32LE(end - at - 8, at + 4)
  into.writeUInt32LE(seal, at + 16)
  into.writeUInt32LE(crc32(into.subarray(start, end)), at + 20)
  return end
}

/** Octets of the frame that begins with `head` (at least `recordHead` of them), or undefined where no record of ours begins. */
export function recordLength(head: Buffer): number | undefined {
  if (head.length < recordHead || head.readUInt32LE(0) !== skippableMagic || head.compare(signature, 0, 8, 8, 16) !== 0)
    return undefined
  const length = 8 + head.readUInt32LE(4)
  return length < recordHead || length > longestRecord ? undefined : length
}

/** The seal of the frame that begins with `head`, which `recordLength` knows. */
export function recordSeal(head: Buffer): Seal {
  return head.readUInt32LE(16)
}

/** The record in a whole frame, or undefined where it is damaged or not ours. */
export function decodeRecord(frame: Buffer, seal: Seal): SegmentRecord | undefined {
  const json = frame.subarray(recordHead)
  if (recordSeal(frame) !== seal || frame.readUInt32LE(20) !== crc32(json)) return undefined
  try {
    // The checksum vouches that this is what `encodeRecord` wrote.
    return JSON.parse(json.toString()) as SegmentRecord
  } catch {
    return undefined
  }
}

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
