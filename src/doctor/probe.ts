import type { Socket } from 'node:net'
import { setImmediate as soon } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { PeerError } from '../errors.ts'
import { connect, connectionError, spelt, type Destination } from '../net/connect.ts'
import type { Observed } from './observed.ts'
import { Received } from './received.ts'
import { readReply, type Reply } from './reply.ts'
import { handshake, type Handshake } from './probe-tls.ts'

export interface ProbeOptions {
  /** How long one answer may take, milliseconds. */
  readonly patience: number
  readonly observed: Observed
}

/** The longest line and the longest reply that are waited for, octets. */
const longestLine = 64 << 10
const longestReply = 256 << 20

/** One connection to the server under examination: sends exactly what it is told to, and hides nothing of what comes back. */
export class Probe {
  readonly to: Destination
  readonly #observed: Observed
  /** How long one answer may take, milliseconds. */
  patience: number
  #socket: Socket
  readonly #received = new Received()
  #ended = false
  #failure: Error | undefined
  #wake: () => void = () => undefined
  /** The verb that the next reply answers; never an argument, which may be a secret. */
  #asked = 'greeting'
  /** TLS, where it is active. */
  tls: TLSSocket | undefined
  /** What the server gave to take up the TLS session again. */
  session: Buffer | undefined
  /** UTF8 or LANG was asked for: from then on replies may hold UTF-8 (RFC 6856 §2, §3). */
  unicode = false
  /** RETR or DELE was sent: a QUIT would remove messages, or tell some servers that they were downloaded. */
  touched = false
  /** What the server said when the connection stood. */
  greeting: Reply | undefined

  private constructor(to: Destination, socket: Socket, options: ProbeOptions) {
    this.to = to
    this.#socket = socket
    this.#observed = options.observed
    this.patience = options.patience
    this.#listen()
  }

  /** Connects in the clear; nothing is read yet. Rejects with PeerError. */
  static async open(to: Destination, options: ProbeOptions): Promise<Probe> {
    return new Probe(to, await connect(to, { tls: false, timeout: options.patience }), options)
  }

  /** Whether the server has ended the connection, as far as is known. */
  get over(): boolean {
    return this.#ended || this.#failure !== undefined
  }

