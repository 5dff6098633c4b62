import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as soon } from 'node:timers/promises'
import type { Directory } from '../accounts/directory.ts'
import { isBehind } from '../search/behind.ts'
import { startIndexer } from '../search/indexer.ts'
import { describeFailure } from './failure.ts'
import type { LogLines } from './serve-log.ts'

/** How often it is looked whether another process (`fetch`, `import`) has added mail, milliseconds. */
const sweep = 60_000

/** What the search index needs while `serve` runs. */
export interface IndexingOptions {
  readonly data: string
  readonly directory: Directory
  readonly log: LogLines
}

/** Keeps the users' search indexes up to date, one user after the other, in a worker of its own. */
export class Indexing {
  readonly #options: IndexingOptions
  readonly #due = new Set<string>()
  /** When each user's mail had been written, the last time that it was looked into. */
  readonly #seen = new Map<string, number>()
  #working: Promise<void> | undefined
  #worker: ReturnType<typeof startIndexer> | undefined
  #sweeping: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: IndexingOptions) {
    this.#options = options
  }

  start(): void {
    const look = (): void => {
      this.#sweeping ??= this.#sweep()
        .catch((error: unknown) => this.#options.log.note(`new mail is not indexed: ${describeFailure(error)}`))
        .finally(() => (this.#sweeping = undefined))
    }
    look()
    this.#timer = setInterval(look, sweep)
  }

  /** New mail has come for this user. */
  nudge(user: string): void {
    if (this.#closed) return
    this.#due.add(user)
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
  }

  /** Leaves off where it is; the next start, or a search, goes on from there. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#worker?.close()
    await this.#working
    await this.#sweeping
  }

  async #work(): Promise<void> {
    for (const user of this.#due) {
      this.#due.delete(user)
      if (this.#closed) return
      try {
        const onProblem = (why: string): void => this.#options.log.note(why)
        const worker = startIndexer(this.#options.data, user, { onProblem })
        this.#worker = worker
        await worker.caughtUp()
        // While an account is being fetched there is more at once, and to start the thread again costs more than the look.
        while (!this.#closed && this.#due.size === 1 && this.#due.delete(user)) await worker.caughtUp()
      } catch {
        // `onProblem` has told it; the next change, or a search, tries again.
      } finally {
        await this.#worker?.close()
        this.#worker = undefined
      }
    }
  }

  async #sweep(): Promise<void> {
    for (const { name } of this.#options.directory.users()) {
      // With many users, those who are being served come first.
      await soon()
      if (this.#closed) return
      const folder = join(this.#options.data, 'users', name)
      const written = lastWritten(join(folder, 'index.sqlite'))
      if (written === undefined || this.#seen.get(name) === written) continue
      this.#seen.set(name, written)
      try {
        if (isBehind(folder, name)) this.nudge(name)
      } catch (error) {
        this.#options.log.note(`the mail of ${name}: ${describeFailure(error)}`)
      }
    }
  }
}

/** When a database was last written, milliseconds since 1970; undefined where it is not there. */
function lastWritten(file: string): number | undefined {
  const main = statSync(file, { throwIfNoEntry: false })?.mtimeMs
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.mtimeMs
  return main === undefined ? undefined : Math.max(main, log ?? 0)
}
