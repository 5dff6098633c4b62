import { createHmac, randomBytes } from 'node:crypto'
import { RefusedError } from '../errors.ts'
import { placeKey } from '../net/place.ts'
import { verifyPassword } from './passwords.ts'
import { Slowing } from './slowing.ts'

/** How long a verified password is remembered, milliseconds. */
const lifetime = 5 * 60_000
/** At most so many are remembered; the oldest goes first. */
const remembered = 4096
/** So many passwords are verified at once (each takes 19 MiB and a core), */
const atOnce = 2
/** and so many users' log-ins may wait, for that or for their delay, */
const waiting = 256
/** of one place, so that it does not keep out the others. */
const waitingOfOne = 32

/** What an `Authenticator` asks of the directory. */
export interface Credentials {
  /** The stored form of a user's password as it is now; asked at every log-in, so it must be cheap. */
  credential(user: string): string | undefined
}

/** Where the time comes from; tests give their own. */
export interface Clock {
  /** Milliseconds, never going back. */
  now(): number
  sleep(milliseconds: number): Promise<void>
}

const realClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds) => new Promise((resolve) => void setTimeout(resolve, milliseconds)),
}

/**
 * Tells users from others by their passwords. A mail program logs in every minute, so that a password once verified is
 * remembered for some minutes: not itself but its HMAC under a key that dies with the process, and bound to the stored
 * credential, so that a changed or removed password counts at once.
 */
export class Authenticator {
  readonly #credentials: Credentials
  readonly #clock: Clock
  readonly #key = randomBytes(32)
  readonly #verified = new Map<string, { stored: string; until: number }>()
  readonly #slowing = new Slowing()
  /** The last log-in under way for each address and user: one waits for the other, or many at once would not be slowed. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #waiting = new Map<string, number>()
  #busy = 0
  readonly #queue: (() => void)[] = []

  constructor(credentials: Credentials, clock: Clock = realClock) {
    this.#credentials = credentials
    this.#clock = clock
  }

  /** The user's name if the password is right, undefined if not. Rejects with RefusedError `try-later` while too many wait. */
  async authenticate(user: string, password: string, from: string): Promise<string | undefined> {
    const name = user.toLowerCase()
    const stored = this.#credentials.credential(name)
    if (stored !== undefined && this.#remembers(name, password, stored)) return name
    const place = placeKey(from)
    const others = this.#waiting.get(place) ?? 0
    if (others >= waitingOfOne || this.#turns.size >= waiting)
      throw new RefusedError('try-later', '', 'too many log-ins at once')
    this.#waiting.set(place, others + 1)
    const turn = `${place} ${name}`
    const mine = (this.#turns.get(turn) ?? Promise.resolve()).then(() => this.#verify(name, password, from))
    const settled = mine.catch(() => undefined)
    this.#turns.set(turn, settled)
    try {
      return await mine
    } finally {
      const left = (this.#waiting.get(place) ?? 1) - 1
      if (left > 0) this.#waiting.set(place, left)
      else this.#waiting.delete(place)
      if (this.#turns.get(turn) === settled) this.#turns.delete(turn)
    }
  }

  async #verify(name: string, password: string, from: string): Promise<string | undefined> {
    const stored = this.#credentials.credential(name)
    if (stored !== undefined && this.#remembers(name, password, stored)) return name // by the log-in before this one
    const right = await this.#inTurn(() => verifyPassword(password, stored))
    if (right && stored !== undefined && stored === this.#credentials.credential(name)) {
      this.#remember(name, password, stored)
      this.#slowing.succeeded(from, name)
      return name
    }
    this.#slowing.failed(from, name, this.#clock.now())
    await this.#clock.sleep(this.#slowing.delay(from, name, this.#clock.now()))
    return undefined
  }

  #remembers(name: string, password: string, stored: string): boolean {
    const key = this.#keyOf(name, password)
    const found = this.#verified.get(key)
    if (found === undefined) return false
    if (found.stored === stored && found.until > this.#clock.now()) return true
    this.#verified.delete(key)
    return false
  }

  #remember(name: string, password: string, stored: string): void {
    this.#verified.set(this.#keyOf(name, password), { stored, until: this.#clock.now() + lifetime })
    for (const key of this.#verified.keys()) {
      if (this.#verified.size <= remembered) break
      this.#verified.delete(key)
    }
  }

  #keyOf(name: string, password: string): string {
    return createHmac('sha256', this.#key).update(`${name}\0${password}`).digest('base64')
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy >= atOnce) await new Promise<void>((resolve) => this.#queue.push(resolve))
    else this.#busy++
    try {
      return await work()
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#busy--
      else next()
    }
  }
}
