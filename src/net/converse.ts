import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { PeerError } from '../errors.ts'
import { type BindingType, channelBinding } from './channel-bindings.ts'
import { linger, lingered } from './linger.ts'

/** What a conversation needs of the engine of a line protocol. */
export interface Engine {
  /** Whether it will take more octets now. */
  readonly wants: boolean
  receive(octets: Uint8Array): void
  /** The octets to write, in order; they stay as they are until `written`. */
  take(): Uint8Array[]
  written(): void
}

/**
 * Why a conversation ended from outside: the other side went away, was silent or read nothing for too long, its place was needed for
 * others, or we are closing.
 */
export type Ending = 'connection lost' | 'idle too long' | 'not reading' | 'made room' | 'closing'

/** So many octets may wait in the socket before the engine must. */
const enoughWaiting = 512 << 10
/** A client that is to read, and takes nothing for so long, is given up (milliseconds): its maildrop is wanted by others. */
const notReading = 120_000
/** How long one that is slow may take for the last that is written, before the connection is closed (milliseconds). */
const leaving = 600_000

/**
 * One connection and the engine behind it: octets from the socket go to the engine as they come, `flush` writes what the engine
 * has to say, and both wait when the other side is slow. Whoever owns it runs the engine, and calls `input` when that needs
 * more.
 */
export class Conversation {
  #socket: Socket
  readonly #engine: Engine
  #fresh = false
  #half = false
  #progress = true
  /** Who waits for input, or for the other side to read; never both. */
  #inputWaits: ((more: boolean) => void) | undefined
  #drainWaits: (() => void) | undefined
  #patience = Infinity
  /** When to give up on the other side (`performance.now()`, milliseconds); the listener looks. */
  deadline: number = Infinity
  /** The owner may say that the next command is likely to come at once. */
  expectsMore = false
  /** Why it ended, once it has. */
  ending: Ending | undefined
  octetsIn = 0
  octetsOut = 0

  constructor(socket: Socket, engine: Engine) {
    this.#socket = socket
    this.#engine = engine
    this.#attend(socket)
  }

  /** The TLS version, once there is TLS. */
  get tls(): string | undefined {
    return this.#socket instanceof TLSSocket ? (this.#socket.getProtocol() ?? undefined) : undefined
  }

  /** Binds a log-in to this TLS connection (RFC 9266, RFC 5929); undefined where there is no TLS, or no such binding. */
  binding(type: BindingType): Uint8Array | undefined {
    return this.#socket instanceof TLSSocket ? channelBinding(this.#socket, type, 'server') : undefined
  }

  /** Begins to read. */
  start(): void {
    this.#socket.on('data', this.#onData).resume()
  }

