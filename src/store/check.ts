import { availableParallelism } from 'node:os'
import { type BodiesOptions, type BodiesReport, checkBodies } from './check-bodies.ts'
import { checkJournal, type JournalReport } from './check-journal.ts'
import { type Problem, problemOf, problemsOf } from './check-problems.ts'
import { startBodies } from './check-thread.ts'
import { indexPath } from './layout.ts'
import { totalSize } from './rebuild.ts'
import { SegmentFiles } from './segment-files.ts'

export interface CheckReport {
  readonly messages: number
  /** Octets of all bodies that were verified. */
  readonly octets: number
  readonly problems: readonly Problem[]
}

/** With so many octets of segments, bodies are read in threads of their own meanwhile, so many at the most. */
const worthAThread = 32 << 20
const mostThreads = 4

/** Verifies one user's mail: each body against its hash, each record against its checksum, and the index against the journal. */
export async function checkMail(
  folder: string,
  user: string,
  files: SegmentFiles,
  options: { onProgress?: (octets: number, of: number) => void } = {},
): Promise<CheckReport> {
  // What is on the disk counts, not what was read of it earlier.
  files.forget(folder)
  const of = totalSize(folder)
  let passed = 0
  // Everything is passed twice: its records, and its bodies.
  const onPassed = (octets: number): undefined => {
    passed += octets / 2
    options.onProgress?.(Math.floor(Math.min(passed, of)), of)
  }
  if (of < worthAThread) return await checkHere(folder, user, { onPassed, files })
  const count = Math.min(availableParallelism(), mostThreads)
  const threads = Array.from({ length: count }, (_, part) =>
    startBodies(folder, user, { share: { part, of: count }, onPassed }),
  )
  try {
    const journal = await checkJournal(folder, user, files, { onPassed })
    const bodies = await Promise.all(threads.map(({ done }) => done))
    const octets = bodies.reduce((sum, report) => sum + report.octets, 0)
    const bad = bodies.flatMap((report) => report.bad)
    return reportOf(
      folder,
      { octets, bad: bad.toSorted((a, b) => a.segment - b.segment || a.start - b.start) },
      journal,
    )
  } finally {
    await Promise.all(threads.map((thread) => thread.leaveOff()))
  }
}

/** The same in this thread alone, as slowly as `onPassed` likes; bodies that lie before `from` are not read. */
export async function checkHere(
  folder: string,
  user: string,
  options: BodiesOptions & { readonly files?: SegmentFiles },
): Promise<CheckReport> {
  const files = options.files ?? new SegmentFiles(8 << 20)
  try {
    const bodies = await checkBodies(folder, user, options)
    return reportOf(folder, bodies, await checkJournal(folder, user, files, options))
  } finally {
    if (options.files === undefined) await files.close()
  }
}

function reportOf(folder: string, { octets, bad }: BodiesReport, journal: JournalReport): CheckReport {
  const path = indexPath(folder)
  const { messages, faults, misplaced, damage, differences } = journal
  return {
    messages,
    octets,
    problems: [
      ...faults.map((what): Problem => ({ path, what, remedy: 'rebuild' })),
      ...misplaced.map((found): Problem => ({ ...found, remedy: 'rebuild' })),
      ...bad.flatMap(problemsOf),
      ...damage.map((found): Problem => ({ ...found, remedy: 'none' })),
      ...differences.map((difference) => problemOf(path, difference, damage.length > 0)),
    ],
  }
}
