import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Directory } from '../accounts/directory.ts'
import type { Hash } from '../ids.ts'
import { searchFaults } from '../search/check-search.ts'
import { searchPath } from '../search/database.ts'
import type { Place } from '../store/check-bodies.ts'
import { type CheckThread, startCheck } from '../store/check-thread.ts'
import type { CheckReport } from '../store/check.ts'
import { octetsText, plural } from './amounts.ts'
import { keepRounds, readRounds, roundOf, type UnderWay } from './check-rounds.ts'
import { type Fault, originsOf, tellFaults } from './check-telling.ts'
import { describeFailure } from './failure.ts'
import type { Counters, Gauge } from './serve-counters.ts'
import type { LogLines } from './serve-log.ts'
import { Load } from './serve-settling-load.ts'

/** How often it is looked whether some mail is due (milliseconds). */
const every = 60_000
/** How often it is looked whether there is other work, while mail is checked (milliseconds). */
const glance = 2000
/** So much of the processors may others use (processors) before the check waits for them, */
const busy = 0.5
/** but never for longer than this (milliseconds): a machine that is never idle has its mail checked, too. */
const longestWait = 3_600_000
/** So many faults of a round that is under way are remembered. */
const mostSuspects = 10_000
/** How often it is written down how far a round is (milliseconds). */
const noting = 10_000

/** How `serve` checks the mail. */
export interface CheckSettings {
  /** Each user's mail so often, milliseconds; 0: never. */
  readonly every: number
  /** Octets a second at the most. */
  readonly rate: number
}

export interface CheckingOptions {
  readonly data: string
  readonly directory: Directory
  readonly counters: Counters
  readonly log: LogLines
  /** Asked each time, for SIGHUP may have changed them. */
  readonly settings: () => CheckSettings
  /** For tests: how many processors others use. */
  readonly others?: () => number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** How often it is looked, milliseconds. */
  readonly every?: number
  readonly glance?: number
}

/**
 * Checks all mail, one user after the other, slowly and in a thread of its own. A round that was stopped goes on where it was; what was
 * found is in the log, in the metrics, and in `postino check --status`.
 */
export class Checking {
  readonly #options: CheckingOptions
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #thread: CheckThread<CheckReport> | undefined
  #stopped = false

  constructor(options: CheckingOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), this.#options.every ?? every)
  }

  /** Leaves off; the next `serve` goes on from there. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#thread?.leaveOff()
    await this.#working
  }

  /** Begins, where some mail is due. */
  look(): void {
    this.#working ??= this.#work()
      .catch((error: unknown) => this.#options.log.note(`mail is not checked: ${describeFailure(error)}`))
      .finally(() => (this.#working = undefined))
  }

  /** What the metrics say: read from what is written down, so that a check by hand counts as well. */
  gauges(): Gauge[] {
    const folders = this.#options.directory.users().map(({ name }) => this.#folder(name))
    const rounds = folders.flatMap((folder) => readRounds(folder).last ?? [])
    if (rounds.length === 0) return []
    const faults = rounds.reduce((sum, round) => sum + round.faults, 0)
    const oldest = Math.min(...rounds.map(({ ended }) => ended))
    return [
      ['postino_check_faults', {}, faults],
      ['postino_check_oldest_timestamp_seconds', {}, oldest / 1000],
    ]
  }

  async #work(): Promise<void> {
    for (const { name } of this.#options.directory.users()) {
      if (this.#stopped || this.#options.settings().every === 0) return
      try {
        if (this.#isDue(name)) await this.#check(name)
      } catch (error) {
        if (!this.#stopped) this.#options.log.note(`the mail of ${name} is not checked: ${describeFailure(error)}`)
      }
    }
  }

  #isDue(user: string): boolean {
    const folder = this.#folder(user)
    const made = statSync(join(folder, 'index.sqlite'), { throwIfNoEntry: false })?.birthtimeMs
    if (made === undefined) return false
    const { last, now } = readRounds(folder)
    // A clock that was wrong, in either direction, must not put it off for years.
    return now !== undefined || Math.abs(this.#now() - (last?.ended ?? made)) >= this.#options.settings().every
  }

  async #check(user: string): Promise<void> {
    const { log, counters, directory, settings } = this.#options
    const folder = this.#folder(user)
    const { now: begun, last } = readRounds(folder)
    let now: UnderWay = begun ?? { began: this.#now(), at: { segment: 0, start: 0 }, octets: 0, suspects: [] }
    let noted = 0
    const note = (more: Partial<UnderWay>): void => {
      now = { ...now, ...more }
      if (performance.now() - noted < noting && more.suspects === undefined) return
      noted = performance.now()
      keepRounds(folder, { ...(last !== undefined && { last }), now })
    }
    const onPassed = (more: number, at: Place | undefined): void => {
      counters.add('postino_check_octets_total', {}, more)
      if (at !== undefined) note({ at, octets: now.octets + more })
    }
    const onSuspect = (hash: Hash): void => note({ suspects: [...now.suspects, hash].slice(0, mostSuspects) })
    note({ suspects: now.suspects })
    const { at: from, suspects } = now
    const thread = startCheck(folder, user, { from, suspects, rate: settings().rate, onPassed, onSuspect })
    this.#thread = thread
    const glancing = this.#makeWay(thread)
    try {
      const report = await thread.done
      const path = searchPath(folder)
      const faults: Fault[] = [
        ...report.problems,
        ...searchFaults(folder, user).map((what): Fault => ({ path, what, remedy: 'search' })),
      ]
      const lines = tellFaults(
        user,
        faults,
        originsOf(directory, user, (name) => this.#folder(name)),
      )
      const bad = faults.filter(({ remedy }) => remedy !== 'none').length
      // Where it went on from an earlier run, what that had read counts.
      const whole = { messages: report.messages, octets: report.octets + (begun?.octets ?? 0) }
      keepRounds(folder, { last: roundOf(whole, bad, lines, this.#now()) })
      for (const line of lines) log.note(`${user}: ${line}`)
      log.line('check', { user, ...whole, faults: bad, problems: lines }, () => {
        const verdict = lines.length === 0 ? 'all in order' : plural(lines.length, 'problem')
        return `check ${user}: ${plural(whole.messages, 'message')}, ${octetsText(whole.octets)}: ${verdict}`
      })
    } finally {
      clearInterval(glancing)
      this.#thread = undefined
    }
  }

  /** Lets the check wait while there is other work. */
  #makeWay(thread: CheckThread<CheckReport>): NodeJS.Timeout {
    const load = new Load()
    const { others = () => load.others(), glance: often = glance } = this.#options
    let waited = 0
    return setInterval(() => {
      waited = others() > busy && waited < longestWait ? waited + often : 0
      thread.order(waited > 0 ? 'wait' : 'go on')
    }, often)
  }

  #folder(user: string): string {
    return join(this.#options.data, 'users', user)
  }
}
