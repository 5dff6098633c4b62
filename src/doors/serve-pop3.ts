import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { MisuseError } from '../errors.ts'
import { Crowd } from '../net/crowd.ts'
import { Listener } from '../net/listen.ts'
import { plainAscii } from '../pop3/plain-ascii.ts'
import { english } from '../pop3/texts-en.ts'
import { EngineOptions } from './serve-pop3-engine-options.ts'
import type { Pop3DoorOptions } from './serve-pop3-options.ts'
import { Pop3Session, type SessionContext } from './serve-pop3-session.ts'

export type { Authentication, Pop3DoorOptions } from './serve-pop3-options.ts'
export type { SessionLog } from './serve-pop3-session-log.ts'

/** Serves maildrops by POP3 (RFC 1939), in the clear with STLS, or with TLS from the start. */
export class Pop3Door {
  readonly #options: Pop3DoorOptions
  readonly #crowd: Crowd
  readonly #listeners = new Set<Listener>()
  #made: { readonly from: SecureContextOptions; readonly context: SecureContext } | undefined

  constructor(options: Pop3DoorOptions) {
    this.#options = options
    this.#crowd = options.crowd ?? new Crowd({ limits: options.limits })
  }

  /** Begins to listen; `tls`: from the start (RFC 8314 §3.2). Port 0: any free one. */
  async listen(options: { host: string; port: number; tls: boolean }): Promise<{ host: string; port: number }> {
    const { tls, isProxy, patience, downgrade, languages, authenticator, openMaildrop, onLogIn, log } = this.#options
    if (options.tls && tls === undefined) {
      throw new MisuseError('configuration', `POP3 with TLS on port ${options.port} needs a certificate`)
    }
    const context: SessionContext = {
      authenticator,
      openMaildrop,
      onLogIn,
      log,
      engine: (address, bindings) => new EngineOptions(this.#options, address, bindings),
      secureContext: tls && (() => this.#secureContext(tls())),
      implicitTls: options.tls,
      language: languages?.[0] ?? english,
      patience: { before: 60_000, after: 600_000, ...patience },
      downgrade: downgrade !== 'never',
    }
    const listener = new Listener({
      service: options.tls ? 'pop3s' : 'pop3',
      accept: (socket, address) => new Pop3Session(socket, address, context),
      refuse: (socket) =>
        !options.tls && socket.write(`-ERR [SYS/TEMP] ${plainAscii(context.language.tooManySessions)}\r\n`),
      crowd: this.#crowd,
      isProxy,
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
    if (made !== undefined && same(made.from, from)) return made.context
    const context = createSecureContext(from)
    this.#made = { from, context }
    return context
  }
}

function same(one: SecureContextOptions, other: SecureContextOptions): boolean {
  return one === other || (one.cert === other.cert && one.key === other.key && one.ticketKeys === other.ticketKeys)
}
