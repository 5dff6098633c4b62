import { StoreError } from '../errors.ts'
import { readJournal, type Met } from './journal-reader.ts'
import { segmentPath, sizeOf } from './layout.ts'
import type { JournalRecord } from './record.ts'
import { formatVersion, type BodyPlace } from './segment.ts'
import type { SegmentFiles } from './segment-files.ts'
import type { SqliteIndex } from './sqlite-index.ts'

/** Something of a segment that is not as it was written. */
export interface Damage {
  readonly path: string
  /** Octets from the start of the file. */
  readonly offset: number
  readonly what: string
}

/** What stands after the committed end of the last segment: nothing, the start of a write that was never finished, or damage. */
export type Rest = 'nothing' | 'torn' | 'damage'

export interface ReplayOptions {
  /**
   * Strict (recovery): whole groups only, up to the first damage. Lenient (rebuild, check): every record that is whole, and
   * damage is reported.
   */
  readonly lenient?: (damage: Damage) => void
  /** Not beyond this place. */
  readonly until?: { readonly segment: number; readonly tail: number }
  /** Called for everything that is met, before it is applied. */
  readonly onMet?: (met: Met, path: string) => Promise<void> | void
}

interface Waiting {
  readonly record: JournalRecord
  readonly place: BodyPlace | undefined
}

/** Brings the index up to the end of the segments: recovery, rebuild and check are this one thing. */
export async function replay(
  index: SqliteIndex,
  files: SegmentFiles,
  folder: string,
  options: ReplayOptions = {},
): Promise<Rest> {
  let before = 0
  for (;;) {
    const rest = index.segment === 0 ? 'nothing' : await replaySegment(index, files, folder, options, before)
    const more = options.until === undefined || index.segment < options.until.segment
    if (!more || sizeOf(segmentPath(folder, index.segment + 1)) === undefined) return rest
    before = index.tail
    index.segment++
    index.tail = 0
  }
}

async function replaySegment(
  index: SqliteIndex,
  files: SegmentFiles,
  folder: string,
  options: ReplayOptions,
  before: number,
): Promise<Rest> {
  const { lenient, until, onMet } = options
  const path = segmentPath(folder, index.segment)
  const size = sizeOf(path) ?? 0
  const last = until !== undefined && until.segment === index.segment
  if (size < (last ? until.tail : index.tail)) {
    lenient?.({
      path,
      offset: size,
      what: `the file ends at ${size}, but was written up to ${last ? until.tail : index.tail}`,
    })
    if (lenient === undefined) return 'damage'
  }
  const to = last ? Math.min(size, until.tail) : size
  let waiting: Waiting[] = []
  const settle = (): void => {
    for (const { record, place } of waiting) take(index, record, place, path, lenient)
    waiting = []
  }
  // Lenient: the index has taken in everything up to here, so this is where the next writer begins.
  const leniently = (met: Met): void => {
    if (lenient !== undefined) index.tail = met.kind === 'torn' ? met.at : met.end
  }
  for await (const met of readJournal(files, {
    path,
    segment: index.segment,
    from: index.tail,
    to,
    seal: index.seal,
  })) {
    await onMet?.(met, path)
    leniently(met)
    if (met.kind === 'damage') {
      if (lenient === undefined) return 'damage'
      lenient({ path, offset: met.at, what: `${met.end - met.at} octets that are not a record` })
    } else if (met.kind === 'torn') {
      if (lenient !== undefined) settle()
      // Only the end of all there is may be a write that was never finished.
      const ended = until === undefined && sizeOf(segmentPath(folder, index.segment + 1)) === undefined
      if (!ended) lenient?.({ path, offset: met.at, what: 'the file ends in the middle of what begins here' })
      return 'torn'
    } else if (met.record.t === 'segment') {
      if (met.record.version > formatVersion) {
        throw new StoreError(
          'newer-schema',
          `${path} was written by a newer Postino (format ${met.record.version}, this one knows ${formatVersion}): upgrade Postino`,
        )
      }
      index.tail = met.end
      if (met.record.after > before) {
        const what = `the file ends at ${before}, but was written up to ${met.record.after}`
        lenient?.({ path: segmentPath(folder, index.segment - 1), offset: before, what })
      }
    } else if (met.record.t === 'commit') {
      settle()
      index.tail = met.end
    } else {
      waiting.push({ record: met.record, place: met.place })
    }
  }
  if (waiting.length === 0) return 'nothing'
  if (lenient !== undefined) settle()
  return 'torn'
}

/** Applies a record; where damage took what it builds on, says so or makes what is missing. */
function take(
  index: SqliteIndex,
  record: JournalRecord,
  place: BodyPlace | undefined,
  path: string,
  lenient: ReplayOptions['lenient'],
): void {
  if (lenient === undefined) {
    index.apply(record, place)
    return
  }
  if (record.t === 'message' || record.t === 'move') {
    if (index.mailboxById(record.mailbox) === undefined) {
      const name = record.mailbox === 1 ? 'INBOX' : `Mailbox ${record.mailbox}`
      index.apply({
        t: 'mailbox',
        modseq: record.modseq,
        id: record.mailbox,
        name,
        uidValidity: Math.floor(Date.now() / 1000),
      })
    }
  }
  if (record.t === 'message' && place === undefined && index.body(record.hash) === undefined) {
    lenient({ path, offset: 0, what: `message ${record.id} has its octets in a place that is damaged` })
    return
  }
  if ((record.t === 'move' || record.t === 'remove') && index.message(record.id) === undefined) return
  if (record.t === 'device' && index.hasDevice(record.name))
    index.apply({ t: 'device-remove', modseq: record.modseq, name: record.name })
  index.apply(record, place)
}
