import type { Trouble, UserMail } from '../store/store.ts'
import { rests, worse } from './trouble.ts'

/** What of an account could not be fetched, by unique-id: how often that was tried, why, and when it is tried again. */
export class FetchTroubles {
  readonly #before: ReadonlyMap<string, Trouble>
  readonly #mail: UserMail
  readonly #account: string
  readonly #now: () => number

  /** `before`: those that earlier sessions have left. */
  constructor(before: readonly Trouble[], mail: UserMail, account: string, now: () => number) {
    this.#before = new Map(before.map((trouble) => [trouble.uniqueId, trouble]))
    this.#mail = mail
    this.#account = account
    this.#now = now
  }

  /** Whether it has gone wrong before. */
  has(uniqueId: string): boolean {
    return this.#before.has(uniqueId)
  }

  /** What `choose` must know of them: with `backOff`, some are left in peace. What went wrong before comes last (law 5). */
  marks(backOff: boolean): {
    readonly resting: ReadonlyMap<string, string>
    readonly last: ReadonlyMap<string, number>
  } {
    const resting = new Map<string, string>()
    if (backOff)
      for (const { uniqueId, why, next } of [...this.#before.values()].filter((each) => rests(each, this.#now())))
        resting.set(
          uniqueId,
          `it could not be fetched (${why}); it is tried again after ${new Date(next).toISOString()}`,
        )
    return { resting, last: new Map([...this.#before].map(([uniqueId, { attempts }]) => [uniqueId, attempts])) }
  }

  /** It could not be had: a schedule then leaves it alone for a while. `soon`: not yet the first time, for it may not be its fault. */
  async note(uniqueId: string, why: string, soon: boolean): Promise<void> {
    const trouble = worse(this.#before.get(uniqueId), why, this.#now(), { free: soon ? 1 : 0 })
    await this.#mail.change((draft) => draft.trouble(this.#account, uniqueId, trouble))
  }

  /** It is home, or there no more: nobody's trouble. */
  async clear(uniqueId: string): Promise<void> {
    if (this.has(uniqueId)) await this.#forget([uniqueId])
  }

  /** The same for all of which this holds. */
  async clearWhere(isOver: (uniqueId: string) => boolean): Promise<void> {
    const over = [...this.#before.keys()].filter(isOver)
    if (over.length > 0) await this.#forget(over)
  }

  async #forget(uniqueIds: readonly string[]): Promise<void> {
    await this.#mail.change((draft) => {
      for (const uniqueId of uniqueIds) draft.trouble(this.#account, uniqueId, undefined)
    })
  }
}
