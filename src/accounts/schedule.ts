/** The longest time between two tries at an account that fails, milliseconds; more only where the configuration says so. */
const longest = 6 * 3_600_000
/** How long after the start the first accounts are fetched, milliseconds; spread, so that not all go at once. */
const settling = 5_000
/** How long a mailbox that somebody else has open, or that was opened too soon, is left alone the first time, milliseconds. */
const short = 60_000

/** An account, as far as it matters when it is fetched. */
export interface Scheduled {
  readonly address: string
  readonly serial: number
  /** Milliseconds from one fetch to the next, where it is not as usual; 0: only when told to. */
  readonly every?: number | undefined
  /** The provider wants so much time between two log-ins, milliseconds. */
  readonly least?: number | undefined
  /** What was remembered when it was last fetched: how often it has failed, and when it was to be tried again (milliseconds since 1970). */
  readonly failures?: number | undefined
  readonly next?: number | undefined
  /** When it was last tried, milliseconds since 1970. */
  readonly lastTry?: number | undefined
}

/** How a fetch ended. */
export interface Ended {
  readonly ok: boolean
  /** What was wrong mostly passes soon: somebody else had the mailbox open. */
  readonly soon?: boolean | undefined
  /** The server wants so much time until the next log-in, milliseconds. */
  readonly wait?: number | undefined
}

/** What a `Schedule` is told. */
export interface ScheduleOptions {
  /** The accounts there are now; asked every second. */
  accounts(): readonly Scheduled[]
  /** Milliseconds from one fetch of an account to the next where the account says nothing; 0: never. Asked each time. */
  every(): number
  /** Fetches one account. It must not reject. */
  run(address: string, signal: AbortSignal): Promise<Ended>
  /** Told after each fetch: failures one after the other, and when it is tried again (milliseconds since 1970). */
  remember?(address: string, state: { readonly failures: number; readonly next: number | undefined }): void
  /** How many accounts are fetched at once. */
  parallel: number
  /** 0 to 1; tests give their own. */
  random?: () => number
  /** Milliseconds since 1970; tests give their own. */
  now?: () => number
}

interface Turn {
  next: number
  failures: number
  running: Promise<unknown> | undefined
  /** The last fetch says that another must not follow before (milliseconds of `performance.now()`). */
  notBefore: number
  /** There is something new, of which the fetch that is under way may not know. */
  hurried: boolean
  /** The failures that were remembered when it was last looked at. */
  remembered: number
}

