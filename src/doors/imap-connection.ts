import {
  ImapFlow,
  type ImapFlowOptions,
  type ImapTransportSocket,
  type ListResponse,
  type MailboxObject,
} from 'imapflow'
import { PeerError, type PostinoError, RefusedError } from '../errors.ts'
import { connect, secure, type Destination } from '../net/connect.ts'
import type { Remote } from './fetching.ts'
import { imapError } from './imap-errors.ts'
import { ImapWire, type MessageTaker } from './imap-wire.ts'
import { mustBeSecure } from './log-in.ts'
import { usualPatience, type Patience } from './pop3-connection.ts'
import { Pace } from './pop3-pace.ts'

/** No answer has so long a part that is no message: headers, names, lists of numbers (octets). */
const longestPart = 64 << 20

/** How long a server is waited for. */
export interface ImapConnectionOptions {
  readonly patience?: Patience | undefined
  readonly signal?: AbortSignal | undefined
  /** How long the server may be silent while it has nothing to say: IDLE (milliseconds). */
  readonly idleSilence?: number
  /** How long one IDLE lasts (milliseconds). */
  readonly idleRenewal?: number
}

/**
 * One IMAP connection that is logged in: imapflow speaks the protocol, over a socket of ours. Whatever goes wrong is told as
 * PeerError or RefusedError. One thing at a time is asked.
 */
export class ImapConnection {
  readonly to: Destination
  readonly #client: ImapFlow
  readonly #wire: { now: ImapWire }
  /** What ended the connection. */
  #failure: PostinoError | undefined
  /** imapflow gives false for some refusals, and tells why only to a log. */
  #lastWarning: unknown
  #forget = (): void => undefined
  readonly #paces: readonly Pace[]

