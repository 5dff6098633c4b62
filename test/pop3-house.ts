import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { SessionLog } from '../src/doors/serve-pop3.ts'
import type { ServedMaildrop, ServedMessage } from '../src/library/served-maildrop.ts'
import { createPop3Server, type Pop3Server, type Pop3ServerOptions } from '../src/library/server.ts'
import { makeCertificate } from '../src/net/certificate.ts'

export const certificate: { readonly cert: string; readonly key: string } = makeCertificate()

/** How long what must come is waited for (milliseconds): it comes at once, unless the machine stands still. */
const patience = 60_000

export interface Place {
  readonly host: string
  readonly port: number
}

/** A POP3 door on a real socket, over mail in memory. */
export interface House {
  readonly server: Pop3Server
  readonly at: Place
  /** The entries of the sessions that are over. */
  readonly log: SessionLog[]
  /** What became of each log-in. */
  readonly logIns: string[]
  /** The unique-ids of what is there. */
  readonly left: () => string[]
  /** How often a maildrop was opened, and let go. */
  readonly counts: { opened: number; closed: number }
  /** The door's ends of the connections, in the order in which they came: what it has read, and whether it knows that one is over. */
  readonly ends: readonly Socket[]
}

export interface HouseOptions extends Partial<Pop3ServerOptions> {
  /** TLS from the first octet. */
  readonly implicitTls?: boolean
  readonly remove?: ServedMaildrop['remove']
}

/** A house with these messages in the maildrop of whoever comes with the password `secret`. Messages have the unique-ids m1, m2 … */
export async function house(
  t: TestContext,
  messages: readonly (string | Omit<ServedMessage, 'uniqueId'>)[] = [],
  options: HouseOptions = {},
): Promise<House> {
  const { implicitTls = false, remove, ...more } = options
  let kept: readonly ServedMessage[] = messages.map((message, place) => ({
    uniqueId: `m${place + 1}`,
    ...(typeof message === 'string' ? { read: () => Buffer.from(message, 'utf8') } : message),
  }))
  const log: SessionLog[] = []
  const logIns: string[] = []
  const counts = { opened: 0, closed: 0 }
  const server = createPop3Server({
    authenticate: (login, password) => (password === 'secret' ? login : undefined),
    openMaildrop: () => {
      counts.opened++
      const seen = kept
      return {
        messages: seen,
        remove:
          remove ??
          ((numbers) => {
            const gone = new Set(numbers.map((number) => seen[number - 1]))
            kept = kept.filter((message) => !gone.has(message))
          }),
        close: () => void counts.closed++,
      }
    },
    tls: certificate,
    log: (entry) => log.push(entry),
    onLogIn: (result) => logIns.push(result),
    ...more,
  })
  t.after(() => server.close())
  const at = await server.listen({ port: 0, tls: implicitTls })
  const ends: Socket[] = []
  const onSocket = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket }
    if (socket.localPort === at.port) ends.push(socket)
  }
  subscribe('net.server.socket', onSocket)
  t.after(() => unsubscribe('net.server.socket', onSocket))
  return { server, at, log, logIns, counts, ends, left: () => kept.map(({ uniqueId }) => uniqueId) }
}

/** One connection of a client that says what a test tells it to. */
export class Caller {
  socket: Socket
  /** What was heard and not yet asked for. */
  #said = ''
  #over = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.socket = socket
    this.#attend()
  }

  static async call(t: TestContext, at: Place): Promise<Caller> {
    const socket = connect({ ...at, allowHalfOpen: true })
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return new Caller(socket)
  }

  /** With TLS from the first octet. Rejects where the handshake fails. */
  static async callTls(t: TestContext, at: Place, options: ConnectionOptions = {}): Promise<Caller> {
    const socket = connectTls({ ...at, rejectUnauthorized: false, ...options })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    return new Caller(socket)
  }

  /** STLS has been agreed to. */
  async startTls(options: ConnectionOptions = {}): Promise<TLSSocket> {
    this.socket.removeAllListeners('data').removeAllListeners('close')
    const socket = connectTls({ socket: this.socket, rejectUnauthorized: false, ...options })
    await once(socket, 'secureConnect')
    this.socket = socket
    this.#attend()
    return socket
  }

  say(text: string): void {
    this.socket.write(text)
  }

  /** Says one command, and gives the first line of the answer. */
  ask(command: string): Promise<string> {
    this.say(`${command}\r\n`)
    return this.line()
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    const text = await this.until(/^.*?\r\n/)
    return text.slice(0, -2)
  }

  /** Everything up to the end of what is like this. Rejects where that does not come. */
  async until(like: RegExp): Promise<string> {
    const deadline = performance.now() + patience
    for (;;) {
      const found = like.exec(this.#said)
      if (found !== null) {
        const text = this.#said.slice(0, found.index + found[0].length)
        this.#said = this.#said.slice(text.length)
        return text
      }
      if (this.#over || performance.now() > deadline) throw new Error(`no ${like} in: ${this.#said.slice(-1000)}`)
      await this.#news()
    }
  }

  /** All that is said until the connection is over, in whatever way. */
  async rest(): Promise<string> {
    const deadline = performance.now() + patience
    while (!this.#over && performance.now() < deadline) await this.#news()
    if (!this.#over) throw new Error('the connection goes on')
    const text = this.#said
    this.#said = ''
    return text
  }

  hangUp(): void {
    this.socket.destroy()
  }

  #attend(): void {
    this.socket.on('data', (octets: Buffer) => {
      this.#said += octets.toString('latin1')
      this.#wake()
    })
    this.socket.on('error', () => undefined)
    this.socket.on('end', () => this.socket.end())
    this.socket.on('close', () => {
      this.#over = true
      this.#wake()
    })
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 100)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** Says all at once, shuts its side, and gives all that is said. */
export async function talk(t: TestContext, at: Place, text: string): Promise<string> {
  const caller = await Caller.call(t, at)
  caller.socket.end(text)
  return await caller.rest()
}

/** Waits until something is so. */
export async function soon(so: () => boolean): Promise<void> {
  const deadline = performance.now() + patience
  while (!so()) {
    if (performance.now() > deadline) throw new Error(`it does not become so: ${String(so)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export const logIn = 'USER mario\r\nPASS secret\r\n'
