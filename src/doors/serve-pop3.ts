import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { MisuseError } from '../errors.ts'
import { type Limits, Listener } from '../net/listen.ts'
import type { UserMail } from '../store/store.ts'
import { Maildrops } from './serve-pop3-maildrops.ts'
import { type Patience, Pop3Session, type SessionLog } from './serve-pop3-session.ts'

export type { SessionLog } from './serve-pop3-session.ts'

export interface Pop3DoorOptions {
  readonly open: (user: string) => Promise<UserMail>
  /** The user's name, if login name and password are right. A RefusedError says why not even that could be looked at. */
  readonly authenticate: (user: string, password: string, from: string) => Promise<string | undefined>
  /** Certificate and key. It is asked again for each connection, so that they can be replaced; without it there is no TLS. */
  readonly tls?: (() => SecureContextOptions) | undefined
  readonly log?: ((entry: SessionLog) => void) | undefined
  /** From where a password may come in the clear (over TLS it always may); `loopback` unless said. */
  readonly clearLoginFrom?: 'nowhere' | 'loopback' | 'anywhere' | undefined
  readonly limits?: Partial<Limits>
  /** How long a silent client is borne (milliseconds): one minute before the log-in, ten after it. */
  readonly patience?: Partial<Patience>
}

/** Serves the maildrops of the users by POP3 (RFC 1939), in the clear with STLS, or with TLS from the start. */
export class Pop3Door {
  readonly #options: Pop3DoorOptions
  readonly #maildrops = new Maildrops()
  readonly #listeners = new Set<Listener>()
  #made: { readonly from: SecureContextOptions; readonly context: SecureContext } | undefined

  constructor(options: Pop3DoorOptions) {
    this.#options = options
  }

  /** Begins to listen; `tls`: from the start (RFC 8314 §3.2). Port 0: any free one. */
  async listen(options: { host: string; port: number; tls: boolean }): Promise<{ host: string; port: number }> {
    const { tls, open, authenticate, log, limits, patience, clearLoginFrom = 'loopback' } = this.#options
    if (options.tls && tls === undefined) {
      throw new MisuseError('configuration', `POP3 with TLS on port ${options.port} needs a certificate`)
    }
    const context = {
      open,
      authenticate,
      secureContext: tls && (() => this.#secureContext(tls())),
      implicitTls: options.tls,
      clearLoginFrom,
      maildrops: this.#maildrops,
      patience: { before: 60_000, after: 600_000, ...patience },
      log,
    }
    const listener = new Listener({
      accept: (socket, address) => new Pop3Session(socket, address, context),
      refuse: (socket) => !options.tls && socket.write('-ERR [SYS/TEMP] too many connections, try again later\r\n'),
      ...(limits !== undefined && { limits }),
    })
    const at = await listener.listen(options.host, options.port)
    this.#listeners.add(listener)
    return at
  }

  /** Stops listening, finishes the replies being given, ends all sessions. */
  async close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()))
    this.#listeners.clear()
  }

  /** Making one costs more than a handshake, so it is made once for the same certificate. */
  #secureContext(from: SecureContextOptions): SecureContext {
    const made = this.#made
    if (made !== undefined && made.from.cert === from.cert && made.from.key === from.key) return made.context
    const context = createSecureContext(from)
    this.#made = { from, context }
    return context
  }
}
