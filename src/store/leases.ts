/** Names a maildrop: a user's, or that of one of the user's devices. */
export interface MaildropName {
  readonly user: string
  readonly device: string | undefined
}

/** One session's hold on one maildrop, as `acquire` gave it. */
export interface Lease extends MaildropName {
  /** Milliseconds since 1970. */
  readonly since: number
}

/** Why there is no lease: somebody has it; or (`soon`) the last log-in is not long enough ago; or there are too many of this user. */
export type NoLease =
  | { readonly why: 'in-use'; readonly from: string; readonly since: number; readonly process: string }
  | { readonly why: 'soon'; readonly since: number }
  | { readonly why: 'too many' }

export interface LeaseWish extends MaildropName {
  /** From where the session comes. */
  readonly from: string
  /** The least time since the last log-in (milliseconds). */
  readonly delay?: number
  /** A device gets none where so many of the user's maildrops have one; who names no device always may. */
  readonly most?: number
}

/**
 * Who has which maildrop (RFC 1939 §4: one session at a time). A lease holds until it is released, or until its process has
 * not said for `leaseTime` that it is alive; who comes to another process then takes it over. When a maildrop was last opened
 * is remembered.
 */
export interface Leases {
  /** The name of the process whose leases are given here. */
  readonly process: string
  acquire(wish: LeaseWish): Lease | NoLease
  /** Whether nobody has taken the lease over. */
  holds(lease: Lease): boolean
  /** `opened`: false where the maildrop could not be opened after all; that was no log-in, and is not remembered. */
  release(lease: Lease, opened?: boolean): void
  /** Says that this process is alive: once in `renewEvery`. */
  renew(): void
  /** Voids the leases of a process that has died; without a name, of all: for who knows that nobody serves. */
  releaseAllOf(process?: string): void
  close(): void
}

/** Milliseconds. */
export const leaseTime = 90_000
export const renewEvery = 20_000

interface Opened {
  readonly lease: Lease
  readonly from: string
  readonly held: boolean
}

/** The leases of the one process that serves. */
export class MemoryLeases implements Leases {
  readonly process: string
  readonly #now: () => number
  /** The last opening of each maildrop: by user, then by device, '' for none. */
  readonly #users = new Map<string, Map<string, Opened>>()

  constructor(options: { process?: string; now?: () => number } = {}) {
    this.process = options.process ?? 'serve'
    this.#now = options.now ?? Date.now
  }

  acquire({ user, device, from, delay = 0, most = Infinity }: LeaseWish): Lease | NoLease {
    const now = this.#now()
    let maildrops = this.#users.get(user)
    if (maildrops === undefined) this.#users.set(user, (maildrops = new Map<string, Opened>()))
    const last = maildrops.get(device ?? '')
    if (last !== undefined) {
      const { since } = last.lease
      if (last.held) return { why: 'in-use', from: last.from, since, process: this.process }
      // Not where the clock was put back since.
      if (since <= now && now < since + delay) return { why: 'soon', since }
    }
    if (device !== undefined && [...maildrops.values()].filter(({ held }) => held).length >= most)
      return { why: 'too many' }
    const lease: Lease = { user, device, since: now }
    maildrops.set(device ?? '', { lease, from, held: true })
    return lease
  }

  holds(lease: Lease): boolean {
    const opened = this.#users.get(lease.user)?.get(lease.device ?? '')
    return opened?.lease === lease && opened.held
  }

  release(lease: Lease, opened = true): void {
    const device = lease.device ?? ''
    const maildrops = this.#users.get(lease.user)
    const last = maildrops?.get(device)
    if (last?.lease !== lease || !last.held) return
    if (opened) maildrops?.set(device, { ...last, held: false })
    else maildrops?.delete(device)
  }

  /** Who asks is in this process, so that it is alive. */
  renew(): void {}

  releaseAllOf(process: string = this.process): void {
    if (process !== this.process) return
    for (const maildrops of this.#users.values())
      for (const [device, opened] of maildrops) maildrops.set(device, { ...opened, held: false })
  }

  close(): void {
    this.releaseAllOf()
  }
}
