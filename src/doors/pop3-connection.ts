import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { MisuseError, type PeerCode, PeerError, PostinoError, RefusedError } from '../errors.ts'
import { channelBinding } from '../net/channel-bindings.ts'
import { connect, connectionError, secure, spelt, type Destination, type Reach } from '../net/connect.ts'
import { findDotLine } from '../net/find-dot-line.ts'
import { readEach } from '../net/read-each.ts'
import type { Capabilities } from '../pop3/capabilities.ts'
import type { ClientEvent, Reply } from '../pop3/client-event.ts'
import { Pop3Client } from '../pop3/client.ts'
import { type Command, replyForm } from '../pop3/command.ts'
import { words } from '../pop3/status-line.ts'
import type { ChannelBindingType } from '../sasl/mechanism.ts'
import type { Loans } from './loans.ts'
import { type Due, Pace } from './pop3-pace.ts'
import { Queue } from './queue.ts'

/** How long to wait, in milliseconds. */
export interface Patience {
  /** Until the connection stands, TLS included. */
  readonly connect: number
  /**
   * Without one octet from the server; and from one look to the next whether it gets on, so that one that drips ends after at
   * most twice that.
   */
  readonly silence: number
}

/** How to get to the server, and how to see that it is the right one. */
interface Way {
  /** Certificates (PEM) to trust instead of those that Node.js trusts. */
  readonly ca?: string | undefined
  readonly reach?: Reach | undefined
}

export interface OpenOptions extends Way {
  /** TLS from the first octet. */
  readonly tls: boolean
  readonly patience?: Patience
  readonly signal?: AbortSignal
  /** False: commands go one by one, whatever the server says of PIPELINING. */
  readonly pipelining?: boolean | undefined
  /** Octets that a RETR gives are good only until its taker returns, or until what it returns is settled, unless it holds them there. */
  readonly loans?: Loans | undefined
}

export const usualPatience: Patience = { connect: 30_000, silence: 60_000 }

/** Takes what a command's answer holds; where it returns a promise, nothing more is read before that settles. */
export type OnEvent = (event: ClientEvent) => Promise<void> | undefined

/** The same for commands that are asked together; `place`: which of them it is. */
export type OnEach = (event: ClientEvent, place: number) => Promise<void> | undefined

interface Asked {
  readonly command: Command
  readonly place: number
  readonly onEvent: OnEach | undefined
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
  reply: Reply | undefined
}

/** One POP3 connection as a client: a client engine joined to a socket. */
export class Pop3Connection {
  readonly to: Destination
  readonly loans: Loans | undefined
  /** SCRAM-SHA-256-PLUS was refused here, before another way was tried. */
  plusFailed = false
  readonly #patience: Patience
  readonly #way: Way
  readonly #client: Pop3Client
  readonly #mayPipeline: boolean
  #socket: Socket
  /** In the order they were asked in, which is that of the answers; a door keeps this short. */
  readonly #asked = new Queue<Asked>()
  #draining = false
  /** Whether what came is being taken; and whether that took longer than a server may be silent. */
  #taking = false
  #late = false
  #greeted = false
  /** How many commands are done. */
  #done = 0
  readonly #pace: Pace
  /** How many of the commands that went together are answered; undefined while they go one by one. */
  #together: number | undefined
  #timestamp: string | undefined
  #sending = false
  #handshakeDue = false
  #greeting = Promise.withResolvers<void>()
  #handshake: PromiseWithResolvers<void> | undefined
  #failure: unknown
  #interrupted: Command | undefined
  /** Nothing more is wanted of the abort signal. */
  #forget = (): void => undefined

  private constructor(to: Destination, socket: Socket, patience: Patience, options: OpenOptions) {
    this.to = to
    this.loans = options.loans
    this.#way = { ca: options.ca, reach: options.reach }
    this.#socket = socket
    this.#patience = patience
    this.#mayPipeline = options.pipelining ?? true
    this.#client = new Pop3Client({ find: findDotLine, ...(!this.#mayPipeline && { window: 1 }) })
    this.#greeting.promise.catch(() => undefined)
    this.#pace = new Pace(to, patience.silence, this.#due, (why) => this.#fail(this.#fault('timed-out', why)))
    this.#listen()
  }

  /** Connects and waits for the greeting. Rejects with PeerError, or RefusedError where the server takes no session. */
  static async open(to: Destination, options: OpenOptions): Promise<Pop3Connection> {
    const { tls, ca, reach, signal, patience = usualPatience } = options
    const socket = await connect(to, { tls, ca, reach, timeout: patience.connect, alpn: 'pop3', signal })
    const connection = new Pop3Connection(to, socket, patience, options)
    const stop = (): void => connection.#end(new PeerError('connection-lost', 'stopped'))
    signal?.addEventListener('abort', stop, { once: true })
    connection.#forget = () => signal?.removeEventListener('abort', stop)
    if (signal?.aborted === true) stop()
    await connection.#greeting.promise
    return connection
  }

  get capabilities(): Capabilities {
    return this.#client.capabilities
  }

