import { join } from 'node:path'
import { setImmediate as soon } from 'node:timers/promises'
import type { Directory } from '../accounts/directory.ts'
import { StoreError } from '../errors.ts'
import type { SettleReport } from '../store/settle.ts'
import { describeFailure } from './failure.ts'
import { type Hours, isWithin } from './hours.ts'
import { onBattery } from './power.ts'
import type { Counters, Gauge } from './serve-counters.ts'
import type { LogLines } from './serve-log.ts'
import { Load, shareOf } from './serve-settling-load.ts'
import { startSettling, type SettlingThread } from './serve-settling-thread.ts'
import { lookAt, type Thresholds, type Tried, triedNow, usualThresholds, whatToSettle } from './serve-settling-turn.ts'
import { settledWords } from './settled-words.ts'

/** How often it is looked whether there is something to settle, and whether it may be (milliseconds). */
const every = 60_000
/** How often it is looked how much others use, while it is settled (milliseconds). */
const glance = 2000

/** Whether `serve` settles, and when. */
export interface SettleSettings {
  readonly enabled: boolean
  /** Only then; undefined: at any time. */
  readonly hours: Hours | undefined
}

export interface SettlingOptions {
  readonly data: string
  readonly directory: Directory
  readonly counters: Counters
  readonly log: LogLines
  /** Asked each time, for SIGHUP may have changed them. */
  readonly settings: () => SettleSettings
  /** For tests: what the system says. */
  readonly onBattery?: () => boolean
  /** For tests: how many processors others use. */
  readonly others?: () => number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  readonly thresholds?: Thresholds
}

/** Settles the users' mail in idle time, one user after the other, in a thread of its own. */
export class Settling {
  readonly #options: SettlingOptions
  readonly #now: () => number
  readonly #tried = new Map<string, Tried>()
  #working: Promise<void> | undefined
  #thread: SettlingThread | undefined
  #timer: NodeJS.Timeout | undefined
  #lastRun: number | undefined
  #stopped = false

  constructor(options: SettlingOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), every)
  }

  /** Leaves off where it is; the next `serve` goes on from there. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    this.#thread?.leaveOff()
    await this.#working
  }

  /** Begins where it may and there is something to do, and leaves off where it may not any more. Resolves when nothing is under way. */
  async look(): Promise<void> {
    if (!this.#may()) this.#thread?.leaveOff()
    else
      this.#working ??= this.#work()
        .catch((error: unknown) => this.#options.log.note(`mail is not settled: ${describeFailure(error)}`))
        .finally(() => (this.#working = undefined))
    await this.#working
  }

  /** What the metrics say. */
  gauges(): Gauge[] {
    return this.#lastRun === undefined ? [] : [['postino_settle_last_timestamp_seconds', {}, this.#lastRun / 1000]]
  }

  #may(): boolean {
    if (this.#stopped) return false
    const { settings, onBattery: battery = onBattery } = this.#options
    const { enabled, hours } = settings()
    return enabled && (hours === undefined || isWithin(hours, this.#now())) && !battery()
  }

  async #work(): Promise<void> {
    for (const { name } of this.#options.directory.users()) {
      // With many users, those who are being served come first.
      await soon()
      if (!this.#may()) return
      try {
        await this.#settle(name)
      } catch (error) {
        // Another process settles it, or it was to leave off.
        if ((error instanceof StoreError && error.code === 'busy') || !this.#may()) this.#tried.delete(name)
        else this.#options.log.note(`the mail of ${name} is not settled: ${describeFailure(error)}`)
      }
    }
  }

  async #settle(user: string): Promise<void> {
    const { data, thresholds = usualThresholds, counters, log } = this.#options
    const seen = lookAt(join(data, 'users', user))
    const what = seen && whatToSettle(seen, this.#tried.get(user), this.#now(), thresholds)
    if (seen === undefined || what === undefined) return
    this.#tried.set(user, triedNow(seen, what, this.#now()))
    const load = new Load()
    const { others = () => load.others() } = this.#options
    const thread = startSettling({ data, user, all: what === 'all', share: shareOf(0) })
    this.#thread = thread
    const glancing = setInterval(() => thread.allow(shareOf(others())), glance)
    try {
      const report = await thread.done
      this.#lastRun = this.#now()
      count(counters, report)
      for (const { path, why } of report.left) log.note(`${path} is not settled: ${why}`)
      if (report.segments > 0) log.line('settle', { user, ...report }, () => `settle ${user}: ${settledWords(report)}`)
    } finally {
      clearInterval(glancing)
      this.#thread = undefined
    }
    // It may have been made to leave off: then there is more to do, and the next look finds it.
    if (!this.#may()) this.#tried.delete(user)
  }
}

function count(counters: Counters, { before, after, messages, dropped }: SettleReport): void {
  counters.add('postino_settle_octets_before_total', {}, before)
  counters.add('postino_settle_octets_after_total', {}, after)
  counters.add('postino_settle_messages_total', {}, messages)
  counters.add('postino_settle_dropped_messages_total', {}, dropped)
}
