import type { SegmentFiles } from './segment-files.ts'
import {
  decodeRecord,
  frameLength,
  recordHead,
  recordLength,
  signature,
  type BodyPlace,
  type Seal,
  type SegmentRecord,
} from './segment.ts'

/** What is met when a segment is read from front to back. */
export type Met =
  | {
      readonly kind: 'record'
      readonly at: number
      readonly end: number
      readonly record: SegmentRecord
      readonly place: BodyPlace | undefined
    }
  /** Nothing that we wrote stands at `at`; reading goes on at `end`, where the next record of ours begins. */
  | { readonly kind: 'damage'; readonly at: number; readonly end: number }
  /** The file ends in the middle of what begins at `at`. */
  | { readonly kind: 'torn'; readonly at: number }

const step = 16 << 10

/** A stretch of a segment file, in octets. */
export interface Stretch {
  readonly path: string
  readonly segment: number
  readonly from: number
  readonly to: number
  readonly seal: Seal
}

/** Reads the records of a stretch, over damage to the next record that is whole. */
export async function* readJournal(files: SegmentFiles, stretch: Stretch): AsyncGenerator<Met> {
  const { path, segment, to, seal } = stretch
  let at = stretch.from
  while (at < to) {
    const head = await files.read(path, at, Math.min(step, to - at))
    const length = recordLength(head)
    if (length === undefined && head.length < recordHead && isStart(head)) {
      yield { kind: 'torn', at }
      return
    }
    if (length !== undefined && at + length > to) {
      // Either the writer was stopped here, or the length itself is damaged and more of ours follows.
      const next = await findRecord(files, { ...stretch, from: at + 1 })
      if (next === undefined) {
        yield { kind: 'torn', at }
        return
      }
      yield { kind: 'damage', at, end: next }
      at = next
      continue
    }
    const frame =
      length === undefined
        ? undefined
        : length <= head.length
          ? head.subarray(0, length)
          : await files.readAfresh(path, at, length)
    const record = frame && decodeRecord(frame, seal)
    if (length === undefined || record === undefined) {
      const next = (await findRecord(files, { ...stretch, from: at + 1 })) ?? to
      yield { kind: 'damage', at, end: next }
      at = next
      continue
    }
    const start = at + length
    const place = record.t === 'message' && record.body ? { segment, start, size: record.size } : undefined
    const end = place === undefined ? start : start + frameLength(place.size)
    if (end > to) {
      yield { kind: 'torn', at }
      return
    }
    yield { kind: 'record', at, end, record, place }
    at = end
  }
}

/** Whether octets too few for a record's head could be the start of one. */
function isStart(head: Buffer): boolean {
  return head.length < 8 || head.subarray(8, 16).equals(signature.subarray(0, Math.min(8, head.length - 8)))
}

/** Where the next whole record of ours begins, at or after `from`. */
async function findRecord(files: SegmentFiles, { path, from, to, seal }: Stretch): Promise<number | undefined> {
  for (let at = from; at < to;) {
    const octets = await files.read(path, at, Math.min(step, to - at))
    for (let found = octets.indexOf(signature); found !== -1; found = octets.indexOf(signature, found + 1)) {
      const start = at + found - 8
      if (start < from) continue
      const length = recordLength(await files.readAfresh(path, start, Math.min(recordHead, to - start)))
      if (length === undefined || start + length > to) continue
      if (decodeRecord(await files.readAfresh(path, start, length), seal) !== undefined) return start
    }
    if (octets.length <= recordHead) return undefined
    // A signature may lie across two readings.
    at += octets.length - signature.length
    if (at + recordHead > to) return undefined
  }
  return undefined
}
