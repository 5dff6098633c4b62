import { spelt, type Destination } from '../net/connect.ts'

/** So many octets must come between two looks while an answer of any length comes; a slower line than the first modems' carries more. */
const leastOctets = 1024

/** What is waited for. */
export interface Due {
  /** In words: `its greeting`, `its answer to RETR 3`. */
  readonly what: string
  /** Which in the order of this connection. */
  readonly ordinal: number
  /** Whether it may have any length, and is under way: messages and listings. */
  readonly long: boolean
  /** How many octets had come when it was looked at. */
  readonly octets: number
}

/**
 * Sees that a server gets on with what it owes: one that sends an octet now and then is never silent, and would hold a session
 * for ever. It looks once in a while, so nothing is done per octet: what is due at two looks must be whole by then, or if it is
 * long, have grown.
 */
export class Pace {
  readonly #timer: NodeJS.Timeout
  #before: Due | undefined

  /** `every`: milliseconds between two looks. `due`: what is waited for; undefined: nothing, or it is not for the server to get on. */
  constructor(to: Destination, every: number, due: () => Due | undefined, tooSlow: (why: string) => void) {
    const look = (): void => {
      const before = this.#before
      const now = due()
      this.#before = now
      if (now === undefined || now.ordinal !== before?.ordinal) return
      const seconds = every / 1000
      if (!now.long) tooSlow(`${spelt(to)} did not end ${now.what} within ${seconds} s`)
      else if (before.long && now.octets - before.octets < leastOctets)
        tooSlow(`${spelt(to)} sent fewer than ${leastOctets} octets of ${now.what} in ${seconds} s`)
    }
    // What has come, but was not read while this process was busy, is read first.
    this.#timer = setInterval(() => setImmediate(look), every)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
