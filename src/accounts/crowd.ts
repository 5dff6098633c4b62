import { RefusedError } from '../errors.ts'
import { Tally } from '../net/tally.ts'

/** So many passwords are verified at once (each takes 19 MiB and a core). */
const atOnce = 2
/** So many may wait for that, */
const waiting = 1024
/** of one place, so that it does not keep out the others: a whole office may come at once. */
const waitingOfOne = 256
/** So many wrong log-ins of one place may wait for their answer. Who has more than that is no office. */
const wrongOfOne = 32

/** Nothing of a log-in was looked at. */
export class TooManyLogIns extends RefusedError {
  constructor() {
    super('try-later', '', 'too many log-ins at once')
  }
}

/** Who waits for what, so that no place takes all there is. */
export class Crowd {
  readonly #waiting = new Tally()
  readonly #wrong = new Tally()
  #all = 0
  #busy = 0
  readonly #queue: (() => void)[] = []

  /** Throws TooManyLogIns where too many of that place have tried wrong passwords just now. */
  admit(place: string): void {
    if (this.#wrong.count(place) >= wrongOfOne) throw new TooManyLogIns()
  }

  /** Runs `work`, which takes a core, when its turn comes. Rejects with TooManyLogIns where too many wait. */
  async inTurn<T>(place: string, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.count(place) >= waitingOfOne || this.#all >= waiting) throw new TooManyLogIns()
    this.#count(place, 1)
    try {
      if (this.#busy >= atOnce) await new Promise<void>((resolve) => this.#queue.push(resolve))
      else this.#busy++
      return await work().finally(() => this.#next())
    } finally {
      this.#count(place, -1)
    }
  }

  /** The time until a wrong log-in of that place is answered. */
  async slowed(place: string, pause: () => Promise<void>): Promise<void> {
    this.#wrong.add(place, 1)
    try {
      await pause()
    } finally {
      this.#wrong.add(place, -1)
    }
  }

  #count(place: string, one: 1 | -1): void {
    this.#waiting.add(place, one)
    this.#all += one
  }

  #next(): void {
    const next = this.#queue.shift()
    if (next === undefined) this.#busy--
    else next()
  }
}
