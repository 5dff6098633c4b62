import { RefusedError } from '../errors.ts'

/** So many passwords are verified at once (each takes 19 MiB and a core). */
const atOnce = 2
/** So many may wait for that, */
const waiting = 1024
/** of one place, so that it does not keep out the others: a whole office may come at once. */
const waitingOfOne = 256
/** So many wrong log-ins of one place may wait for their answer. Who has more than that is no office. */
const wrongOfOne = 32

/** Who waits for what, so that no place takes all there is. */
export class Crowd {
  readonly #waiting = new Tally()
  readonly #wrong = new Tally()
  #busy = 0
  readonly #queue: (() => void)[] = []

  /** Throws RefusedError `try-later` where too many of that place have tried wrong passwords just now. */
  admit(place: string): void {
    if (this.#wrong.of(place) >= wrongOfOne) throw tooMany()
  }

  /** Runs `work`, which takes a core, when its turn comes. Rejects with RefusedError `try-later` where too many wait. */
  async inTurn<T>(place: string, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.of(place) >= waitingOfOne || this.#waiting.total >= waiting) throw tooMany()
    return await this.#waiting.during(place, async () => {
      if (this.#busy >= atOnce) await new Promise<void>((resolve) => this.#queue.push(resolve))
      else this.#busy++
      try {
        return await work()
      } finally {
        const next = this.#queue.shift()
        if (next === undefined) this.#busy--
        else next()
      }
    })
  }

  /** The time until a wrong log-in of that place is answered. */
  async slowed(place: string, pause: () => Promise<void>): Promise<void> {
    await this.#wrong.during(place, pause)
  }
}

function tooMany(): RefusedError {
  return new RefusedError('try-later', '', 'too many log-ins at once')
}

/** How many there are of each. */
class Tally {
  readonly #counts = new Map<string, number>()
  total = 0

  of(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  async during<T>(key: string, work: () => Promise<T>): Promise<T> {
    this.#add(key, 1)
    try {
      return await work()
    } finally {
      this.#add(key, -1)
    }
  }

  #add(key: string, one: 1 | -1): void {
    const count = this.of(key) + one
    this.total += one
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }
}
