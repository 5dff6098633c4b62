import type { Ended } from '../accounts/schedule.ts'
import type { FetchReport } from '../doors/fetching.ts'
import type { HandOnReport } from '../doors/hand-on.ts'
import { RefusedError } from '../errors.ts'
import { describeAccountFailure, isTemporary } from './failure.ts'
import type { HandOnOutcome } from './hand-on.ts'

/** How a fetch from one account ended, as it can also be told to another process. */
export interface Outcome {
  readonly address: string
  readonly user: string
  readonly report: OutcomeReport
  /** What kept it from beginning, or ended it early. */
  readonly fault?: Fault
  /** What became of handing on, for each place. */
  readonly handOn?: readonly HandedOn[]
}

/** What of a report is told. */
type OutcomeReport = Pick<FetchReport, (typeof told)[number]>

const told = [
  'new',
  'skipped',
  'failed',
  'waiting',
  'deleted',
  'octets',
  'seconds',
  'problems',
  'plan',
  'passedOver',
] as const

interface Fault {
  readonly text: string
  readonly temporary: boolean
}

/** What became of handing on to one place. */
export interface HandedOn extends Pick<HandOnReport, 'handed' | 'refused' | 'waiting' | 'problems'> {
  readonly target: string
  readonly fault?: Fault
}

const nothing: OutcomeReport = {
  new: 0,
  skipped: 0,
  failed: 0,
  waiting: 0,
  deleted: 0,
  octets: 0,
  seconds: 0,
  problems: [],
}

/** Of a fetch that has a report. */
export function outcomeOf(account: { address: string; user: string }, full: FetchReport): Outcome {
  const { error } = full
  const entries = told.flatMap((name) => (full[name] === undefined ? [] : [[name, full[name]]]))
  const report = Object.fromEntries(entries) as OutcomeReport
  return { ...named(account), report, ...(error !== undefined && { fault: faultOf(error) }) }
}

/** Of one that could not begin. */
export function failedOutcome(account: { address: string; user: string }, error: unknown): Outcome {
  return { ...named(account), report: nothing, fault: faultOf(error) }
}

function named({ address, user }: { address: string; user: string }): Pick<Outcome, 'address' | 'user'> {
  return { address, user }
}

/** The outcome with what became of handing on. */
export function withHandOn(outcome: Outcome, places: readonly HandOnOutcome[]): Outcome {
  if (places.length === 0) return outcome
  const handOn = places.map(({ target, report: { error, ...report } }) => ({
    target,
    ...report,
    ...(error !== undefined && { fault: faultOf(error) }),
  }))
  return { ...outcome, handOn }
}

function faultOf(error: unknown): Fault {
  return { text: describeAccountFailure(error), temporary: isTemporary(error) }
}

/** Where a server does not say how long it wants to be left alone, milliseconds. */
const usualDelay = 600_000

/** What the schedule must know of how it ended. */
export function endedOf({ error, leastWait }: Pick<FetchReport, 'error' | 'leastWait'>): Ended {
  const reason = error instanceof RefusedError ? error.reason : undefined
  return {
    ok: error === undefined,
    soon: reason === 'in-use' || reason === 'login-delay',
    wait: leastWait ?? (reason === 'login-delay' ? usualDelay : undefined),
  }
}
