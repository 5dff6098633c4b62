import { setTimeout as sleep } from 'node:timers/promises'
import { PeerError } from '../errors.ts'

const minute = 60_000

/** Lets no more than so many through in any minute. */
export class Pace {
  readonly #most: number
  readonly #signal: AbortSignal | undefined
  readonly #now: () => number
  readonly #wait: (milliseconds: number) => Promise<unknown>
  /** When the last ones went (`performance.now()`), the oldest first. */
  readonly #gone: number[] = []

  constructor(
    most: number,
    signal?: AbortSignal,
    clock: { readonly now: () => number; readonly wait: (milliseconds: number) => Promise<unknown> } = {
      now: () => performance.now(),
      wait: (milliseconds) => sleep(milliseconds, undefined, signal === undefined ? {} : { signal }),
    },
  ) {
    this.#most = most
    this.#signal = signal
    this.#now = clock.now
    this.#wait = clock.wait
  }

  /** Resolves when the next may go. Rejects with PeerError `connection-lost` when the signal says to stop. */
  async next(): Promise<void> {
    while (this.#gone.length >= this.#most) {
      const left = (this.#gone[0] ?? 0) + minute - this.#now()
      if (left <= 0) this.#gone.shift()
      else await this.#wait(left).catch(() => undefined)
      if (this.#signal?.aborted === true) throw new PeerError('connection-lost', 'stopped')
    }
    this.#gone.push(this.#now())
  }
}
