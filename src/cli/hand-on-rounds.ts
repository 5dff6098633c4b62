import { usersOf } from '../accounts/account-users.ts'
import type { Account, Directory } from '../accounts/directory.ts'
import type { Secrets } from '../accounts/secrets.ts'
import type { UserMail } from '../store/store.ts'
import { briefly } from './briefly.ts'
import { describeAccountFailure, describeFailure } from './failure.ts'
import { handOnAll, handOnLine, handOnNext, type HandOnOutcome } from './hand-on.ts'
import type { LogLines } from './serve-log.ts'
import type { Mails } from './serve-mails.ts'

export interface HandOnRoundsOptions {
  readonly data: string
  readonly directory: Directory
  readonly secrets: Secrets
  readonly mails: Mails
  readonly log: LogLines
  /** Told what became of each target, as often as something was tried there. */
  readonly done?: (account: Account, outcome: HandOnOutcome) => void
  /** Milliseconds since 1970; tests give their own. */
  readonly now?: () => number
}

/** How often it is looked whether something is due (milliseconds), and how many accounts are at it at once. */
const tick = 15_000
const most = 4

/**
 * Hands on while `serve` runs: what a fetch has just brought in, and again, each in its time, what a target would not take or could not.
 * Each account goes for itself.
 */
export class HandOnRounds {
  readonly #options: HandOnRoundsOptions
  readonly #stop = new AbortController()
  readonly #running = new Map<string, Promise<void>>()
  /** By address, when something is to be tried next (milliseconds since 1970); an account that is not in it has not been looked at. */
  readonly #due = new Map<string, number>()
  #accounts: Account[] = []
  #changes = -1
  #timer: NodeJS.Timeout | undefined

  constructor(options: HandOnRoundsOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), tick)
  }

  /** Breaks off what is under way, and waits for it. What was under way is looked for at the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stop.abort()
    await this.idle()
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  /** New mail has come for an account. */
  nudge(address: string): void {
    this.#due.set(address, 0)
    this.look()
  }

  /** Starts what is due. */
  look(): void {
    if (this.#stop.signal.aborted) return
    const { directory, log, now = Date.now } = this.#options
    try {
      const changes = directory.changes()
      // Another process may have added a target, or given a password: so all are looked at again.
      if (changes !== this.#changes) this.#due.clear()
      this.#changes = changes
      this.#accounts = directory.accounts().filter(({ options }) => (options.handOn ?? []).length > 0)
    } catch (error) {
      log.note(`mail was not handed on: ${describeFailure(error)}`)
      return
    }
    for (const account of this.#accounts) {
      if (this.#running.size >= most) return
      const { address } = account
      if (this.#running.has(address) || (this.#due.get(address) ?? 0) > now()) continue
      const running = this.#run(account).finally(() => {
        this.#running.delete(address)
        // Mail may have come meanwhile, and others may wait for their turn.
        setImmediate(() => this.look())
      })
      this.#running.set(address, running)
    }
  }

  async #run(account: Account): Promise<void> {
    const { data, directory, secrets, mails, log, done, now = Date.now } = this.#options
    const { address } = account
    const borrowed: UserMail[] = []
    const open = async (user: string): Promise<UserMail> => {
      const mail = await mails.borrow(user)
      borrowed.push(mail)
      return mail
    }
    // What comes from here on makes it due again.
    this.#due.set(address, Infinity)
    let due = now() + 60_000
    try {
      const outcomes = await handOnAll({ data, directory, secrets, open }, account, {
        backOff: true,
        signal: this.#stop.signal,
        now,
        onHanded: (target, message, reply) => {
          // Nobody can ask an SMTP server what became of a message, but by the name that it gave it.
          if (/^[sl]mtp:/.test(target)) {
            const entry = { account: address, target, message: message.id, reply }
            log.line('handed-on', entry, () => `handed on message ${message.id} of ${address} to ${target}: ${reply}`)
          }
        },
      })
      if (this.#stop.signal.aborted) return
      for (const outcome of outcomes) {
        this.#tell(address, outcome)
        done?.(account, outcome)
      }
      const busy = outcomes.some(({ report: { error } }) => error?.code === 'busy')
      if (!busy) due = await this.#nextDue(account, open)
    } catch (error) {
      log.note(`mail of ${address} was not handed on: ${describeFailure(error)}`)
    } finally {
      for (const mail of borrowed) mails.giveBack(mail)
      if (this.#due.get(address) === Infinity) this.#due.set(address, due)
    }
  }

  async #nextDue(account: Account, open: (user: string) => Promise<UserMail>): Promise<number> {
    const { directory, now = Date.now } = this.#options
    let first = Infinity
    for (const user of usersOf(account)) {
      if (directory.user(user) === undefined) continue
      first = Math.min(first, await (await open(user)).read((view) => handOnNext(view, account, now())))
    }
    // What could go at once and did not has a reason; it is not asked for all the time.
    return Math.max(first, now() + 60_000)
  }

  #tell(address: string, outcome: HandOnOutcome): void {
    const { log } = this.#options
    const { target, report } = outcome
    const { error, problems, ...counts } = report
    const fault = error === undefined ? undefined : describeAccountFailure(error)
    if (counts.handed === 0 && problems.length === 0 && fault === undefined) return
    const entry = { account: address, target, ...counts, problems, error: fault }
    const line = [handOnLine(outcome, fault) ?? target, ...briefly(problems)].join('; ')
    log.line('hand-on', entry, () => `hand-on ${address}: ${line}`)
  }
}
