import { createServer, type Server, type Socket } from 'node:net'
import { MisuseError } from '../errors.ts'
import type { Ending } from './converse.ts'
import { plainAddress } from './place.ts'

export { isLoopback } from './place.ts'

/** One connection that a listener watches over. */
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
  /** Connections at one time: in all, and from one address. */
  readonly sessions: number
  readonly perAddress: number
  /** How long `close` waits for what is open (milliseconds). */
  readonly grace: number
}

export const usualLimits: Limits = { sessions: 4096, perAddress: 256, grace: 10_000 }

export interface ListenerOptions {
  /** Takes over a connection; `address` is that of the other side. */
  readonly accept: (socket: Socket, address: string) => Session
  /** Says no to a connection over the limits. The socket is closed afterwards. */
  readonly refuse?: (socket: Socket) => void
  readonly limits?: Partial<Limits>
}

/** Where connections come in: it counts them, watches their deadlines, and closes in an orderly way. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #limits: Limits
  readonly #server: Server
  readonly #sessions = new Set<Session>()
  readonly #addresses = new Map<string, number>()
  #sweep: ReturnType<typeof setInterval> | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#limits = { ...usualLimits, ...options.limits }
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#connected(socket))
  }

  /** Begins to listen. Rejects with MisuseError where it cannot. Port 0: any free one. */
  async listen(host: string, port: number): Promise<{ host: string; port: number }> {
    const server = this.#server
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen({ host, port, backlog: 511 }, resolve)
    try {
      await promise
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new MisuseError('configuration', `cannot listen on ${host} port ${port}: ${why}`, { cause: error })
    }
    server.off('error', reject)
    // Accepting can fail for want of file descriptors; those that are open go on.
    server.on('error', () => undefined)
    this.#sweep = setInterval(() => this.#watch(), 1000).unref()
    const address = server.address()
    return { host, port: address !== null && typeof address === 'object' ? address.port : port }
  }

  /** Stops listening, lets every session finish the reply it is giving, and waits for them; breaks off those that take long. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.closeSoon()
    const late = setTimeout(() => {
      for (const session of this.#sessions) session.giveUp('closing')
    }, this.#limits.grace)
    await Promise.all([...this.#sessions].map((session) => session.over))
    clearTimeout(late)
    clearInterval(this.#sweep)
    await closed
  }

  #connected(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    const count = this.#addresses.get(address) ?? 0
    if (this.#sessions.size >= this.#limits.sessions || count >= this.#limits.perAddress) {
      socket.on('error', () => undefined)
      this.#options.refuse?.(socket)
      socket.destroySoon()
      return
    }
    this.#addresses.set(address, count + 1)
    const session = this.#options.accept(socket, address)
    this.#sessions.add(session)
    void session.over.then(() => {
      this.#sessions.delete(session)
      const left = (this.#addresses.get(address) ?? 1) - 1
      if (left > 0) this.#addresses.set(address, left)
      else this.#addresses.delete(address)
    })
  }

  #watch(): void {
    const now = performance.now()
    for (const session of this.#sessions) if (session.deadline < now) session.giveUp('idle too long')
  }
}
