import type { Account, Directory } from '../accounts/directory.ts'
import { limitsOf } from '../accounts/providers.ts'
import { type Ended, Schedule } from '../accounts/schedule.ts'
import type { Secrets } from '../accounts/secrets.ts'
import { StoreError } from '../errors.ts'
import type { UserMail } from '../store/store.ts'
import { count, octetsText } from './amounts.ts'
import { briefly } from './briefly.ts'
import type { ControlLine, ControlRequest } from './control-words.ts'
import { describeFailure } from './failure.ts'
import { fetchAccount, type FetchTask } from './fetch-account.ts'
import { handedOn } from './fetch-hand-on.ts'
import { endedOf, failedOutcome, type Outcome, outcomeOf } from './fetch-outcome.ts'
import type { Counters } from './serve-counters.ts'
import type { LogLines } from './serve-log.ts'
import type { Mails } from './serve-mails.ts'

/** Instead of the number of a change: what there is is to be read; and it could not be. */
const [unread, unreadable] = [-1, -2]

/** So many messages that have come are worth indexing while others are still coming. */
const worthIndexing = 1000

/** What fetching on schedule needs. */
export interface FetchScheduleOptions {
  /** Milliseconds; 0: never. */
  every(): number
  readonly parallel: number
  readonly directory: Directory
  readonly secrets: Secrets
  readonly data: string
  readonly mails: Mails
  readonly log: LogLines
  readonly counters: Counters
  /** New mail has come for this user. */
  fetched(user: string): void
  /** An account was fetched: there may be something to hand on. */
  brought(address: string): void
}

/** Fetches from all accounts while `serve` runs: each in its time, and when a command asks for it. */
export class Fetches {
  readonly schedule: Schedule
  readonly #options: FetchScheduleOptions
  #accounts: Account[] = []
  #changes = unread

  constructor(options: FetchScheduleOptions) {
    this.#options = options
    const { directory, parallel, log } = options
    this.schedule = new Schedule({
      accounts: () =>
        this.accounts().map(({ address, serial, server, options: { every }, state: { failures, next }, lastTry }) => {
          const least = limitsOf({ server }).leastInterval
          return { address, serial, every, least, failures, next, lastTry }
        }),
      every: () => options.every(),
      parallel,
      run: async (address, signal) => (await this.#run(address, { signal, backOff: true })) ?? { ok: true },
      remember: (address, state) => {
        // What this process writes itself is not counted as a change.
        const again = (): void => void (this.#changes = unread)
        // What is forgotten by a full disk is only when to try again.
        directory.keepState(address, state).then(again, (error: unknown) => log.note(describeFailure(error)))
      },
    })
  }

  /** Does what a command asks for, behind what is under way for the same accounts. */
  async answer({ fetch }: ControlRequest, say: (line: ControlLine) => void): Promise<void> {
    const waiting = [...fetch.accounts]
    // One that was added a moment ago is to be there.
    this.#changes = unread
    const worker = async (): Promise<void> => {
      for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
        const wanted = address
        const done = await this.schedule.request(wanted, (signal) =>
          this.#run(
            wanted,
            {
              signal,
              dryRun: fetch.dryRun,
              ...(fetch.only !== undefined && { only: new Set(fetch.only) }),
              onProgress: (amount) => say({ progress: { address: wanted, amount } }),
            },
            (outcome) => say({ outcome }),
          ),
        )
        if (!done) {
          say({ outcome: gone(wanted) })
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#options.parallel, waiting.length) }, worker))
  }

  /** The accounts as they are now, read anew when something has changed. */
  accounts(): readonly Account[] {
    const { directory, log } = this.#options
    try {
      const now = directory.changes()
      if (now !== this.#changes) this.#accounts = directory.accounts()
      this.#changes = now
    } catch (error) {
      // Asked again in a second.
      if (this.#changes !== unreadable) log.note(describeFailure(error))
      this.#changes = unreadable
    }
    return this.#accounts
  }

  async #run(
    address: string,
    task: FetchTask & { signal: AbortSignal },
    tell?: (outcome: Outcome) => void,
  ): Promise<Ended | undefined> {
    const account = this.#accounts.find((one) => one.address === address)
    if (account === undefined) {
      tell?.(gone(address))
      return undefined
    }
    const { data, directory, secrets, mails } = this.#options
    const borrowed: UserMail[] = []
    const fetched = (): void => {
      for (const user of new Set(borrowed.map((mail) => mail.user))) this.#options.fetched(user)
    }
    let indexed = 0
    const onProgress: FetchTask['onProgress'] = (amount) => {
      task.onProgress?.(amount)
      if (amount.messages - indexed < worthIndexing) return
      indexed = amount.messages
      fetched()
    }
    const open = async (name: string): ReturnType<Mails['borrow']> => {
      const mail = await mails.borrow(name)
      borrowed.push(mail)
      return mail
    }
    try {
      const report = await fetchAccount({ data, directory, secrets, open }, account, { ...task, onProgress })
      const outcome = outcomeOf(account, report)
      if (tell === undefined) this.#options.brought(address)
      else
        tell(
          task.dryRun === true
            ? outcome
            : await handedOn({ data, directory, secrets, open }, account, outcome, task.signal),
        )
      if (report.new > 0) fetched()
      if (task.signal.aborted || task.dryRun === true) return undefined
      this.#note(outcome)
      return endedOf(report)
    } catch (error) {
      const outcome = failedOutcome(account, error)
      tell?.(outcome)
      // Another process is at it: then this account is fetched all the same.
      if (task.signal.aborted || (error instanceof StoreError && error.code === 'busy')) return { ok: true }
      this.#note(outcome)
      return { ok: false }
    } finally {
      for (const mail of borrowed) mails.giveBack(mail)
    }
  }

  #note({ address, report, fault }: Outcome): void {
    const { counters, log } = this.#options
    const { problems, plan: _, ...counts } = report
    counters.add('postino_fetches_total', { result: fault === undefined ? 'ok' : 'failed' })
    counters.add('postino_fetched_messages_total', {}, counts.new)
    counters.add('postino_fetched_octets_total', {}, counts.octets)
    if (counts.new === 0 && counts.deleted === 0 && problems.length === 0 && fault === undefined) return
    const entry = { account: address, ...counts, problems, error: fault?.text }
    const faults = [...briefly(problems), ...(fault === undefined ? [] : [fault.text])]
      .map((text) => `; ${text}`)
      .join('')
    log.line('fetch', entry, () => `fetch ${address}: ${count(counts.new)} new (${octetsText(counts.octets)})${faults}`)
  }
}

function gone(address: string): Outcome {
  const why = new StoreError('missing', 'the account was removed meanwhile, or `postino serve` ends')
  return failedOutcome({ address, user: '' }, why)
}