  /** Whether commands leave before those before them are answered (RFC 2449 §6.6). */
  get pipelining(): boolean {
    return this.#mayPipeline && this.#client.pipelining
  }

  /** What the server had to answer next when it, or what it did, ended the connection. */
  get interrupted(): Command | undefined {
    return this.#interrupted
  }

  /** What the greeting gave to make APOP's digest over (RFC 1939 §7); undefined where there is no APOP. */
  get timestamp(): string | undefined {
    return this.#timestamp
  }

  /** Whether there is TLS. */
  get secured(): boolean {
    return this.#socket instanceof TLSSocket
  }

  /** Binds a log-in to the TLS connection; undefined where there is no TLS, or no such binding. */
  binding(type: ChannelBindingType): Uint8Array | undefined {
    return this.#socket instanceof TLSSocket ? channelBinding(this.#socket, type, 'client') : undefined
  }

  /** Sends a command as soon as it may leave; resolves with its reply once all that the reply holds was taken. */
  ask(command: Command, onEvent?: OnEvent): Promise<Reply> {
    return new Promise((resolve, reject) =>
      this.#ask({ command, place: 0, onEvent, resolve, reject, reply: undefined }),
    )
  }

  /** The same for many, one behind the other: resolves with all replies, in order. */
  askAll(commands: readonly Command[], onEvent?: OnEach): Promise<readonly Reply[]> {
    return new Promise((done, reject) => {
      const replies: Reply[] = []
      const resolve = (reply: Reply): void => {
        if (replies.push(reply) === commands.length) done(replies)
      }
      if (commands.length === 0) done(replies)
      commands.forEach((command, place) => this.#ask({ command, place, onEvent, resolve, reject, reply: undefined }))
    })
  }

  #ask(asked: Asked): void {
    if (this.#failure !== undefined) {
      asked.reject(this.#failure)
      return
    }
    this.#client.send(asked.command)
    this.#asked.add(asked)
    if (this.#asked.length > 1 && this.pipelining) this.#together ??= 0
    this.#sendSoon()
  }

  /** The same, where only +OK will do: a -ERR rejects with RefusedError. */
  async must(command: Command, doing: string, onEvent?: OnEvent): Promise<Reply> {
    const reply = await this.ask(command, onEvent)
    if (!reply.ok) throw refused(this.to, reply, doing)
    return reply
  }

  /** STLS and the handshake. */
  async secure(): Promise<void> {
    this.#handshake = Promise.withResolvers<void>()
    this.#handshake.promise.catch(() => undefined)
    await this.must({ verb: 'STLS' }, 'to begin TLS')
    await this.#handshake.promise
  }

  /** Ends it, for its answers do not belong to the commands that they seem to. Gives the error. */
  outOfStep(what: string): PeerError {
    const error = new PeerError('protocol', `${spelt(this.to)} ${what}`, { pipelined: this.pipelining })
    this.#fail(error)
    return error
  }

  /** Drops the connection without QUIT: the server then changes nothing (RFC 1939 §3). */
  drop(): void {
    this.#end(new PeerError('connection-lost', `the connection to ${spelt(this.to)} was dropped`))
  }

  readonly #due = (): Due | undefined => {
    const asked = this.#asked.first
    // Whoever takes what came may take long.
    if (this.#taking || (this.#greeted && asked === undefined)) return undefined
    const octets = this.#socket.bytesRead
    if (asked === undefined || !this.#greeted) return { what: 'its greeting', ordinal: -1, long: false, octets }
    const { command, reply } = asked
    const what = `its answer to ${words(command)}`
    // CAPA and LANG have some twenty lines.
    const any = replyForm(command) !== 'line' && command.verb !== 'CAPA' && command.verb !== 'LANG'
    return { what, ordinal: this.#done, long: any && reply?.ok === true, octets }
  }

  #listen(): void {
    const socket = this.#socket
    socket.setTimeout(this.#patience.silence, () => {
      // Silent is who is asked and does not answer; whoever takes what came may take long, and the time begins anew then.
      if (this.#taking) this.#late = true
      else if (this.#asked.length > 0 || !this.#greeted)
        this.#fail(this.#fault('timed-out', `${spelt(this.to)} has been silent for ${this.#patience.silence / 1000} s`))
    })
    this.#read(socket).catch((error: unknown) => this.#fail(error))
  }

  async #read(socket: Socket): Promise<void> {
    try {
      const take = (octets: Uint8Array): Promise<void> | undefined => {
        this.loans?.begin(octets)
        this.#client.receive(octets)
        const draining = this.#drain()
        return draining === undefined ? this.#handled(octets) : draining.then(() => this.#handled(octets))
      }
      await readEach(socket, take, () => this.#failure !== undefined || this.#handshakeDue)
      if (this.#failure !== undefined) return
      if (this.#handshakeDue) return await this.#secureNow()
    } catch (error) {
      // Told as connection-lost, not as the system's code, whoever closed it. What the store says is told as it is.
      throw error instanceof Error && !(error instanceof PostinoError) ? connectionError(error, this.to) : error
    }
    this.#client.lost()
    await this.#drain()
    if (this.#failure === undefined)
      this.#fail(new PeerError('connection-lost', `${spelt(this.to)} ended the connection`))
  }

  /** All that was in these octets is handled. Where something went wrong, nothing is said of it: who still has to do with them is not known. */
  #handled(octets: Uint8Array): undefined {
    if (this.#failure === undefined) this.loans?.done(octets)
  }

  /** Handles events until there are no more; where one takes its time, the rest comes behind it. */
  #drain(): Promise<void> | undefined {
    let waiting: Promise<void> | undefined
    this.#draining = true
    try {
      for (let event = this.#client.next(); event !== undefined; event = this.#client.next()) {
        waiting = this.#handle(event)
        if (waiting !== undefined) return this.#drainAfter(waiting)
      }
      return undefined
    } finally {
      this.#draining = waiting !== undefined
    }
  }

  async #drainAfter(waiting: Promise<void>): Promise<void> {
    this.#taking = true
    try {
      await waiting
    } finally {
      this.#taking = false
      this.#draining = false
    }
    if (this.#late) {
      this.#late = false
      this.#socket.setTimeout(this.#patience.silence)
    }
    await this.#drain()
  }

  #handle(event: ClientEvent): Promise<void> | undefined {
    switch (event.kind) {
      case 'send':
        this.#socket.write(event.octets)
        return undefined
      case 'greeting':
        this.#greeted = true
        this.#timestamp = event.timestamp
        if (event.ok) this.#greeting.resolve()
        else
          this.#fail(
            new RefusedError(event.reason ?? 'no', event.text, `${spelt(this.to)} takes no session now: ${event.text}`),
          )
        return undefined
      case 'broken':
        this.#fail(this.#fault(event.error.code, `${spelt(this.to)}: ${event.error.message}`))
        return undefined
      case 'handshake':
        this.#handshakeDue = true
        return undefined
      case 'end': {
        const done = this.#asked.take()
        if (done === undefined) return undefined
        this.#done++
        if (this.#asked.length === 0) this.#together = undefined
        else if (this.#together !== undefined) this.#together++
        const taken = done.onEvent?.(event, done.place)
        if (taken !== undefined) return taken.then(() => done.reply && done.resolve(done.reply))
        if (done.reply !== undefined) done.resolve(done.reply)
        return undefined
      }
      case 'octets':
        // What a RETR gives is held by who takes it. Whoever takes another answer, as that of TOP, may have it for good.
        if (event.command.verb !== 'RETR') this.loans?.keep(event.octets)
        return this.#asked.first?.onEvent?.(event, this.#asked.first.place)
      case 'reply':
      case 'sizes':
      case 'unique-ids':
      case 'languages':
      case 'maildrop':
      case 'capabilities': {
        const asked = this.#asked.first
        if (event.kind === 'reply' && asked !== undefined) asked.reply = event
        return asked?.onEvent?.(event, asked.place)
      }
    }
  }

  async #secureNow(): Promise<void> {
    this.#handshakeDue = false
    this.#socket.setTimeout(0)
    const { connect: timeout } = this.#patience
    this.#socket = await secure(this.#socket, this.to, { ...this.#way, timeout, alpn: 'pop3' })
    this.#client.secured()
    this.#listen()
    this.#sendOut()
    this.#handshake?.resolve()
  }

  /** Commands that are asked in one go leave in one write. */
  #sendSoon(): void {
    if (this.#sending) return
    this.#sending = true
    queueMicrotask(() => {
      this.#sending = false
      this.#sendOut()
    })
  }

  #sendOut(): void {
    // While events are being handled, what is to be sent comes behind them. Otherwise nothing but that can be waiting.
    if (this.#draining) return
    for (let event = this.#client.next(); event !== undefined; event = this.#client.next()) void this.#handle(event)
  }

  #fault(code: PeerCode, message: string): PeerError {
    // A line that breaks is no fault of pipelining, unless it breaks each time where that begins.
    const most = code === 'connection-lost' ? 1 : Infinity
    return new PeerError(code, message, { pipelined: this.#together !== undefined && this.#together <= most })
  }

  /** Ends it for what the server did. */
  #fail(error: unknown): void {
    if (this.#failure === undefined) this.#interrupted = this.#asked.first?.command
    this.#end(error)
  }

  #end(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#forget()
    this.#pace.stop()
    this.#socket.on('error', () => undefined).destroy()
    this.#greeting.reject(error)
    this.#handshake?.reject(error)
    for (const asked of this.#asked.takeAll()) asked.reject(error)
  }
}

/** A -ERR as an error: who, what was tried, and the server's own words. */
export function refused(to: Destination, reply: Reply, doing: string): RefusedError {
  if (reply.ok) throw new MisuseError('state', 'this reply is no refusal')
  return new RefusedError(
    reply.reason ?? 'no',
    reply.text,
    `${spelt(to)} refused ${doing}: ${reply.text || '(it gave no reason)'}`,
  )
}
