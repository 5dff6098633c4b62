import { RefusedError } from '../errors.ts'
import { Tally } from '../net/tally.ts'

/** So many passwords are verified at once (each takes 19 MiB and a core). */
const atOnce = 2
/** So many may wait for that; who comes from a place where nobody waits always may, */
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
  /** Those who wait, by place. The place whose turn was last stands last: who comes alone does not wait behind a crowd. */
  readonly #queues = new Map<string, (() => void)[]>()

  /** Throws TooManyLogIns where too many of that place have tried wrong passwords just now. */
  admit(place: string): void {
    if (this.#wrong.count(place) >= wrongOfOne) throw new TooManyLogIns()
  }

  /** Runs `work`, which takes a core, when its turn comes. Rejects with TooManyLogIns where too many wait. */
  async inTurn<T>(place: string, work: () => Promise<T>): Promise<T> {
    const here = this.#waiting.count(place)
    if (here >= waitingOfOne || (here > 0 && this.#all >= waiting)) throw new TooManyLogIns()
    this.#count(place, 1)
    try {
      if (this.#busy >= atOnce) await new Promise<void>((resolve) => this.#queueUp(place, resolve))
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

  #queueUp(place: string, begin: () => void): void {
    const queue = this.#queues.get(place)
    if (queue === undefined) this.#queues.set(place, [begin])
    else queue.push(begin)
  }

  #next(): void {
    const [first] = this.#queues
    if (first === undefined) {
      this.#busy--
      return
    }
    const [place, queue] = first
    const begin = queue.shift()
    this.#queues.delete(place)
    if (queue.length > 0) this.#queues.set(place, queue)
    begin?.()
  }
}
