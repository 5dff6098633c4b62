import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What decides when the segment that is written now is settled as well. */
export interface Thresholds {
  /** It has so many octets, */
  readonly enough: number
  /** or this many, and was begun so long ago (milliseconds); */
  readonly little: number
  readonly old: number
  /** and in either case nothing was written to it for so long (milliseconds). */
  readonly rest: number
}

/** So large that a user has few files, so small that mail does not wait for years. */
export const usualThresholds: Thresholds = {
  enough: 32 << 20,
  little: 1 << 20,
  old: 30 * 86_400_000,
  rest: 3_600_000,
}

/** How long after a settling it is looked whether messages have been removed since, and what was left is tried again (milliseconds). */
const again = 86_400_000

/** A file of segments, as its name and the file system tell. Times are milliseconds since 1970. */
export interface SegmentFile {
  readonly number: number
  /** 0: as it was written. */
  readonly generation: number
  readonly size: number
  readonly written: number
  /** When it was made; 0 where the file system does not know. */
  readonly begun: number
}

/** One user's mail, from outside. */
export interface Seen {
  readonly segments: readonly SegmentFile[]
  /** When the index was last written. */
  readonly indexWritten: number
}

/** What was tried the last time. */
export interface Tried {
  /** The size of each segment, by its number. */
  readonly segments: ReadonlyMap<number, number>
  readonly at: number
}

/** What to settle of a user's mail now: the closed segments, or all, which begins a new one; undefined: nothing is worth it. */
export function whatToSettle(
  { segments, indexWritten }: Seen,
  tried: Tried | undefined,
  now: number,
  { enough, little, old, rest }: Thresholds = usualThresholds,
): 'closed' | 'all' | undefined {
  const last = lastOf(segments)
  const lately = tried !== undefined && now - tried.at < again
  // What was left raw just now is so for a reason: damage, a full disk, nothing to gain.
  const raw = rawOf(segments).filter(({ number, size }) => !(lately && tried.segments.get(number) === size))
  const open = raw.find(({ number }) => number === last)
  if (open !== undefined && now - open.written >= rest) {
    const aged = open.begun > 0 && now - open.begun >= old && open.size >= little
    if (open.size >= enough || aged) return 'all'
  }
  if (raw.some(({ number }) => number !== last)) return 'closed'
  const done = segments.reduce((late, { generation, written }) => (generation > 0 ? Math.max(late, written) : late), 0)
  // Who removes mail wants its room, some day.
  return done > 0 && !lately && indexWritten - done >= again ? 'closed' : undefined
}

/** To be remembered when `what` is tried. */
export function triedNow({ segments }: Seen, what: 'closed' | 'all', now: number): Tried {
  const last = lastOf(segments)
  const these = rawOf(segments).filter(({ number }) => what === 'all' || number !== last)
  return { segments: new Map(these.map(({ number, size }) => [number, size])), at: now }
}

/** Those that no settled file takes the place of. */
function rawOf(segments: readonly SegmentFile[]): SegmentFile[] {
  const settled = new Set(segments.filter(({ generation }) => generation > 0).map(({ number }) => number))
  return segments.filter(({ number }) => !settled.has(number))
}

function lastOf(segments: readonly SegmentFile[]): number {
  return segments.reduce((most, { number }) => Math.max(most, number), 0)
}

/** Looks at one user's folder; undefined where there is no mail. */
export function lookAt(folder: string): Seen | undefined {
  const index = statSync(join(folder, 'index.sqlite'), { throwIfNoEntry: false })?.mtimeMs
  const log = statSync(join(folder, 'index.sqlite-wal'), { throwIfNoEntry: false })?.mtimeMs
  if (index === undefined) return undefined
  const segments: SegmentFile[] = []
  for (const name of readdirSync(join(folder, 'segments'))) {
    const [, number, generation = '0'] = /^(\d{10})(?:-(\d+))?\.zst$/.exec(name) ?? []
    // It may have been settled, and be gone, just now.
    const found = statSync(join(folder, 'segments', name), { throwIfNoEntry: false })
    if (number === undefined || found === undefined) continue
    segments.push({
      number: Number(number),
      generation: Number(generation),
      size: found.size,
      written: found.mtimeMs,
      begun: found.birthtimeMs,
    })
  }
  return { segments, indexWritten: Math.max(index, log ?? 0) }
}
