import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Directory } from '../accounts/directory.ts'
import type { StoredRule } from '../accounts/retention-rule.ts'
import { applyRetention } from '../rules/retention.ts'
import { purgeTrash } from '../rules/trash.ts'
import type { UserMail } from '../store/store.ts'
import { believeClock } from './believe-clock.ts'
import { describeFailure } from './failure.ts'
import { plural } from './amounts.ts'
import { retentionSum } from './retention-words.ts'
import type { LogLines } from './serve-log.ts'
import type { Mails } from './serve-mails.ts'

/** How often the trash is looked through, and how long after the start for the first time (milliseconds). */
const every = 3_600_000
const first = 60_000
/** Rules are applied at every so many-th look, the second (which is the first that does anything) among them: they read all mail. */
const looksBetweenRules = 24

export interface PurgingOptions {
  readonly data: string
  readonly directory: Directory
  readonly mails: Mails
  readonly log: LogLines
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/**
 * Takes away what has been in the users' trash for as long as they chose, and what retention rules say, one user after the other. What
 * goes was due at the look before as well, and nothing goes for its age while the clock is not to be believed: a clock that is wrong
 * for some minutes (a machine that starts without one that runs on), or that jumped, must not cost any mail.
 */
export class Purging {
  readonly #options: PurgingOptions
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  /** What the clock said at the last look, milliseconds since 1970. */
  #looked: number | undefined
  #looks = 0
  #believed = true

  constructor(options: PurgingOptions) {
    this.#options = options
  }

  start(): void {
    this.#later(first)
  }

  /** Resolves when the look that is under way is over. */
  async idle(): Promise<void> {
    await this.#working
  }

  /** Finishes the page of messages that it is at. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.idle()
  }

  #later(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#working = this.#work().finally(() => {
        if (!this.#stopping.signal.aborted) this.#later(every)
      })
    }, milliseconds)
  }

  async #work(): Promise<void> {
    const { directory, log, now = Date.now } = this.#options
    const before = this.#looked
    this.#looked = now()
    try {
      const believed = await believeClock(directory, this.#looked)
      if (this.#believed && !believed)
        log.note('the clock jumped ahead: until it has run for a week, nothing is deleted for its age')
      this.#believed = believed
      if (before === undefined) return
      const time = Math.min(before, this.#looked)
      const isForRules = this.#looks++ % looksBetweenRules === 0
      for (const { name } of directory.users()) {
        if (this.#stopping.signal.aborted) return
        const rules = isForRules ? directory.rules.list(name) : []
        await this.#lookThrough(name, rules, time, believed)
      }
    } catch (error) {
      log.note(`the trash was not emptied: ${describeFailure(error)}`)
    }
  }

  async #lookThrough(name: string, rules: readonly StoredRule[], now: number, believed: boolean): Promise<void> {
    const { data, mails, log } = this.#options
    // To open it would make it.
    if (!existsSync(join(data, 'users', name))) return
    try {
      const mail = await mails.borrow(name)
      try {
        if (believed) await this.#purge(mail, now)
        if (rules.length > 0) await this.#retain(mail, rules, now, believed)
      } finally {
        mails.giveBack(mail)
      }
    } catch (error) {
      log.note(`the trash of ${name}: ${describeFailure(error)}`)
    }
  }

  async #purge(mail: UserMail, now: number): Promise<void> {
    const { directory, log } = this.#options
    const { user } = mail
    const { removed } = await purgeTrash(mail, directory.settings(user).trashDays, now)
    if (removed > 0)
      log.line('purge', { user, messages: removed }, () => `purge ${user}: ${plural(removed, 'message')} of the trash`)
  }

  async #retain(mail: UserMail, rules: readonly StoredRule[], now: number, clockSteady: boolean): Promise<void> {
    const { user } = mail
    const { signal } = this.#stopping
    const { waiting: _, ...counts } = await applyRetention(mail, rules, { now, clockSteady, signal })
    if (counts.trashed + counts.removed > 0)
      this.#options.log.line('retention', { user, ...counts }, () => `retention ${user}: ${retentionSum(counts)}`)
  }
}
