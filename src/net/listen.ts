import { createServer, type Server, type Socket } from 'node:net'
import { MisuseError } from '../errors.ts'
import type { Crowd, Session } from './crowd.ts'
import { plainAddress } from './place.ts'
import { ProxyHeader } from './proxy-header.ts'

/**
 * A connection whose other side is gone without a word is noticed so long after the last octet (milliseconds), and some seconds that
 * Node adds.
 */
const keepAlive = 50_000

export interface ListenerOptions {
  /** What is offered here: `pop3`, `pop3s`. */
  readonly service: string
  /** Takes over a connection; `address` is that of the other side. */
  readonly accept: (socket: Socket, address: string) => Session
  /** Says no to a connection over the limits. The socket is closed afterwards. */
  readonly refuse?: (socket: Socket) => void
  /** Counts, limits and watches, together with other listeners. */
  readonly crowd: Crowd
  /** Whether this address is a proxy of ours: then it must begin with a PROXY header, and who is on its other side counts. */
  readonly isProxy?: ((address: string) => boolean) | undefined
}

/** Where connections come in: it hands over those that there is room for, and closes in an orderly way. */
export class Listener {
  readonly #options: ListenerOptions
  readonly #crowd: Crowd
  readonly #server: Server
  readonly #sessions = new Set<Session>()
  #closing = false

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#crowd = options.crowd
    // Replies are written whole, so there is nothing to wait for.
    const settings = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAlive }
    this.#server = createServer(settings, (socket) => this.#connected(socket))
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
      throw cannotListen(host, port, error)
    }
    server.off('error', reject)
    // Accepting can fail for want of file descriptors; those that are open go on.
    server.on('error', () => undefined)
    const address = server.address()
    return { host, port: address !== null && typeof address === 'object' ? address.port : port }
  }

  /** Stops listening, lets every session finish the reply it is giving, and waits for them; breaks off those that take long. */
  async close(): Promise<void> {
    this.#closing = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.closeSoon()
    const late = setTimeout(() => {
      for (const session of this.#sessions) session.giveUp('closing')
    }, this.#crowd.limits.grace)
    while (this.#sessions.size > 0) await Promise.all([...this.#sessions].map((session) => session.over))
    clearTimeout(late)
    await closed
  }

  #connected(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    if (this.#options.isProxy?.(address) !== true) return this.#arrived(socket, address)
    const header = new ProxyHeader(socket, address)
    this.#watch(header)
    this.#crowd.watch(header, this.#options.service)
    void header.over.then(() => header.from !== undefined && this.#arrived(socket, header.from))
  }

  #arrived(socket: Socket, address: string): void {
    if (this.#closing) return void socket.destroy()
    if (!this.#crowd.admits(address)) {
      socket.on('error', () => undefined)
      this.#options.refuse?.(socket)
      socket.destroySoon()
      return
    }
    let session: Session
    try {
      session = this.#options.accept(socket, address)
    } catch {
      // What a session begins with could not be read, say: that costs this one, not all that are open.
      return void socket.on('error', () => undefined).destroy()
    }
    this.#watch(session)
    this.#crowd.watch(session, this.#options.service, address)
  }

  #watch(session: Session): void {
    this.#sessions.add(session)
    void session.over.then(() => this.#sessions.delete(session))
  }
}

const whyNot: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already; stop it, or choose another port',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not; choose a port from 1024 up, or allow it (on Linux, CAP_NET_BIND_SERVICE)',
  ENOTFOUND: 'there is no such host; give an address',
}

/** Why a listener could not begin, and what to do. */
export function cannotListen(host: string, port: number, cause: unknown): MisuseError {
  const { code = '', message = String(cause) } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : {}
  const why = code in whyNot ? `${whyNot[code]} (${code})` : message
  return new MisuseError('configuration', `cannot listen on ${host} port ${port}: ${why}`, { cause })
}
