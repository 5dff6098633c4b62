import { StoreError } from '../errors.ts'
import { readJournal, type Met } from './journal-reader.ts'
import { countingFiles, pendingPath, type SegmentFile, segmentFiles, segmentPath, sizeOf } from './layout.ts'
import type { JournalRecord } from './record.ts'
import { rawVersion, settledVersion, type BodyPlace, type SegmentHeader } from './segment.ts'
import type { SegmentFiles } from './segment-files.ts'
import type { SettledRecord } from './settled-record.ts'
import { nowhere, type SqliteIndex } from './sqlite-index.ts'

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
  /** Which generation of each segment counts; unless said, the latest that is whole, else the latest. */
  readonly generation?: (segment: number) => number
  /** Not beyond this place. */
  readonly until?: { readonly segment: number; readonly tail: number }
  /** Called for everything that is met, before it is applied. */
  readonly onMet?: (met: Met, path: string) => Promise<void> | void
}

interface Waiting {
  readonly record: JournalRecord | SettledRecord
  readonly place: BodyPlace | undefined
  readonly run: number | undefined
}

/** The file of a segment; undefined where there is none. */
type Files = (segment: number) => SegmentFile | undefined

/** Brings the index up to the end of the segments, or to one whose file is missing: recovery, rebuild and check are this one thing. */
export async function replay(
  index: SqliteIndex,
  files: SegmentFiles,
  folder: string,
  options: ReplayOptions = {},
): Promise<Rest> {
  let before = 0
  const fileOf = options.lenient === undefined ? rawFiles(folder) : allFiles(folder, options.generation)
  for (;;) {
    const { segment } = index
    const file = fileOf(segment) ?? { segment, generation: 0, path: segmentPath(folder, segment) }
    const rest = segment === 0 ? 'nothing' : await replaySegment(index, files, fileOf, file, before, options)
    const more = options.until === undefined || segment < options.until.segment
    if (!more || fileOf(segment + 1) === undefined) return rest
    before = index.tail
    index.segment++
    index.tail = 0
  }
}

/** What is written now, and what comes after it, was never settled. */
function rawFiles(folder: string): Files {
  return (segment) => {
    const path = segmentPath(folder, segment)
    return sizeOf(path) === undefined ? undefined : { segment, generation: 0, path }
  }
}

function allFiles(folder: string, generation: ReplayOptions['generation']): Files {
  if (generation === undefined) {
    const counting = countingFiles(folder)
    return (segment) => counting.get(segment)
  }
  const there = new Set(segmentFiles(folder).map(({ segment }) => segment))
  return (segment) => {
    if (!there.has(segment)) return undefined
    const counting = generation(segment)
    return { segment, generation: counting, path: segmentPath(folder, segment, counting) }
  }
}

async function replaySegment(
  index: SqliteIndex,
  files: SegmentFiles,
  fileOf: Files,
  { path, generation }: SegmentFile,
  before: number,
  options: ReplayOptions,
): Promise<Rest> {
  const { lenient, until, onMet } = options
  // By its name, as whoever opens it does: the record that says so, too, may be damaged.
  if (generation > 0) index.settled.setGeneration(index.segment, generation)
  // Under the name that it has until a settling that was stopped is finished, too.
  const size = sizeOf(path) ?? sizeOf(pendingPath(path)) ?? 0
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
    for (const one of waiting) take(index, one, lenient !== undefined)
    waiting = []
  }
  let header: SegmentHeader | undefined
  let ended = false
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
      const last = until === undefined && fileOf(index.segment + 1) === undefined
      if (!last) lenient?.({ path, offset: met.at, what: 'the file ends in the middle of what begins here' })
      return 'torn'
    } else if (met.record.t === 'segment') {
      header = met.record
      mustBeKnown(header, path)
      index.tail = met.end
      const previous = fileOf(index.segment - 1)
      // One that is missing is told by whoever goes on behind it.
      if (header.after > before && previous !== undefined) {
        const what = `the file ends at ${before}, but was written up to ${header.after}`
        lenient?.({ path: previous.path, offset: before, what })
      }
    } else if (met.record.t === 'end') {
      settle()
      ended = true
      // The next segment says how long this one was as it was written.
      index.tail = met.record.raw
    } else if (met.record.t === 'commit') {
      settle()
      index.tail = met.end
    } else {
      waiting.push({ record: met.record, place: met.place, run: met.run })
    }
  }
  if ((generation > 0 || header?.version === settledVersion) && !ended)
    lenient?.({ path, offset: size, what: 'the file ends before all that it had' })
  if (waiting.length === 0) return 'nothing'
  if (lenient !== undefined) settle()
  return 'torn'
}

function mustBeKnown({ version }: SegmentHeader, path: string): void {
  if (version === rawVersion || version === settledVersion) return
  throw new StoreError(
    'newer-schema',
    `${path} was written by a newer Postino (format ${version}, this one knows ${settledVersion}): upgrade Postino`,
  )
}

/** Applies a record; leniently, what damage took from under it is made. */
function take(index: SqliteIndex, { record, place, run }: Waiting, lenient: boolean): void {
  if (isSettled(record)) {
    index.applySettled(record, run)
    return
  }
  if (!lenient) {
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
  if (record.t === 'device' && index.hasDevice(record.name))
    index.apply({ t: 'device-remove', modseq: record.modseq, name: record.name })
  // Its octets may come further on: repaired, or in a segment that was settled earlier.
  const unknown = record.t === 'message' && place === undefined && index.body(record.hash) === undefined
  index.apply(record, unknown ? { ...nowhere, size: record.size } : place)
}

const settledKinds: ReadonlySet<string> = new Set<SettledRecord['t']>(['run', 'kept', 'part', 'gone', 'end'])

function isSettled(record: JournalRecord | SettledRecord): record is SettledRecord {
  return settledKinds.has(record.t)
}
