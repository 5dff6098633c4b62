import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { anySignature, decodeRecords, recordHead, recordLength, recordSeal, type Seal } from './record-frame.ts'

/** The end of a file is looked at in steps of this size (octets); its last batch is hardly ever further away than a run is long. */
const step = 256 << 10

/**
 * Whether the file of a settled segment is there up to its last record, `end`, and what belongs to that: one that was cut off is not. Of
 * the file only its first record and its end are read. False also where it cannot be read.
 */
export function endsWhole(path: string): boolean {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    return endsWithEnd(file, fstatSync(file).size)
  } catch {
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function endsWithEnd(file: number, size: number): boolean {
  const head = read(file, 0, recordHead)
  if (recordLength(head) === undefined) return false
  const seal = recordSeal(head)
  for (let to = size; to > 0; to -= step) {
    const from = Math.max(0, to - step)
    // A signature may lie across two steps.
    const octets = read(file, from, Math.min(size, to + anySignature.length - 1) - from)
    let found = octets.lastIndexOf(anySignature)
    while (found !== -1) {
      const behind = endsBehind(file, from + found - 8, seal)
      if (behind !== undefined) return behind === size
      found = found === 0 ? -1 : octets.lastIndexOf(anySignature, found - 1)
    }
  }
  return false
}

/** Where what belongs to a frame of records ends, the last of which is `end`: 0 where it is another. Undefined: there is no such frame. */
function endsBehind(file: number, start: number, seal: Seal): number | undefined {
  if (start < 0) return undefined
  const length = recordLength(read(file, start, recordHead))
  if (length === undefined) return undefined
  const frame = read(file, start, length)
  const records = frame.length === length ? decodeRecords(frame, seal) : undefined
  if (records === undefined) return undefined
  if (records.at(-1)?.t !== 'end') return 0
  const [first] = records
  return start + length + (first?.t === 'run' ? first.lengths.reduce((sum, each) => sum + each, 0) : 0)
}

/** Octets `start` to `start + length` of a file; fewer where it ends. */
function read(file: number, start: number, length: number): Buffer {
  const octets = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const more = readSync(file, octets, filled, length - filled, start + filled)
    if (more === 0) break
    filled += more
  }
  return octets.subarray(0, filled)
}