  /** Begins TLS. Rejects with PeerError where there is no common ground; an untrusted certificate is only noted. */
  async secure(options: Omit<Handshake, 'patience' | 'onSession'>): Promise<TLSSocket> {
    this.#socket.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close').pause()
    const secured = await handshake(this.#socket, this.to, {
      ...options,
      patience: this.patience,
      onSession: (session) => (this.session = session),
    })
    this.#socket = secured
    this.tls = secured
    this.#listen()
    return secured
  }

  /** Sends these octets and nothing else. */
  send(what: string | Uint8Array): void {
    this.#asked = typeof what === 'string' ? verbOf(what) : 'the octets sent'
    if (typeof what === 'string' && /^(?:RETR|DELE)\b/im.test(what)) this.touched = true
    if (!this.#socket.writable) return
    this.#socket.write(what)
  }

  /** Sends a text one octet a packet. */
  async sendInPieces(text: string): Promise<void> {
    for (const octet of Buffer.from(text)) {
      this.#socket.write(Uint8Array.of(octet))
      await soon()
    }
    this.#asked = verbOf(text)
  }

  /** Sends a command and waits for the first line of its answer. */
  ask(command: string): Promise<Reply> {
    this.send(`${command}\r\n`)
    return this.reply()
  }

  /** The same of a command whose +OK is followed by lines; `body` is those lines as they came, without the final ".". */
  async askLines(command: string): Promise<{ readonly reply: Reply; readonly body: Buffer }> {
    const reply = await this.ask(command)
    return { reply, body: reply.status === '+OK' ? await this.body() : Buffer.alloc(0) }
  }

  /** The next reply's first line. Rejects with PeerError `timed-out` or `connection-lost`. */
  async reply(patience?: number): Promise<Reply> {
    const { line, ending } = await this.line(patience)
    const reply = readReply(line)
    this.#observed.note(reply, this.#asked, ending, this.unicode)
    return reply
  }

  /** The next line in Latin-1, without its end. */
  async line(patience?: number): Promise<{ readonly line: string; readonly ending: 'crlf' | 'lf' }> {
    let from = 0
    for (;;) {
      const octets = this.#received.octets
      const end = octets.indexOf(10, from)
      if (end !== -1) {
        const crlf = octets[end - 1] === 13
        const line = octets.toString('latin1', 0, crlf ? end - 1 : end)
        this.#received.take(end + 1)
        return { line, ending: crlf ? 'crlf' : 'lf' }
      }
      from = octets.length
      if (from > longestLine)
        throw new PeerError(
          'line-too-long',
          `a line of the answer to ${this.#asked} has no end within ${longestLine} octets`,
        )
      await this.#more(patience)
    }
  }

  /** The lines of a multi-line reply up to the "." that ends it (RFC 1939 §3), as they are on the wire. */
  async body(): Promise<Buffer> {
    let from = 0
    for (;;) {
      const { octets } = this.#received
      const empty = octets.length >= 3 && octets.indexOf('.\r\n') === 0
      const end = empty ? -2 : octets.indexOf('\r\n.\r\n', from)
      if (empty || end !== -1) {
        const body = Buffer.from(octets.subarray(0, end + 2))
        this.#received.take(end + 5)
        return body
      }
      from = Math.max(0, octets.length - 4)
      if (octets.length > longestReply)
        throw new PeerError('reply-too-long', `the answer to ${this.#asked} has no end within ${longestReply} octets`)
      await this.#more()
    }
  }

  /** Whether nothing comes, and the connection stays, for so many milliseconds. */
  async quiet(milliseconds: number): Promise<boolean> {
    try {
      if (this.#received.octets.length > 0) return false
      await this.#more(milliseconds)
      return false
    } catch (error) {
      return error instanceof PeerError && error.code === 'timed-out'
    }
  }

  /** Whether the server ends the connection within so many milliseconds; what it still says is thrown away. */
  async ends(milliseconds: number): Promise<boolean> {
    const until = performance.now() + milliseconds
    while (!this.over) {
      this.#received.take(this.#received.octets.length)
      const left = until - performance.now()
      if (left <= 0) return false
      await this.#more(left).catch(() => undefined)
    }
    return true
  }

  /** Ends the connection in order, without QUIT, and waits until the server has seen it. */
  async close(): Promise<void> {
    this.#socket.end()
    await this.ends(2000)
    this.drop()
  }

  /** Breaks the connection off. */
  drop(): void {
    this.#socket.destroy()
  }

  #listen(): void {
    const socket = this.#socket
    const wake = (): void => this.#wake()
    socket.on('data', (chunk: Buffer) => {
      this.#received.add(chunk)
      wake()
    })
    socket.on('error', (error) => {
      this.#failure ??= connectionError(error, this.to)
      wake()
    })
    const end = (): void => {
      this.#ended = true
      wake()
    }
    socket.on('end', end).on('close', end)
    socket.resume()
  }

  /** Waits until there is more than there is now. */
  async #more(patience = this.patience): Promise<void> {
    const before = this.#received.octets.length
    if (this.over) throw this.#lost()
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), patience)
    this.#wake = () => resolve(true)
    const woken = await promise
    clearTimeout(timer)
    this.#wake = () => undefined
    if (!woken) throw new PeerError('timed-out', `no answer to ${this.#asked} within ${patience / 1000} s`)
    if (this.#received.octets.length === before) throw this.#lost()
  }

  #lost(): PeerError {
    return new PeerError(
      'connection-lost',
      `${spelt(this.to)} ended the connection instead of answering ${this.#asked}`,
    )
  }
}

/** The verb of a command, to name it by; what is no verb may be a secret, and is not shown. */
function verbOf(text: string): string {
  return verbs.exec(text)?.[0].toUpperCase() ?? 'the last line'
}

const verbs =
  /^(?:CAPA|USER|PASS|APOP|AUTH|STLS|UTF8|LANG|STAT|LIST|UIDL|RETR|TOP|DELE|NOOP|RSET|QUIT|LAST|XPST)(?=[ \r\n])/i
