import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Dovecot } from '../test/peers/dovecot.ts'
import { runWell } from '../test/peers/run.ts'
import type { CorpusName, PreparedCorpus } from './corpora.ts'

/** The checkout. */
export const root: string = fileURLToPath(new URL('..', import.meta.url))

export interface Options {
  /** A tenth of the mail and one run: to see whether everything works, not to compare. */
  readonly quick: boolean
  /** How often each contender runs. */
  readonly runs: number
  /** Leaves Postino out. */
  readonly peersOnly: boolean
  /** A folder of real mail, which is then the corpus `given`. */
  readonly corpus: string | undefined
}

/** What the works use. */
export interface Bench {
  readonly options: Options
  /** A corpus, generated and put into Dovecot where it is not there yet. */
  corpus(name: CorpusName): Promise<PreparedCorpus>
  dovecot(): Promise<Dovecot>
  /** An empty folder of that name for one run; what the run before left is gone, and nothing waits to be written to disk. */
  freshFolder(name: string): Promise<string>
  /** A folder of that name that stays for the next invocation; it need not be there yet. */
  keptFolder(name: string): string
  /** Tells how far we are. */
  note(text: string): void
}

/** One row of the table, and what came out. */
export interface Bar {
  readonly what: string
  readonly want: string
  readonly got: string
  readonly met: boolean
}

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export interface Section {
  readonly tables: readonly Table[]
  readonly bars: readonly Bar[]
  readonly notes: readonly string[]
}

/** One thing that is measured. */
export interface Work {
  readonly name: string
  readonly title: string
  run(bench: Bench): Promise<Section>
}

/** What one run took and moved. */
export interface Sample {
  readonly seconds: number
  /** Messages, or sessions. */
  readonly count: number
  readonly octets: number
  /** Seconds by the program's own account, where it gives one. */
  readonly own?: number
}

export interface Contender {
  readonly name: string
  /** Fewer than the others, for slow ones. */
  readonly runs?: number
  /** Runs once, and throws where it did not do all the work. */
  run(): Promise<Sample>
}

/** All runs of one contender. Nothing is dropped. */
export class Outcome {
  readonly name: string
  readonly samples: Sample[] = []

  constructor(name: string) {
    this.name = name
  }

  median(of: (sample: Sample) => number): number {
    return median(this.samples.map(of))
  }

  get seconds(): number {
    return this.median((sample) => sample.seconds)
  }

  /** Messages (or sessions) a second. */
  get rate(): number {
    return this.median((sample) => sample.count / sample.seconds)
  }

  /** Megabytes (10⁶) a second. */
  get megabytes(): number {
    return this.median((sample) => sample.octets / 1e6 / sample.seconds)
  }

  /** The fastest and the slowest run, in seconds. */
  get range(): string {
    const all = this.samples.map((sample) => sample.seconds)
    return `${seconds(Math.min(...all))}–${seconds(Math.max(...all))}`
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2
}

/** Runs the contenders in turn, A B A B …, so that what else the machine does falls on all alike. */
export async function alternate(
  bench: Bench,
  contenders: readonly Contender[],
  runs: number = bench.options.runs,
): Promise<Outcome[]> {
  const outcomes = contenders.map((contender) => new Outcome(contender.name))
  for (let round = 0; round < runs; round++) {
    for (const [index, contender] of contenders.entries()) {
      if (round >= (contender.runs ?? Infinity)) continue
      const sample = await contender.run()
      outcomes[index]?.samples.push(sample)
      const rate = sample.count / sample.seconds
      bench.note(`  ${contender.name}: ${seconds(sample.seconds)} s, ${whole(rate)}/s`)
    }
  }
  return outcomes
}

/** Where the runs of one invocation keep what they make. */
export async function emptyFolder(work: string, name: string): Promise<string> {
  const folder = join(work, 'runs', name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await runWell('sync', [])
  return folder
}

/** Fails the run where not everything came through. */
export function expectAll(
  who: string,
  got: { count: number; octets: number },
  want: { count: number; octets: number },
): void {
  if (got.count === want.count && got.octets === want.octets) return
  throw new Error(`${who} moved ${got.count} messages of ${got.octets} octets, not ${want.count} of ${want.octets}`)
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-GB')
}

export function seconds(value: number): string {
  return value.toFixed(value < 0.1 ? 4 : value < 10 ? 3 : 1)
}

export function times(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ×`
}

/** The usual table of a work: a row for each contender, and how many times the first one is faster than it. */
export function speedTable(outcomes: readonly Outcome[], unit: 'messages' | 'sessions' = 'messages'): Table {
  const first = outcomes[0]
  const sized = outcomes.some(({ samples }) => samples.some(({ octets }) => octets > 0))
  return {
    head: ['', 'runs', 'seconds (median)', 'fastest–slowest', `${unit}/s`, ...(sized ? ['MB/s'] : []), 'ratio'],
    rows: outcomes.map((outcome) => [
      outcome.name,
      String(outcome.samples.length),
      seconds(outcome.seconds),
      outcome.range,
      whole(outcome.rate),
      ...(sized ? [outcome.megabytes.toFixed(1)] : []),
      outcome === first || first === undefined ? '' : times(first.rate / outcome.rate),
    ]),
  }
}

/** A floor from the issue: the first is at least so many times as fast as the second. */
export function ratioBar(
  what: string,
  least: number,
  outcomes: readonly Outcome[],
  ours: string,
  theirs: string,
): Bar[] {
  const find = (name: string): Outcome | undefined => outcomes.find((outcome) => outcome.name === name)
  const [a, b] = [find(ours), find(theirs)]
  if (a === undefined || b === undefined) return []
  const ratio = a.rate / b.rate
  return [{ what, want: `≥ ${least} × ${theirs}`, got: times(ratio), met: ratio >= least }]
}