/** Fetches every account again and again, each in its own time: one that fails or hangs holds up no other. */
export class Schedule {
  readonly #options: ScheduleOptions
  readonly #random: () => number
  readonly #now: () => number
  readonly #turns = new Map<number, Turn>()
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ScheduleOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#now = options.now ?? Date.now
  }

  start(): void {
    this.#timer ??= setInterval(() => this.tick(performance.now()), 1000)
  }

  /** Starts no more, breaks off what is under way, and waits for it. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped.abort()
    for (const turn of this.#turns.values()) await turn.running
  }

  /** Starts what is due. Called every second once started. `now`: milliseconds, never going back. */
  tick(now: number): void {
    if (this.#stopped.signal.aborted) return
    const accounts = this.#options.accounts()
    const there = new Set(accounts.map(({ serial }) => serial))
    for (const serial of this.#turns.keys()) if (!there.has(serial)) this.#forget(serial)
    let free = this.#options.parallel - this.#running()
    for (const account of accounts) {
      const every = this.#every(account)
      if (every === 0) continue
      const turn = this.#turn(account, now)
      this.#heed(account, turn, now)
      // A shorter `every` counts at once, not after the old one has passed.
      turn.next = Math.min(turn.next, Math.max(turn.notBefore, now + this.#pause(turn.failures, every, 1.2)))
      if (turn.running !== undefined || turn.next > now || free <= 0) continue
      free--
      void this.#run(account, turn, (signal) => this.#options.run(account.address, signal))
    }
  }

  /**
   * Fetches an account now, whenever it is due, in a way of the caller's; behind a fetch of it that is under way. It counts as a fetch
   * on schedule does, unless it says nothing of how it ended. False: there is no such account, or no time for it any more.
   */
  async request(address: string, run: (signal: AbortSignal) => Promise<Ended | undefined>): Promise<boolean> {
    const account = this.#options.accounts().find((one) => one.address === address)
    if (account === undefined) return false
    const turn = this.#turn(account, performance.now())
    while (turn.running !== undefined) await turn.running
    if (this.#stopped.signal.aborted) return false
    await this.#run(account, turn, run)
    return true
  }

  /** An account is due at once: its server says that there is something new. */
  hurry(address: string): void {
    const account = this.#options.accounts().find((one) => one.address === address)
    const turn = account && this.#turns.get(account.serial)
    if (turn === undefined) return
    turn.hurried = turn.running !== undefined
    turn.next = Math.min(turn.next, Math.max(turn.notBefore, performance.now()))
  }

  /** When the next account is due (milliseconds of `performance.now()`); undefined where none is. */
  next(): number | undefined {
    const next = [...this.#turns.values()].reduce(
      (least, turn) => (turn.running === undefined ? Math.min(least, turn.next) : least),
      Infinity,
    )
    // Accounts that are fetched only when told to are never due.
    return next === Infinity ? undefined : next
  }

  #running(): number {
    return [...this.#turns.values()].filter((turn) => turn.running !== undefined).length
  }

  #every({ every, least = 0 }: Scheduled): number {
    const wanted = every ?? this.#options.every()
    return wanted === 0 ? 0 : Math.max(wanted, least)
  }

  /** What was remembered of an account is gone: it was changed, and what was wrong before says nothing. */
  #heed({ failures = 0 }: Scheduled, turn: Turn, now: number): void {
    if (failures === 0 && turn.remembered > 0 && turn.failures > 0 && turn.running === undefined) {
      turn.failures = 0
      turn.notBefore = now
      turn.next = now
    }
    turn.remembered = failures
  }

  #turn({ serial, failures = 0, next = 0, least = 0, lastTry = -Infinity }: Scheduled, now: number): Turn {
    const known = this.#turns.get(serial)
    if (known !== undefined) return known
    const soon = Math.min(settling, this.#options.every() || settling) * (0.5 + this.#random())
    // What was learnt before a restart counts: a server that is to be left alone is, but no longer than we ever would.
    const left = Math.min(next - this.#now(), longest)
    const wait = Math.min(least, lastTry + least - this.#now())
    const notBefore = now + Math.max(0, wait, failures > 0 ? left : 0)
    const turn: Turn = {
      next: Math.max(now + soon, notBefore),
      failures,
      running: undefined,
      notBefore,
      hurried: false,
      remembered: failures,
    }
    this.#turns.set(serial, turn)
    return turn
  }

  async #run(account: Scheduled, turn: Turn, run: (signal: AbortSignal) => Promise<Ended | undefined>): Promise<void> {
    turn.hurried = false
    const running = run(this.#stopped.signal)
    turn.running = running
    try {
      const ended = await running
      if (ended === undefined || this.#stopped.signal.aborted) return
      turn.failures = ended.ok ? 0 : turn.failures + 1
      const every = this.#every(account)
      const jitter = 0.8 + 0.4 * this.#random()
      const usual = this.#pause(turn.failures, every, jitter)
      const pause = ended.soon === true ? Math.min(usual, short * 2 ** (turn.failures - 1) * jitter) : usual
      const now = performance.now()
      turn.notBefore = now + Math.max(ended.wait ?? 0, ended.ok ? 0 : pause)
      const next = turn.hurried && ended.ok ? now : now + pause
      turn.next = every === 0 ? Infinity : Math.max(next, turn.notBefore)
      const when = Number.isFinite(turn.next) ? this.#now() + Math.round(turn.next - now) : undefined
      this.#options.remember?.(account.address, { failures: turn.failures, next: when })
    } finally {
      turn.running = undefined
    }
  }

  /** After the first failure as usual, then twice as long each time: a wrong password tried too often locks some accounts. */
  #pause(failures: number, every: number, jitter: number): number {
    return Math.min(every * 2 ** Math.max(0, failures - 1), Math.max(every, longest)) * jitter
  }

  #forget(serial: number): void {
    if (this.#turns.get(serial)?.running === undefined) this.#turns.delete(serial)
  }
}
