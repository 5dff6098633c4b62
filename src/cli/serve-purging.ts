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
}

/** Takes away what has been in the users' trash for as long as they chose, one user after the other. */
export class Purging {
  readonly #options: PurgingOptions
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #stopped = false

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
    const { data, directory, mails, log } = this.#options
    for (const { name } of directory.users()) {
      if (this.#stopped) return
      // To open it would make it.
      if (!existsSync(join(data, 'users', name))) continue
      const settings = directory.settings(name)
      try {
        const mail = await mails.borrow(name)
        try {
          const gone = await purgeTrash(mail, settings, Date.now())
          if (gone > 0)
            log.line(
              'purge',
              { user: name, messages: gone },
              () => `purge ${name}: ${plural(gone, 'message')} of the trash`,
            )
        } finally {
          mails.giveBack(name)
        }
      } catch (error) {
        log.note(`the trash of ${name}: ${describeFailure(error)}`)
      }
    }
  }
}