  /**
   * Whether there are new octets for the engine: at once where it is known, else once they come. False: none will come. A client
   * that sends no whole command for `idle` milliseconds, counted from when it has taken what we wrote, is hung up on, however many
   * octets it drips.
   */
  input(idle: number): boolean | Promise<boolean> {
    if (this.#progress) this.#bear(idle)
    this.#progress = false
    if (this.expectsMore) linger()
    this.expectsMore = false
    if (this.ending !== undefined) return false
    if (this.#fresh) {
      this.#fresh = false
      return true
    }
    if (this.#half) return false
    this.#resume()
    return new Promise(this.#inputAsked)
  }

  /** Writes what the engine has to say. Where it gives a promise, wait: the other side is slow. It gives up after `idle`. */
  flush(idle: number): Promise<void> | undefined {
    this.push()
    const socket = this.#socket
    if (socket.destroyed || socket.writableLength <= enoughWaiting) return undefined
    this.#bear(idle)
    this.#bearStill(idle)
    return new Promise(this.#drainAsked)
  }

  /** Writes what the engine has to say, whether or not the other side is slow. */
  push(): void {
    const pieces = this.#engine.take()
    const socket = this.#socket
    if (pieces.length === 0 || socket.destroyed) return
    this.#progress = true
    if (pieces.length > 1) socket.cork()
    for (const piece of pieces) {
      this.octetsOut += piece.length
      socket.write(piece, this.#onWritten)
    }
    if (pieces.length > 1) socket.uncork()
    // Mostly the system takes everything at once.
    if (socket.writableLength === 0) this.#engine.written()
  }

  /** The time the owner itself takes does not count against the other side. */
  working(): void {
    this.deadline = Infinity
    this.#resume()
  }

  /** Begins TLS as the server, at once; `alpn`: the one protocol spoken here (RFC 7301). Rejects with PeerError `tls` where the handshake fails. */
  async secure(secureContext: SecureContext, idle: number, alpn?: string): Promise<void> {
    const raw = this.#socket
    raw.off('data', this.#onData)
    this.#fresh = false
    this.#bear(idle)
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext,
      ...(alpn !== undefined && { ALPNProtocols: [alpn] }),
    })
    this.#socket = socket
    this.#attend(socket)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const failed = (error?: unknown): void => {
      const why = error instanceof Error ? opensslReason(error) : 'the connection ended'
      reject(new PeerError('tls', `the TLS handshake failed: ${why}`, { cause: error }))
    }
    // An end is told only to who reads; octets are left where they are.
    const seeEnd = (): void => void (socket.readableLength === 0 && socket.read())
    socket.once('secure', resolve).on('readable', seeEnd)
    for (const event of ['error', 'end', 'close']) socket.on(event, failed)
    await promise
    socket.off('readable', seeEnd)
    for (const event of ['error', 'end', 'close']) socket.off(event, failed)
    this.#progress = true
    this.start()
  }

  /** Ends it once all is written. */
  end(idle: number): Promise<void> {
    this.#bear(leaving)
    this.#bearStill(idle)
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#socket.destroyed) return Promise.resolve()
    this.#socket.once('close', () => resolve())
    this.#socket.off('data', this.#onData)
    // What still comes is of no use, but unread it would make the system drop what we wrote.
    this.#socket.resume()
    this.#socket.end(() => this.#socket.destroySoon())
    return promise
  }

  /** Breaks it off: at once, whatever is still to be written. */
  stop(why: Ending): void {
    this.ending ??= why === 'idle too long' && this.#drainWaits !== undefined ? 'not reading' : why
    this.#socket.destroy()
    this.#drained()
    this.#answer(false)
  }

  /** Ends it as soon as the owner waits for input. */
  closeSoon(): void {
    this.ending ??= 'closing'
    this.#answer(false)
  }

  #attend(socket: Socket): void {
    socket.on('error', this.#onGone)
    socket.on('close', this.#onGone)
    socket.on('end', this.#onEnd)
  }

  readonly #onGone = (): void => this.stop('connection lost')

  readonly #onEnd = (): void => {
    this.#half = true
    this.#answer(false)
  }

  readonly #onData = (octets: Uint8Array): void => {
    lingered()
    this.octetsIn += octets.length
    this.#engine.receive(octets)
    if (!this.#engine.wants) this.#socket.pause()
    if (this.#inputWaits === undefined) this.#fresh = true
    else this.#answer(true)
  }

  readonly #onWritten = (): void => {
    const { writableLength } = this.#socket
    if (writableLength === 0) this.#engine.written()
    if (writableLength <= enoughWaiting) this.#drained()
    // It reads: its time begins anew.
    if (this.deadline !== Infinity) this.deadline = performance.now() + this.#patience
  }

  readonly #inputAsked = (resolve: (more: boolean) => void): void => void (this.#inputWaits = resolve)

  readonly #drainAsked = (resolve: () => void): void => void (this.#drainWaits = resolve)

  #answer(more: boolean): void {
    const waits = this.#inputWaits
    this.#inputWaits = undefined
    waits?.(more)
  }

  #drained(): void {
    const waits = this.#drainWaits
    if (waits === undefined) return
    this.#drainWaits = undefined
    this.deadline = Infinity
    this.#socket.setTimeout(0, this.#onStill)
    waits()
  }

  /** Bears a client that does nothing for so long (milliseconds). */
  #bear(idle: number): void {
    this.#patience = idle
    this.deadline = performance.now() + idle
  }

  /** Bears a client that takes nothing of what is written for so long; Node looks whether the system could send any of it. */
  #bearStill(idle: number): void {
    this.#socket.setTimeout(Math.min(idle, notReading), this.#onStill)
  }

  readonly #onStill = (): void => this.stop('not reading')

  #resume(): void {
    if (this.#engine.wants && this.#socket.isPaused()) this.#socket.resume()
  }
}

/** OpenSSL's message has its own files and lines in it; its reason is the words for a person. */
function opensslReason(error: Error & { reason?: unknown }): string {
  return typeof error.reason === 'string' ? error.reason : error.message
}
