import type { Account, Directory } from '../accounts/directory.ts'
import { Secrets } from '../accounts/secrets.ts'
import type { Counters, Gauge } from './serve-counters.ts'
import { Indexing } from './serve-indexing.ts'
import type { LogLines } from './serve-log.ts'
import type { Mails } from './serve-mails.ts'
import { Purging } from './serve-purging.ts'
import { scheduleOf } from './serve-schedule.ts'

export interface ChoresOptions {
  readonly data: string
  readonly directory: Directory
  readonly mails: Mails
  readonly counters: Counters
  readonly log: LogLines
  /** How often each account is fetched, milliseconds; asked each time. */
  readonly fetchEvery: () => number
  readonly fetchParallel: number
}

/** What one process does for all of them: it fetches, keeps the search index, and empties the trash. */
export class Chores {
  readonly #directory: Directory
  readonly #indexing: Indexing
  readonly #purging: Purging
  readonly #schedule: ReturnType<typeof scheduleOf>

  constructor({ data, directory, mails, counters, log, fetchEvery, fetchParallel }: ChoresOptions) {
    this.#directory = directory
    const indexing = new Indexing({ data, directory, log })
    this.#indexing = indexing
    this.#purging = new Purging({ data, directory, mails, log })
    this.#schedule = scheduleOf({
      every: fetchEvery,
      parallel: fetchParallel,
      directory,
      secrets: new Secrets(data),
      data,
      mails,
      log,
      counters,
      fetched: (user) => indexing.nudge(user),
    })
  }

  start(): void {
    this.#schedule.start()
    this.#indexing.start()
    this.#purging.start()
  }

  /** Leaves off where it is, once what was received is durable. */
  async stop(): Promise<void> {
    await Promise.all([this.#schedule.stop(), this.#indexing.close(), this.#purging.stop()])
  }

  /** What the metrics say of the remote accounts. */
  gauges(): Gauge[] {
    const accounts = this.#directory.accounts()
    const states = accounts.map(stateOf)
    const found: Gauge[] = (['ok', 'failing', 'never'] as const).map((state) => [
      'postino_fetch_accounts',
      { state },
      states.filter((one) => one === state).length,
    ])
    const oldest = accounts.flatMap(({ lastSuccess }) => lastSuccess ?? []).toSorted((a, b) => a - b)[0]
    if (oldest !== undefined) found.push(['postino_fetch_oldest_success_timestamp_seconds', {}, oldest / 1000])
    const next = this.#schedule.next()
    if (next !== undefined)
      found.push(['postino_fetch_next_timestamp_seconds', {}, Math.round((performance.timeOrigin + next) / 1000)])
    return found
  }
}

function stateOf({ lastTry, lastError }: Account): 'ok' | 'failing' | 'never' {
  if (lastTry === undefined) return 'never'
  return lastError === undefined ? 'ok' : 'failing'
}
