import { anySignature, decodeRecords, mayBeRecord, recordHead, recordLength, type Seal } from './record-frame.ts'
import type { SegmentFiles } from './segment-files.ts'
import { frameLength, type BodyPlace, type SegmentRecord } from './segment.ts'

/**
 * What is met when a segment is read from front to back. Of a batch each record is met by itself; only the last one's `end` is behind what
 * belongs to them.
 */
export type Met =
  | {
      readonly kind: 'record'
      readonly at: number
      readonly end: number
      readonly record: SegmentRecord
      readonly place: BodyPlace | undefined
      /** Where the run of its batch begins; undefined where there is none. */
      readonly run: number | undefined
    }
  /** Nothing that we wrote stands at `at`; reading goes on at `end`, where the next record of ours begins. */
  | { readonly kind: 'damage'; readonly at: number; readonly end: number }
  /** The file ends in the middle of what begins at `at`. */
  | { readonly kind: 'torn'; readonly at: number }

const step = 16 << 10
/** So much is read at once (octets) where records lie close together: each costs more to read than to look at. */
const window = 256 << 10

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
  const memory = Buffer.allocUnsafeSlow(Math.max(1, Math.min(window, to - at)))
  let read: Buffer = Buffer.alloc(0)
  let from = at
  let reach = window
  while (at < to) {
    const wanted = Math.min(step, to - at)
    if (at + wanted > from + read.length) {
      // Large bodies between the records are not read along with them.
      reach = at > from + read.length ? step : Math.min(reach * 2, window)
      from = at
      read = await files.readAfresh(path, at, Math.min(reach, to - at), memory)
    }
    const head = read.subarray(at - from, at - from + wanted)
    const length = recordLength(head)
    if (length === undefined && head.length < recordHead && mayBeRecord(head)) {
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
    const records = frame && decodeRecords(frame, seal)
    if (length === undefined || records === undefined) {
      const next = (await findRecord(files, { ...stretch, from: at + 1 })) ?? to
      yield { kind: 'damage', at, end: next }
      at = next
      continue
    }
    const start = at + length
    const run = records[0]?.t === 'run' ? start : undefined
    const end = start + behind(records[0])
    if (end > to) {
      yield { kind: 'torn', at }
      return
    }
    for (const [place, record] of records.entries()) {
      const last = place === records.length - 1
      yield { kind: 'record', at, end: last ? end : at, record, place: bodyPlace(record, segment, start), run }
    }
    at = end
  }
}

/** Octets of the frames behind a frame of records, by the first of them. */
function behind(record: SegmentRecord | undefined): number {
  if (record?.t === 'run') return record.lengths.reduce((sum, length) => sum + length, 0)
  return record?.t === 'message' && record.body ? frameLength(record.size) : 0
}

function bodyPlace(record: SegmentRecord, segment: number, start: number): BodyPlace | undefined {
  return record.t === 'message' && record.body ? { segment, start, size: record.size } : undefined
}

/** Where the next whole record of ours begins, at or after `from`. */
async function findRecord(files: SegmentFiles, { path, from, to, seal }: Stretch): Promise<number | undefined> {
  for (let at = from; at < to;) {
    const octets = await files.read(path, at, Math.min(step, to - at))
    for (let found = octets.indexOf(anySignature); found !== -1; found = octets.indexOf(anySignature, found + 1)) {
      const start = at + found - 8
      if (start < from) continue
      const length = recordLength(await files.readAfresh(path, start, Math.min(recordHead, to - start)))
      if (length === undefined || start + length > to) continue
      if (decodeRecords(await files.readAfresh(path, start, length), seal) !== undefined) return start
    }
    if (octets.length <= recordHead) return undefined
    // A signature may lie across two readings.
    at += octets.length - anySignature.length
    if (at + recordHead > to) return undefined
  }
  return undefined
}
