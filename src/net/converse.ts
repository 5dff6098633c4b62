import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import { PeerError } from '../errors.ts'
import { linger } from './linger.ts'

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
  #waiter: PromiseWithResolvers<void> | undefined
  /** When to give up on the other side (`performance.now()`, milliseconds); the listener looks. */
  deadline: number = Infinity
  /** Why it ended, once it has. */
  ending: Ending | undefined
  octetsIn = 0
  octetsOut = 0

  constructor(socket: Socket, engine: Engine) {
    this.#socket = socket
    this.#engine = engine
    // Replies are written whole, so there is nothing to wait for; and a connection that is gone must be noticed some day.
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    this.#attend(socket)
  }

  /** The TLS version, once there is TLS. */
  get tls(): string | undefined {
    return this.#socket instanceof TLSSocket ? (this.#socket.getProtocol() ?? undefined) : undefined
  }

  /** Begins to read. */
  start(): void {
    this.#socket.on('data', this.#onData)
  }

  /**
   * Waits until the engine has got more octets. False: none will come. A client that sends no whole command for `idle`
   * milliseconds is hung up on, however many octets it drips.
   */
  async input(idle: number): Promise<boolean> {
    if (this.#progress) {
      this.deadline = performance.now() + idle
      linger()
    }
    this.#progress = false
    for (;;) {
      if (this.ending !== undefined) return false
      if (this.#fresh) break
      if (this.#half) return false
      this.#resume()
      await this.#wait()
    }
    this.#fresh = false
    return true
  }

  /** Writes what the engine has to say. Where it gives a promise, wait: the other side is slow. It gives up after `idle`. */
  flush(idle: number): Promise<void> | undefined {
    this.push()
    const socket = this.#socket
    return !socket.destroyed && socket.writableLength > enoughWaiting ? this.#drain(idle) : undefined
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

  /** Begins TLS as the server, at once. Rejects with PeerError `tls` where the handshake fails. */
  async secure(secureContext: SecureContext, idle: number): Promise<void> {
    const raw = this.#socket
    raw.off('data', this.#onData)
    this.#fresh = false
    this.deadline = performance.now() + idle
    const socket = new TLSSocket(raw, { isServer: true, secureContext })
    this.#socket = socket
    this.#attend(socket)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const failed = (error?: Error): void => {
      const why = error?.message ?? 'the connection ended'
      reject(new PeerError('tls', `the TLS handshake failed: ${why}`, { cause: error }))
    }
    socket.once('secure', resolve)
    socket.once('error', failed)
    socket.once('close', () => failed())
    // An end is told only to who reads; octets are left where they are.
    const seeEnd = (): void => void (socket.readableLength === 0 && socket.read())
    socket.on('readable', seeEnd)
    socket.once('end', failed)
    await promise
    socket.off('readable', seeEnd)
    this.#progress = true
    this.start()
  }

  /** Ends it once all is written. */
  end(idle: number): Promise<void> {
    this.deadline = performance.now() + idle
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
    this.ending ??= why
    this.#socket.destroy()
    this.#wake()
  }

  /** Ends it as soon as the owner waits for input. */
  closeSoon(): void {
    this.ending ??= 'closing'
    this.#wake()
  }

  #attend(socket: Socket): void {
    socket.on('error', () => this.stop('connection lost'))
    socket.on('close', () => this.stop('connection lost'))
    socket.on('end', () => {
      this.#half = true
      this.#wake()
    })
  }

  readonly #onData = (octets: Uint8Array): void => {
    this.octetsIn += octets.length
    this.#engine.receive(octets)
    this.#fresh = true
    if (!this.#engine.wants) this.#socket.pause()
    this.#wake()
  }

  readonly #onWritten = (): void => {
    if (this.#socket.writableLength <= enoughWaiting) this.#wake()
  }

  async #drain(idle: number): Promise<void> {
    this.deadline = performance.now() + idle
    while (!this.#socket.destroyed && this.#socket.writableLength > enoughWaiting) await this.#wait()
    this.deadline = Infinity
  }

  #resume(): void {
    if (this.#engine.wants && this.#socket.isPaused()) this.#socket.resume()
  }

  #wait(): Promise<void> {
    this.#waiter ??= Promise.withResolvers<void>()
    return this.#waiter.promise
  }

  #wake(): void {
    this.#waiter?.resolve()
    this.#waiter = undefined
  }
}
