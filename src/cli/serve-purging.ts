import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Directory } from '../accounts/directory.ts'
import { purgeTrash } from '../doors/serve-pop3-maildrops-removal.ts'
import { describeFailure } from './failure.ts'
import { plural } from './amounts.ts'
import type { LogLines } from './serve-log.ts'
import type { Mails } from './serve-mails.ts'

/** How often the trash is looked through, and how long after the start for the first time (milliseconds). */
const every = 3_600_000
const first = 60_000

export interface PurgingOptions {
  readonly data: string
  readonly directory: Directory
  readonly mails: Mails
  readonly log: LogLines
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/**
 * Takes away what has been in the users' trash for as long as they chose, one user after the other. What goes was due at the look
 * before as well: a clock that is wrong for some minutes (a machine that starts without one that runs on) must not cost any mail.
 */
export class Purging {
  readonly #options: PurgingOptions
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #stopped = false
  /** What the clock said at the last look, milliseconds since 1970. */
  #looked: number | undefined

  constructor(options: PurgingOptions) {
    this.#options = options
  }

  start(): void {
    this.#later(first)
  }

  /** Finishes the user it is at. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#working
  }

  #later(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#working = this.#work().finally(() => {
        if (!this.#stopped) this.#later(every)
      })
    }, milliseconds)
  }

  async #work(): Promise<void> {
    const { directory, log, now = Date.now } = this.#options
    const before = this.#looked
    this.#looked = now()
    if (before === undefined) return
    const time = Math.min(before, this.#looked)
    try {
      for (const { name } of directory.users()) {
        if (this.#stopped) return
        await this.#purge(name, time)
      }
    } catch (error) {
      log.note(`the trash was not emptied: ${describeFailure(error)}`)
    }
  }

  async #purge(name: string, now: number): Promise<void> {
    const { data, directory, mails, log } = this.#options
    // To open it would make it.
    if (!existsSync(join(data, 'users', name))) return
    const settings = directory.settings(name)
    try {
      const mail = await mails.borrow(name)
      try {
        const gone = await purgeTrash(mail, settings, now)
        if (gone > 0)
          log.line(
            'purge',
            { user: name, messages: gone },
            () => `purge ${name}: ${plural(gone, 'message')} of the trash`,
          )
      } finally {
        mails.giveBack(mail)
      }
    } catch (error) {
      log.note(`the trash of ${name}: ${describeFailure(error)}`)
    }
  }
}
