/** The longest time between two tries at an account that fails, milliseconds; more only where the configuration says so. */
const longest = 6 * 3_600_000
/** How long after the start the first accounts are fetched, milliseconds; spread, so that not all go at once. */
const settling = 5_000

/** What a `Schedule` is told. */
export interface ScheduleOptions {
  /** The accounts there are now; asked every second. */
  accounts(): readonly { readonly address: string; readonly serial: number }[]
  /** Milliseconds from one fetch of an account to the next; 0: never. Asked each time. */
  every(): number
  /** Fetches one account; false if that failed. It must not reject. */
  run(address: string, signal: AbortSignal): Promise<boolean>
  /** How many accounts are fetched at once. */
  parallel: number
  /** 0 to 1; tests give their own. */
  random?: () => number
}

interface Turn {
  next: number
  failures: number
  running: Promise<void> | undefined
}

/** Fetches every account again and again, each in its own time: one that fails or hangs holds up no other. */
export class Schedule {
  readonly #options: ScheduleOptions
  readonly #random: () => number
  readonly #turns = new Map<number, Turn>()
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ScheduleOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
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
    const every = this.#options.every()
    if (every === 0 || this.#stopped.signal.aborted) return
    const accounts = this.#options.accounts()
    const there = new Set(accounts.map(({ serial }) => serial))
    for (const serial of this.#turns.keys()) if (!there.has(serial)) this.#forget(serial)
    let free = this.#options.parallel - [...this.#turns.values()].filter((turn) => turn.running !== undefined).length
    for (const { address, serial } of accounts) {
      let turn = this.#turns.get(serial)
      if (turn === undefined) {
        const wait = Math.min(settling, every) * (0.5 + this.#random())
        turn = { next: now + wait, failures: 0, running: undefined }
        this.#turns.set(serial, turn)
      }
      // A shorter `every` counts at once, not after the old one has passed.
      turn.next = Math.min(turn.next, now + this.#pause(turn.failures, every, 1.2))
      if (turn.running !== undefined || turn.next > now || free <= 0) continue
      free--
      turn.running = this.#run(turn, address)
    }
  }

  /** When the next account is due (milliseconds of `performance.now()`); undefined where none is. */
  next(): number | undefined {
    const due = [...this.#turns.values()].filter(({ running }) => running === undefined).map(({ next }) => next)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  async #run(turn: Turn, address: string): Promise<void> {
    const done = await this.#options.run(address, this.#stopped.signal)
    turn.failures = done ? 0 : turn.failures + 1
    turn.next = performance.now() + this.#pause(turn.failures, this.#options.every(), 0.8 + 0.4 * this.#random())
    turn.running = undefined
  }

  /** After the first failure as usual, then twice as long each time: a wrong password tried too often locks some accounts. */
  #pause(failures: number, every: number, jitter: number): number {
    return Math.min(every * 2 ** Math.max(0, failures - 1), Math.max(every, longest)) * jitter
  }

  #forget(serial: number): void {
    if (this.#turns.get(serial)?.running === undefined) this.#turns.delete(serial)
  }
}
