import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { SegmentRecord } from './segment.ts'

/** RFC 8878 §3.1.2: skippable frames have the magic numbers 0x184D2A50 to 0x184D2A5F. */
const skippableMagic = 0x184d2a57
/** Follows the frame's length; then come the seal, a CRC-32 of the JSON text, and the text. */
const signature = Buffer.from('Postino1')
/** Stands in its place where many records are compressed into one frame. */
const batchSignature = Buffer.from('Postino2')
/** What every signature begins with: a damaged segment is searched for it. */
export const anySignature: Buffer = Buffer.from('Postino')
/** Octets of a record's frame before its JSON text. */
export const recordHead: number = 8 + 8 + 4 + 4

/**
 * A random number of one user's, in each record. Whoever sends mail does not know it, so that a message cannot bring records
 * that a search of a damaged segment would take for ours.
 */
export type Seal = number
/** A record longer than this is damage; so is a batch of them. */
const longestRecord = 1 << 20
const longestBatch = 4 << 20
/** A batch is closed when its records have so many octets of JSON text; one with much more is damage. */
export const fullBatch: number = 1 << 20
const longestText = 4 << 20

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
  if (head.length < recordHead || head.readUInt32LE(0) !== skippableMagic) return undefined
  const batch = isBatch(head)
  if (!batch && head.compare(signature, 0, 8, 8, 16) !== 0) return undefined
  const length = 8 + head.readUInt32LE(4)
  return length < recordHead || length > (batch ? longestBatch : longestRecord) ? undefined : length
}

function isBatch(head: Buffer): boolean {
  return head.compare(batchSignature, 0, 8, 8, 16) === 0
}

/** Whether octets too few for a record's head could be the start of one. */
export function mayBeRecord(head: Buffer): boolean {
  const begun = head.subarray(8, 16)
  return [signature, batchSignature].some((one) => begun.equals(one.subarray(0, begun.length)))
}

/** The seal of the frame that begins with `head`, which `recordLength` knows. */
export function recordSeal(head: Buffer): Seal {
  return head.readUInt32LE(16)
}

/** The records in a whole frame: one, or a batch. Undefined where it is damaged or not ours. */
export function decodeRecords(frame: Buffer, seal: Seal): SegmentRecord[] | undefined {
  const body = frame.subarray(recordHead)
  if (recordSeal(frame) !== seal || frame.readUInt32LE(20) !== crc32(body)) return undefined
  try {
    // The checksum vouches that this is what `encodeRecord` or `encodeBatch` wrote.
    if (!isBatch(frame)) return [JSON.parse(body.toString()) as SegmentRecord]
    const lines = zstdDecompressSync(body, { maxOutputLength: longestText }).toString().split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as SegmentRecord)
  } catch {
    return undefined
  }
}

/** Many records, given as their JSON texts, as one frame: a line each, compressed. */
export function encodeBatch(records: readonly string[], seal: Seal, level: number): Buffer {
  const body = zstdCompressSync(Buffer.from(records.map((text) => `${text}\n`).join('')), {
    params: { [constants.ZSTD_c_compressionLevel]: level },
  })
  const frame = Buffer.allocUnsafe(recordHead + body.length)
  frame.writeUInt32LE(skippableMagic, 0)
  frame.writeUInt32LE(frame.length - 8, 4)
  batchSignature.copy(frame, 8)
  frame.writeUInt32LE(seal, 16)
  frame.writeUInt32LE(crc32(body), 20)
  body.copy(frame, recordHead)
  return frame
}
