import type { Ending } from './converse.ts'
import { placeOf } from './place.ts'
import { Tally } from './tally.ts'

/** One connection that is watched over. */
export interface Session {
  /** When to give up on the other side (`performance.now()`, milliseconds). */
  readonly deadline: number
  /** Resolves when it is over; never rejects. */
  readonly over: Promise<void>
  /** Whether somebody has logged in: those who have not go first when room must be made. */
  readonly loggedIn: boolean
  /** Break it off, at once: its deadline has passed, or room is needed. */
  giveUp(why: Ending): void
  /** Finish the reply that is being given, then end. */
  closeSoon(): void
}

export interface Limits {
  /** Connections at one time: in all, and from one address (of IPv6: one /64). */
  readonly sessions: number
  readonly perAddress: number
  /** How long closing waits for what is open (milliseconds). */
  readonly grace: number
}

const usualLimits: Limits = { sessions: 4096, perAddress: 256, grace: 10_000 }

/** Which limit kept somebody out, or cost somebody the place. */
export type LimitReached = 'sessions' | 'address' | 'made-room'

export interface CrowdOptions {
  readonly limits?: Partial<Limits> | undefined
  /** Where the connections are counted, with those of other processes; its own unless said. */
  readonly tally?: Tally
  /** A limit was reached. */
  readonly onLimit?: (which: LimitReached) => void
}

/** Those who are connected now, by all the listeners that share it: it keeps the limits, makes room, and watches deadlines. */
export class Crowd {
  /** May be replaced at any time; it holds for those who come then. */
  limits: Limits
  readonly #tally: Tally
  readonly #onLimit: ((which: LimitReached) => void) | undefined
  readonly #sessions = new Set<Session>()
  /** Those who had not logged in when last looked at, the oldest first. */
  readonly #strangers = new Set<Session>()
  #sweep: ReturnType<typeof setInterval> | undefined

  constructor({ limits, tally = new Tally(), onLimit }: CrowdOptions = {}) {
    this.limits = { ...usualLimits, ...limits }
    this.#tally = tally
    this.#onLimit = onLimit
  }

  /** Whether one more may come from this address. Where all places are taken, the oldest who has not logged in leaves for the new one. */
  admits(address: string): boolean {
    if (this.#tally.count(addressName(address)) >= this.limits.perAddress) return this.#refused('address')
    if (this.#tally.count('sessions') < this.limits.sessions || this.#makeRoom()) return true
    return this.#refused('sessions')
  }

  /** From now on this session is watched over, until it is over. Where `address` is given, it counts for that and for the service. */
  watch(session: Session, service: string, address?: string): void {
    const names = ['sessions']
    if (address !== undefined) names.push(serviceName(service), addressName(address))
    for (const name of names) this.#tally.add(name, 1)
    this.#sessions.add(session)
    this.#strangers.add(session)
    this.#sweep ??= setInterval(() => this.#look(), 1000).unref()
    void session.over.then(() => {
      for (const name of names) this.#tally.add(name, -1)
      this.#sessions.delete(session)
      this.#strangers.delete(session)
      if (this.#sessions.size > 0) return
      clearInterval(this.#sweep)
      this.#sweep = undefined
    })
  }

  #refused(limit: LimitReached): false {
    this.#onLimit?.(limit)
    return false
  }

  #makeRoom(): boolean {
    for (const session of this.#strangers) {
      this.#strangers.delete(session)
      if (session.loggedIn) continue
      session.giveUp('made room')
      this.#onLimit?.('made-room')
      return true
    }
    return false
  }

  #look(): void {
    const now = performance.now()
    for (const session of this.#sessions) if (session.deadline < now) session.giveUp('idle too long')
  }
}

/** Under what name the sessions of a service are counted. */
export function serviceName(service: string): string {
  return `at ${service}`
}

function addressName(address: string): string {
  return `from ${placeOf(address)}`
}
