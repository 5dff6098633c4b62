import type { Account, Directory } from '../accounts/directory.ts'
import { Secrets } from '../accounts/secrets.ts'
import { HandOnRounds } from './hand-on-rounds.ts'
import { Checking, type CheckSettings } from './serve-checking.ts'
import { ControlListener } from './serve-control.ts'
import type { Counters, Gauge } from './serve-counters.ts'
import { Indexing } from './serve-indexing.ts'
import type { LogLines } from './serve-log.ts'
import type { Mails } from './serve-mails.ts'
import { Purging } from './serve-purging.ts'
import { Fetches } from './serve-schedule.ts'
import { type SettleSettings, Settling } from './serve-settling.ts'
import { Watches } from './serve-watch.ts'

export interface ChoresOptions {
  readonly data: string
  readonly directory: Directory
  readonly mails: Mails
  readonly counters: Counters
  readonly log: LogLines
  /** How often each account is fetched, milliseconds; asked each time. */
  readonly fetchEvery: () => number
  readonly fetchParallel: number
  /** Asked each time. */
  readonly settle: () => SettleSettings
  readonly check: () => CheckSettings
}

/** What one process does for all of them: it fetches, keeps the search index, empties the trash, settles, and checks. */
export class Chores {
  readonly #directory: Directory
  readonly #indexing: Indexing
  readonly #purging: Purging
  readonly #settling: Settling
  readonly #checking: Checking
  readonly #fetches: Fetches
  readonly #control: ControlListener
  readonly #watches: Watches
  readonly #handOn: HandOnRounds
  readonly #data: string
  readonly #log: LogLines

  constructor({ data, directory, mails, counters, log, fetchEvery, fetchParallel, settle, check }: ChoresOptions) {
    this.#directory = directory
    const indexing = new Indexing({ data, directory, log })
    this.#indexing = indexing
    this.#purging = new Purging({ data, directory, mails, log })
    this.#settling = new Settling({ data, directory, counters, log, settings: settle })
    this.#checking = new Checking({ data, directory, counters, log, settings: check })
    this.#fetches = new Fetches({
      every: fetchEvery,
      parallel: fetchParallel,
      directory,
      secrets: new Secrets(data),
      data,
      mails,
      log,
      counters,
      fetched: (user) => indexing.nudge(user),
      brought: (address) => this.#handOn.nudge(address),
    })
    this.#handOn = new HandOnRounds({ data, directory, secrets: new Secrets(data), mails, log })
    this.#watches = new Watches({
      data,
      directory,
      secrets: new Secrets(data),
      log,
      accounts: () => this.#fetches.accounts(),
      news: (address) => this.#fetches.schedule.hurry(address),
    })
    this.#control = new ControlListener((request, say) => this.#fetches.answer(request, say))
    this.#data = data
    this.#log = log
  }

  /** From now on other commands can ask this process to fetch. */
  async listen(): Promise<void> {
    const fault = await this.#control.listen(this.#data)
    if (fault !== undefined) this.#log.note(`other commands cannot reach this server: ${fault}`)
  }

  start(): void {
    this.#fetches.schedule.start()
    this.#watches.start()
    this.#handOn.start()
    this.#indexing.start()
    this.#purging.start()
    this.#settling.start()
    this.#checking.start()
  }

  /** Leaves off where it is, once what was received is durable. */
  async stop(): Promise<void> {
    await Promise.all([
      this.#watches.stop(),
      this.#handOn.stop(),
      this.#fetches.schedule.stop().then(() => this.#control.close()),
      this.#indexing.close(),
      this.#purging.stop(),
      this.#settling.stop(),
      this.#checking.stop(),
    ])
  }

  /** What the metrics say of the remote accounts, of settling, and of checking. */
  gauges(): Gauge[] {
    const accounts = this.#directory.accounts()
    const states = accounts.map(stateOf)
    const found: Gauge[] = (['ok', 'failing', 'never'] as const).map((state) => [
      'postino_fetch_accounts',
      { state },
      states.filter((one) => one === state).length,
    ])
    for (const { address: account, lastSuccess, state } of accounts) {
      const { failures = 0, next, quarantined = 0 } = state
      found.push(['postino_account_failures', { account }, failures])
      found.push(['postino_account_quarantined_messages', { account }, quarantined])
      if (lastSuccess !== undefined)
        found.push(['postino_account_last_success_timestamp_seconds', { account }, lastSuccess / 1000])
      if (next !== undefined) found.push(['postino_account_next_timestamp_seconds', { account }, next / 1000])
    }
    const oldest = accounts.flatMap(({ lastSuccess }) => lastSuccess ?? []).toSorted((a, b) => a - b)[0]
    if (oldest !== undefined) found.push(['postino_fetch_oldest_success_timestamp_seconds', {}, oldest / 1000])
    const next = this.#fetches.schedule.next()
    // Accounts that are fetched only when told to are never due.
    if (next !== undefined && Number.isFinite(next))
      found.push(['postino_fetch_next_timestamp_seconds', {}, Math.round((performance.timeOrigin + next) / 1000)])
    found.push(...this.#settling.gauges(), ...this.#checking.gauges())
    return found
  }
}

function stateOf({ lastTry, lastError }: Account): 'ok' | 'failing' | 'never' {
  if (lastTry === undefined) return 'never'
  return lastError === undefined ? 'ok' : 'failing'
}
