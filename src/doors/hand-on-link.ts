import { once } from 'node:events'
import { connect as connectPath, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { PeerError, PostinoError } from '../errors.ts'
import { channelBinding } from '../net/channel-bindings.ts'
import { connect, connectionError, type Reach, secure, spelt, type Destination } from '../net/connect.ts'
import type { ChannelBindings } from '../sasl/mechanism.ts'
import { LineReader } from '../wire/line-reader.ts'
import { noOctets } from '../wire/octets.ts'
import { type Patience, usualPatience } from './pop3-connection.ts'

/** No line of an answer is longer (octets). */
const longestLine = 64 << 10

/** Where a target is: at a port, or at a socket of this machine. */
export type LinkPlace = Destination | { readonly path: string }

/** The way to a server, and how long it is waited for. */
export interface LinkOptions {
  readonly patience?: Patience | undefined
  readonly signal?: AbortSignal | undefined
  readonly reach?: Reach | undefined
}

/**
 * A connection to a server that answers in lines. What comes is read by one who asks for it; what goes, goes in the order in which it
 * is written. When the connection fails, all that waits rejects with the one reason.
 */
export class LineLink {
  readonly to: Destination
  /** The same for people. */
  readonly place: string
  /** Whether an answer is owed: then silence is a fault. */
  awaiting: () => boolean = () => this.#reading
  readonly #options: LinkOptions
  readonly #protocol: string
  readonly #lines = new LineReader(longestLine)
  #socket: Socket
  #input: AsyncIterator<Buffer>
  #octets: Uint8Array = noOctets
  #at = 0
  #reading = false
  #writing = false
  #failure: unknown
  #forget = (): void => undefined

  private constructor(to: Destination, place: string, socket: Socket, protocol: string, options: LinkOptions) {
    this.to = to
    this.place = place
    this.#protocol = protocol
    this.#options = options
    this.#socket = socket
    this.#input = this.#listen()
  }

  /** Connects. `protocol`: its name for TLS (RFC 7301). Rejects with PeerError. */
  static async open(to: LinkPlace, tls: boolean, protocol: string, options: LinkOptions): Promise<LineLink> {
    const { patience = usualPatience, signal, reach } = options
    const socket =
      'path' in to
        ? await openPath(to.path)
        : await connect(to, { tls, timeout: patience.connect, alpn: protocol, signal, reach })
    const destination = 'path' in to ? { host: to.path, port: 0 } : to
    const link = new LineLink(destination, 'path' in to ? to.path : spelt(to), socket, protocol, options)
    const stop = (): void => link.drop(new PeerError('connection-lost', 'stopped'))
    signal?.addEventListener('abort', stop, { once: true })
    link.#forget = () => signal?.removeEventListener('abort', stop)
    if (signal?.aborted === true) stop()
    return link
  }

  /** Whether there is TLS. */
  get secured(): boolean {
    return this.#socket instanceof TLSSocket
  }

  /** Binds a log-in to the TLS connection; undefined where there is no TLS. */
  get bindings(): ChannelBindings | undefined {
    const socket = this.#socket
    return socket instanceof TLSSocket ? (type) => channelBinding(socket, type, 'client') : undefined
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    for (;;) {
      if (this.#at < this.#octets.length) {
        const next = this.#lines.read(this.#octets, this.#at)
        this.#at = next === -1 ? this.#octets.length : next
        if (this.#lines.tooLong)
          throw this.#fail(
            new PeerError('line-too-long', `${this.place} sent a line of more than ${longestLine} octets`),
          )
        if (next !== -1) return this.#lines.line
      }
      await this.#more()
    }
  }

  /** Takes so many octets, in pieces. */
  async octets(count: number, take: (piece: Uint8Array) => void): Promise<void> {
    for (let left = count; left > 0;) {
      if (this.#at === this.#octets.length) await this.#more()
      const piece = this.#octets.subarray(this.#at, this.#at + left)
      this.#at += piece.length
      left -= piece.length
      take(piece)
    }
  }

  /** Resolves when there is room for more. The octets must not be changed afterwards. */
  async write(octets: Uint8Array | string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#socket.write(octets)) return
    const socket = this.#socket
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#writing = true
    socket.once('drain', resolve).once('close', resolve)
    await promise
    socket.off('drain', resolve).off('close', resolve)
    this.#writing = false
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Begins TLS. What the server said in the clear behind its yes is not believed (RFC 9051 §6.2.1, RFC 3207 §6). */
  async secure(): Promise<void> {
    if (this.#at < this.#octets.length)
      throw this.#fail(
        new PeerError('protocol', `${this.place} said more than it may before TLS began; somebody may be in between`),
      )
    const { patience = usualPatience, signal, reach } = this.#options
    await this.#input.return?.()
    this.#socket.removeAllListeners('timeout').setTimeout(0)
    try {
      const options = { timeout: patience.connect, alpn: this.#protocol, signal, reach }
      this.#socket = await secure(this.#socket, this.to, options)
    } catch (error) {
      throw this.#fail(error)
    }
    this.#lines.clear()
    this.#input = this.#listen()
  }

  /** Ends the connection at once. */
  drop(why: PostinoError = new PeerError('connection-lost', `the connection to ${this.place} was dropped`)): void {
    this.#fail(why)
  }

  #listen(): AsyncIterator<Buffer> {
    const socket = this.#socket
    const silence = (this.#options.patience ?? usualPatience).silence
    socket.setTimeout(silence, () => {
      if (this.#writing || this.awaiting())
        this.#fail(new PeerError('timed-out', `${this.place} has been silent for ${silence / 1000} s`))
    })
    socket.on('error', (error) => this.#fail(connectionError(error, this.to)))
    return (socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  }

  async #more(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#reading = true
    try {
      // It settles, too, when the connection fails.
      const step = await this.#input.next()
      if (step.done === true) throw this.#fail(new PeerError('connection-lost', `${this.place} ended the connection`))
      this.#octets = step.value
      this.#at = 0
    } catch (error) {
      throw this.#fail(error instanceof PostinoError ? error : connectionError(error as Error, this.to))
    } finally {
      this.#reading = false
    }
  }

  /** The first reason is the one that counts. */
  #fail(error: unknown): unknown {
    if (this.#failure === undefined) {
      this.#failure = error
      this.#forget()
      this.#socket.on('error', () => undefined).destroy()
    }
    return this.#failure
  }
}

async function openPath(path: string): Promise<Socket> {
  const socket = connectPath({ path })
  try {
    await once(socket, 'connect')
    return socket
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT' ? 'there is no such socket' : code === 'ECONNREFUSED' ? 'nothing listens there' : message
    throw new PeerError('unreachable', `${path}: ${why}`, { cause: error })
  }
}
