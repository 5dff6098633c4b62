import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { PeerError, PostinoError } from '../errors.ts'
import { connectionError, spelt, type Destination } from '../net/connect.ts'
import { quoted } from '../pop3/status-line.ts'
import { ImapLiterals } from './imap-literals.ts'
import type { Due } from './pop3-pace.ts'

/** Takes messages as they come off the line; where something returns a promise, nothing more is read before that settles. */
export interface MessageTaker {
  /** A command is sent, and what comes next answers it. */
  asked(): void
  begin(size: number): Promise<void> | undefined
  octets(octets: Uint8Array): Promise<void> | undefined
  /** `token`: what stands for the message in the answer it came in. */
  end(token: string): void
  /** The rest of the message will not come. */
  broken(): void
}

/**
 * One IMAP connection as a stream of the protocol without its messages: those go to a `MessageTaker` as they come, so that none is ever
 * held whole in memory. It emits `timeout` as a socket does, but not for the time that it was us who did not read.
 */
export class ImapWire extends Duplex {
  readonly #to: Destination
  readonly #literals = new ImapLiterals()
  #socket: Socket | undefined
  #taker: MessageTaker | undefined
  #inMessage = false
  /** How many messages have begun, how much of an answer has come, and whether a command waits for its answer. */
  #messages = 0
  #octets = 0
  #commands = 0
  #unanswered = false
  #silence = 0
  /** While we do not read: whether that lasted longer than a server may be silent. */
  #busy = false
  #late = false
  /** A server greets first, but for once TLS has begun on its connection. */
  #greeted = true
  /** Nothing is read behind the line that answers the next command: TLS comes there. */
  #untilAnswer = false
  #roomy: (() => void) | undefined

  readonly #onTimeout = (): void => {
    if (this.#busy) this.#late = true
    else this.emit('timeout')
  }
  readonly #onError = (error: Error): void => void this.destroy(connectionError(error, this.#to))
  readonly #onClose = (): void => void this.destroy()

  constructor(to: Destination, socket?: Socket) {
    super({ allowHalfOpen: false })
    this.#to = to
    if (socket === undefined) return
    this.#greeted = false
    this.attach(socket)
  }

  /** Begins to read. Once only. */
  attach(socket: Socket): void {
    this.#socket = socket
    socket.on('timeout', this.#onTimeout).on('error', this.#onError).on('close', this.#onClose)
    if (this.#silence > 0) socket.setTimeout(this.#silence)
    this.#read(socket).catch((error: unknown) => this.destroy(asError(error, this.#to)))
  }

  /** Messages go there from now on; undefined: they are not taken out. */
  giveMessages(taker: MessageTaker | undefined): void {
    this.#taker = taker
    this.#literals.taking = taker !== undefined
  }

  /** Stops reading behind the answer to the next command, for TLS begins there (RFC 9051 §6.2.1). */
  stopAtAnswer(): void {
    this.#untilAnswer = true
  }

  /** The socket, which is somebody else's from now on. */
  release(): Socket {
    const socket = this.#socket
    if (socket === undefined) throw new PeerError('connection-lost', 'there is no connection')
    this.#socket = undefined
    return socket.setTimeout(0).off('timeout', this.#onTimeout).off('error', this.#onError).off('close', this.#onClose)
  }

  /** What the server is at: a message, or any other answer; undefined: nothing, or it is us who do not read. */
  due(kind: 'message' | 'answer'): Due | undefined {
    if (this.#busy || !this.#unanswered || (kind === 'message') !== this.#inMessage) return undefined
    const ordinal = this.#inMessage ? this.#messages : this.#commands
    return { what: this.#inMessage ? 'a message' : 'its answer', ordinal, long: true, octets: this.#octets }
  }

  setTimeout(milliseconds: number): this {
    this.#silence = milliseconds
    this.#socket?.setTimeout(milliseconds)
    return this
  }

  setKeepAlive(enable?: boolean, initialDelay?: number): this {
    this.#socket?.setKeepAlive(enable, initialDelay)
    return this
  }

  override _read(): void {
    this.#roomy?.()
    this.#roomy = undefined
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#commands++
    this.#taker?.asked()
    this.#unanswered = true
    if (this.#socket === undefined) done(new PeerError('connection-lost', 'there is no connection'))
    else this.#socket.write(chunk, done)
  }

  override _final(done: () => void): void {
    this.#socket?.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket?.destroy()
    this.#roomy?.()
    if (this.#inMessage) this.#taker?.broken()
    this.#inMessage = false
    done(error)
  }

  async #read(socket: Socket): Promise<void> {
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      let stop = false
      this.#octets += chunk.length
      if (!this.#greeted) this.#hear(chunk)
      for (const part of this.#literals.divide(chunk)) {
        // RFC 9051 §6.2.1: behind the answer comes TLS; what else does is somebody's who is between us and the server.
        if (stop)
          throw new PeerError('tls', `${spelt(this.#to)}: somebody put words in before TLS began, so nothing was sent`)
        let waiting: Promise<void> | undefined
        switch (part.kind) {
          case 'protocol':
            if (!this.push(part.octets)) waiting = new Promise((resolve) => (this.#roomy = resolve))
            break
          case 'message':
            this.#inMessage = true
            this.#messages++
            waiting = this.#taker?.begin(part.size)
            break
          case 'octets':
            waiting = this.#taker?.octets(part.octets)
            break
          case 'end':
            this.#inMessage = false
            this.#taker?.end(part.token)
            break
          case 'answered':
            this.#unanswered = false
            stop ||= this.#untilAnswer
        }
        if (waiting !== undefined) await this.#waited(waiting, socket)
        if (this.destroyed) return
      }
      if (stop) return
    }
    this.push(null)
  }

  /** RFC 9051 §7.1: a greeting is an untagged answer. Whoever begins otherwise would wait for us, and we for it. */
  #hear(chunk: Buffer): void {
    this.#greeted = true
    if (chunk[0] === 0x2a) return
    const [line = ''] = chunk.toString('latin1', 0, 200).split(/[\r\n]/)
    throw new PeerError('protocol', `${spelt(this.#to)}: this is no IMAP server: its first line is ${quoted(line)}`)
  }

  async #waited(waiting: Promise<void>, socket: Socket): Promise<void> {
    this.#busy = true
    try {
      await waiting
    } finally {
      this.#busy = false
    }
    if (!this.#late) return
    this.#late = false
    socket.setTimeout(this.#silence)
  }
}

function asError(error: unknown, to: Destination): Error {
  if (error instanceof PostinoError) return error
  return error instanceof Error ? connectionError(error, to) : new PeerError('connection-lost', String(error))
}