  private constructor(remote: Remote, wire: ImapWire, options: ImapConnectionOptions, token: string | undefined) {
    this.to = { host: remote.host, port: remote.port }
    this.#wire = { now: wire }
    this.#client = new ImapFlow(this.#flowOptions(remote, options, token))
    this.#client.on('error', (error) => (this.#failure ??= imapError(error, this.to, 'to go on')))
    this.#client.on('close', () => this.#end())
    const { silence } = options.patience ?? usualPatience
    const slow = (why: string): void => this.#fail(new PeerError('timed-out', why))
    this.#paces = [
      new Pace(this.to, silence, () => this.#wire.now.due('message'), slow),
      // A server may have much to do before it answers, and say that it is still there.
      new Pace(this.to, 10 * silence, () => (this.#client.idling ? undefined : this.#wire.now.due('answer')), slow),
    ]
  }

  /** Connects, begins TLS where it is wanted, and logs in. A token that is refused is asked for anew, once. */
  static async open(remote: Remote, options: ImapConnectionOptions = {}): Promise<ImapConnection> {
    if (remote.token === undefined) return await ImapConnection.#openWith(remote, options, undefined)
    mustBeSecure({ to: remote, secured: remote.tls !== 'none' }, 'a token')
    const token = await remote.token()
    try {
      return await ImapConnection.#openWith(remote, options, token)
    } catch (error) {
      if (!(error instanceof RefusedError) || error.reason !== 'bad-login') throw error
      const fresh = await remote.token(token)
      if (fresh === token) throw error
      return await ImapConnection.#openWith(remote, options, fresh)
    }
  }

  static async #openWith(
    remote: Remote,
    options: ImapConnectionOptions,
    token: string | undefined,
  ): Promise<ImapConnection> {
    const { patience = usualPatience, signal } = options
    const to = { host: remote.host, port: remote.port }
    const socket = await connect(to, {
      tls: remote.tls === 'implicit',
      timeout: patience.connect,
      alpn: 'imap',
      signal,
      ...reachOf(remote),
    })
    const connection = new ImapConnection(remote, new ImapWire(to, socket), options, token)
    const stop = (): void => connection.#fail(new PeerError('connection-lost', 'stopped'))
    signal?.addEventListener('abort', stop, { once: true })
    connection.#forget = () => signal?.removeEventListener('abort', stop)
    if (signal?.aborted === true) stop()
    try {
      await connection.run(`to log in ${remote.login}`, (client) => client.connect())
    } catch (error) {
      connection.drop()
      throw connection.#noWayIn(error, remote)
    }
    return connection
  }

  /** What the server can do (RFC 9051 §7.2.2); IMAP4rev2 includes much. */
  can(capability: string): boolean {
    const { capabilities, enabled } = this.#client
    return capabilities.has(capability) || (enabled.has('IMAP4REV2') && includedInRev2.has(capability))
  }

  /** Whether this was enabled in this session (RFC 5161). */
  enabled(extension: string): boolean {
    return this.#client.enabled.has(extension)
  }

  get client(): ImapFlow {
    return this.#client
  }

  /** The mailbox that is selected. */
  get mailbox(): MailboxObject {
    const { mailbox } = this.#client
    if (mailbox === false) throw this.#failure ?? new PeerError('connection-lost', 'no mailbox is selected any more')
    return mailbox
  }

  /** Does something, and tells what goes wrong in our words. */
  async run<T>(doing: string, work: (client: ImapFlow) => Promise<T>): Promise<T> {
    try {
      if (this.#failure !== undefined) throw this.#failure
      return await work(this.#client)
    } catch (error) {
      throw this.#told(error, doing)
    }
  }

  /** The same, where imapflow gives false (or nothing) for a refusal. */
  async must<T>(doing: string, work: (client: ImapFlow) => Promise<T | false | undefined>): Promise<T> {
    this.#lastWarning = undefined
    const done = await this.run(doing, work)
    if (done !== false && done !== undefined) return done
    throw this.#told(this.#lastWarning ?? new Error('it gave no reason'), doing)
  }

  async list(): Promise<ListResponse[]> {
    const statusQuery = this.can('LIST-STATUS') ? statusItems : undefined
    return await this.run('to list the mailboxes', (client) =>
      client.list(statusQuery === undefined ? {} : { statusQuery }),
    )
  }

  /** `change`: whether something is to be changed there; otherwise nothing is (EXAMINE, RFC 9051 §6.3.3). */
  async select(path: string, change: boolean): Promise<MailboxObject> {
    return await this.run(`to open the mailbox ${path}`, (client) => client.mailboxOpen(path, { readOnly: !change }))
  }

  /** The same where it need not be looked at anew: what is selected stays so. */
  async stayIn(path: string, change = false): Promise<MailboxObject> {
    const { mailbox } = this.#client
    const isThere = mailbox !== false && mailbox.path === path && !(change && mailbox.readOnly === true)
    return isThere ? mailbox : await this.select(path, change)
  }

  /** UIDs of the selected mailbox, ascending. */
  async search(query: Parameters<ImapFlow['search']>[0]): Promise<number[]> {
    return await this.must('to search the mailbox', (client) => client.search(query, { uid: true }))
  }

  /** Messages go to the taker while `work` is under way. */
  async taking<T>(taker: MessageTaker, work: () => Promise<T>): Promise<T> {
    const wire = this.#wire.now
    wire.giveMessages(taker)
    try {
      return await work()
    } finally {
      wire.giveMessages(undefined)
    }
  }

  /** Says goodbye, and waits no longer for the answer than for anything else. */
  async leave(): Promise<void> {
    await this.#client.logout().catch(() => undefined)
    this.drop()
  }

  drop(): void {
    this.#failure ??= new PeerError('connection-lost', 'the connection was dropped')
    this.#client.close()
    this.#end()
  }

  #end(): void {
    this.#forget()
    for (const pace of this.#paces) pace.stop()
    this.#wire.now.destroy()
  }

  #fail(error: PostinoError): void {
    this.#failure ??= error
    this.#wire.now.destroy(error)
  }

  #told(error: unknown, doing: string): PostinoError {
    const told = imapError(error, this.to, doing)
    if (told instanceof RefusedError || this.#failure === undefined) return told
    return this.#failure
  }

  /** imapflow logs in with a password by PLAIN, LOGIN (RFC 4616, and the draft) or the command LOGIN, and by tokens. */
  #noWayIn(error: unknown, { token }: Remote): unknown {
    if (!(error instanceof PeerError) || !(error.cause instanceof Error)) return error
    if (!/Unsupported authentication|Login is disabled|No matching/.test(error.cause.message)) return error
    const offered = [...this.#client.capabilities.keys()].flatMap((name) => /^AUTH=(.+)/i.exec(name)?.[1] ?? [])
    return new PeerError(
      'protocol',
      `${this.to.host} offers no way to log in with a ${token === undefined ? 'password' : 'token'} that Postino knows (it offers: ${offered.join(', ') || 'none'})`,
      { cause: error.cause },
    )
  }

  #flowOptions(remote: Remote, options: ImapConnectionOptions, token: string | undefined): ImapFlowOptions {
    const { patience = usualPatience, signal, idleSilence = patience.silence } = options
    const hear = (entry: { err?: unknown }): void => {
      if (entry.err !== undefined) this.#lastWarning = entry.err
    }
    const deaf = (): void => undefined
    return {
      host: remote.host,
      port: remote.port,
      secure: remote.tls === 'implicit',
      // Law 11: required, or not at all; never where it is offered only.
      ...(remote.tls === 'implicit' ? {} : { doSTARTTLS: remote.tls === 'starttls' }),
      auth: {
        user: remote.login,
        ...(token === undefined ? { pass: remote.password ?? '' } : { accessToken: token }),
      },
      clientInfo: { name: 'Postino', version: false, vendor: false, 'support-url': false },
      logger: { debug: deaf, info: deaf, warn: hear, error: hear },
      disableAutoIdle: true,
      ...(options.idleRenewal !== undefined && { maxIdleTime: options.idleRenewal }),
      // Messages are taken out before it: see ImapWire.
      disableCompression: true,
      qresync: true,
      connectionTimeout: patience.connect,
      greetingTimeout: patience.silence,
      socketTimeout: idleSilence,
      maxLineLength: longestPart,
      maxLiteralSize: longestPart,
      maxResponseSize: 2 * longestPart,
      transport: {
        connect: (_, connected): ImapTransportSocket => {
          setImmediate(connected)
          return this.#wire.now
        },
        prepareUpgrade: () => this.#wire.now.stopAtAnswer(),
        upgrade: (_socket, _options, secured): ImapTransportSocket => {
          const socket = this.#wire.now.release()
          const wire = new ImapWire(this.to)
          this.#wire.now = wire
          secure(socket, this.to, { timeout: patience.connect, alpn: 'imap', signal, ...reachOf(remote) }).then(
            (inTls) => {
              wire.attach(inTls)
              secured()
            },
            (error: Error) => wire.destroy(error),
          )
          return wire
        },
      },
    }
  }
}

/** What is asked of each mailbox that is listed (RFC 9051 §6.3.11, RFC 7162 §3.1.7). */
export const statusItems = { messages: true, uidNext: true, uidValidity: true, unseen: true, highestModseq: true }

/** RFC 9051, appendix E. */
const includedInRev2 = new Set([
  'UIDPLUS',
  'ESEARCH',
  'IDLE',
  'LIST-STATUS',
  'SPECIAL-USE',
  'NAMESPACE',
  'MOVE',
  'UNSELECT',
])

function reachOf({ reach }: Remote): { reach?: NonNullable<Remote['reach']> } {
  return reach === undefined ? {} : { reach }
}
