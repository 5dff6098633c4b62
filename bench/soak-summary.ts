import { markdownTable } from './report.ts'
import { mean, slopeOf } from './slope.ts'

/** What the load tells; counts are since the beginning. */
export interface SoakTold {
  readonly seconds: number
  readonly sessions: number
  readonly refused: number
  readonly failed: number
  readonly late: number
  /** Sessions open now. */
  readonly open: number
  /** Seconds of processor time. */
  readonly processor: number
}

/** What was seen at one moment. */
export interface SoakSample extends SoakTold {
  /** Seconds of processor time of the server. */
  readonly server: number
  /** Of all processes of the server: resident and proportional memory, octets; open files. */
  readonly resident: number
  readonly memory: number
  readonly files: number
}

export interface SoakSummary {
  /** Memory (PSS, octets): the mean of the tenth after the warm-up, and that of the last. */
  readonly early: number
  readonly late: number
  /** The same of open files. */
  readonly earlyFiles: number
  readonly lateFiles: number
  /** Octets an hour, by least squares over all behind the warm-up. */
  readonly slope: number
  /** Whether it ended as it began, and served everybody. */
  readonly flat: boolean
}

/** So much more may be there in the end: what the garbage collector lets lie differs by as much from one minute to the next. */
const allowance = 1.05
const filesAllowance = 50

/** The first tenth is the warm-up. */
export function summarize(samples: readonly SoakSample[]): SoakSummary {
  const tenth = Math.max(1, Math.floor(samples.length / 10))
  const warm = samples.slice(tenth)
  const [begin, end] = [warm.slice(0, tenth), warm.slice(-tenth)]
  const early = mean(begin.map(({ memory }) => memory))
  const late = mean(end.map(({ memory }) => memory))
  const earlyFiles = mean(begin.map(({ files }) => files))
  const lateFiles = mean(end.map(({ files }) => files))
  const slope = slopeOf(warm.map(({ seconds, memory }) => [seconds, memory])) * 3600
  const served = (samples.at(-1)?.failed ?? 1) === 0
  const flat = late <= early * allowance && lateFiles <= earlyFiles + filesAllowance && served
  return { early, late, earlyFiles, lateFiles, slope, flat }
}

/** The whole of bench/soak.md. */
export function soakText(
  machine: readonly string[],
  words: { readonly minutes: number; readonly rate: number; readonly workers: number | undefined },
  samples: readonly SoakSample[],
  summary: SoakSummary,
): string {
  const last = samples.at(-1)
  const seconds = last?.seconds ?? 0
  const share = (used: number | undefined): string => `${(((used ?? 0) / seconds) * 100).toFixed(0)} %`
  const rows = samples.filter((_, index) => (index + 1) % Math.max(1, Math.round(samples.length / 12)) === 0)
  const table = {
    head: ['minutes', 'sessions so far', 'RSS', 'PSS', 'open files'],
    rows: rows.map((sample) => [
      (sample.seconds / 60).toFixed(1),
      String(sample.sessions),
      megabytes(sample.resident),
      megabytes(sample.memory),
      String(sample.files),
    ]),
  }
  const results = [
    `Memory (PSS): ${megabytes(summary.early)} after the warm-up, ${megabytes(summary.late)} in the last tenth; slope ${(summary.slope / 1e6).toFixed(1)} MB an hour.`,
    `Open files: ${summary.earlyFiles.toFixed(0)} after the warm-up, ${summary.lateFiles.toFixed(0)} in the last tenth.`,
    `${last?.sessions} sessions in ${(seconds / 60).toFixed(1)} minutes (${((last?.sessions ?? 0) / seconds).toFixed(0)} a second); refused at the log-in: ${last?.refused}, failed: ${last?.failed}, not begun because no user was free: ${last?.late}.`,
    `Processor: the server ${share(last?.server)} of one, the load ${share(last?.processor)}.`,
    `Verdict: ${summary.flat ? 'as flat as it began' : '**not flat**'} (at most 5 % more memory and 50 more open files than after the warm-up, nothing failed).`,
  ]
  const workers = words.workers === undefined ? '' : ` --workers ${words.workers}`
  return `# Soak

Written by \`npm run soak -- --minutes ${words.minutes} --rate ${words.rate}${workers} --write\`. \`postino serve\` under mixed sessions at a steady rate: a third each plain, with
STLS and with implicit TLS; STAT, LIST, UIDL, CAPA, RETR, TOP, DELE with RSET; one in seven hangs up in the middle of a message; a wrong password
every other second. The first tenth is the warm-up.

${machine.map((line) => `- ${line}`).join('\n')}

${results.map((line) => `- ${line}`).join('\n')}

${markdownTable(table)}
`
}

function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(1)} MB`
}
