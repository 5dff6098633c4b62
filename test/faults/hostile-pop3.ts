import { createHash } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'

/** One message in the maildrop, as it goes over the wire: `octets` ends with CRLF or is given one there. */
export interface RemoteMessage {
  readonly uniqueId: string
  readonly octets: Buffer
}

/** How the server misbehaves; an empty one does not. Message-numbers count from 1. */
export interface Hostility {
  /** Drops the connection after so many octets of the reply to `RETR number`; `reset`: with a TCP reset. */
  readonly drop?: { readonly number: number; readonly after: number; readonly reset?: boolean }
  /** Says nothing more at this command (`CONNECT`: no greeting; `RETR-MIDDLE`: in the middle of a message). */
  readonly hang?: string
  /** The size that LIST gives for a message. */
  readonly listedSize?: (number: number, real: number) => number
  /** The unique-id that UIDL gives for a message. */
  readonly uniqueId?: (number: number, own: string) => string
  /** Commands that it does not know. */
  readonly unknown?: readonly string[]
  /** Answers -ERR to `RETR number`, so many times. */
  readonly refuse?: { readonly number: number; times: number; readonly reply?: string }
  /** What it answers instead to a command, without doing it. */
  readonly instead?: Readonly<Record<string, string>>
  /** Sends the last octets of each message one by one, each in its own packet. */
  readonly splitTerminator?: boolean
  /** Sends everything in pieces of so many octets. */
  readonly pieces?: number
  /** Does not stuff dots. */
  readonly unstuffed?: boolean
  /** Sends a banner that never ends, up to a gigabyte. */
  readonly endlessBanner?: boolean
  /** Sends a message that never ends, up to a gigabyte. */
  readonly endlessLine?: boolean
  readonly greeting?: string
  readonly capabilities?: readonly string[]
  /** TLS by STLS: key and certificate; `injected` is sent in clear together with its +OK. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly injected?: string }
  /** Waits so long (milliseconds) before each reply. */
  readonly slowness?: number
  /** Tells what happens as it happens. */
  readonly onStep?: (step: Step) => void
}

/** One thing that happened at the server, in the order of time. */
export interface Step {
  readonly session: number
  readonly what: 'connect' | 'command' | 'sent' | 'committed' | 'closed'
  /** The command's words, or for `sent` and `committed` the message's unique-id. */
  readonly text: string
  /** Of the octets of the message that `sent`, `committed` or a DELE command is about. */
  readonly hash?: string
}

export function hashOf(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex')
}

/**
 * A POP3 server that breaks the rules on purpose, and keeps a diary. It shares no code with Postino. Its maildrop changes as a
 * real one does: messages marked by DELE go away when the session comes to QUIT.
 */
export class HostilePop3 {
  hostility: Hostility = {}
  messages: RemoteMessage[]
  readonly steps: Step[] = []
  /** Octets written to all sessions. */
  sent = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #sessions = 0
  #open = 0

  private constructor(messages: readonly RemoteMessage[]) {
    this.messages = [...messages]
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket))
      const session = new Session(this, socket, ++this.#sessions)
      this.#open++
      session
        .run()
        .catch(() => socket.destroy())
        .finally(() => this.#open--)
    })
  }

  static async start(messages: readonly RemoteMessage[], hostility: Hostility = {}): Promise<HostilePop3> {
    const server = new HostilePop3(messages)
    server.hostility = hostility
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The commands of all sessions, or one, in order. */
  commands(session?: number): string[] {
    return this.steps
      .filter((step) => step.what === 'command' && (session === undefined || step.session === session))
      .map((step) => step.text)
  }

  /** The messages deleted in a session that came to QUIT, by their octets. */
  committed(): Step[] {
    return this.steps.filter((step) => step.what === 'committed')
  }

  note(step: Step): void {
    this.steps.push(step)
    this.hostility.onStep?.(step)
  }

  /** Resolves when no session is open. */
  async idle(): Promise<void> {
    while (this.#sockets.size > 0 || this.#open > 0) await sleep(2)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

class Hung extends Error {}

class Session {
  readonly #server: HostilePop3
  readonly #number: number
  /** As they are when the session begins. */
  readonly #messages: readonly RemoteMessage[]
  readonly #deleted = new Set<number>()
  #socket: Socket
  #input = ''
  #wake: (() => void) | undefined
  #ended = false
  #loggedIn = false
  readonly #onData = (chunk: Buffer): void => {
    this.#input += chunk.toString('latin1')
    this.#wake?.()
  }
  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake?.()
  }

  constructor(server: HostilePop3, socket: Socket, number: number) {
    this.#server = server
    this.#socket = socket
    this.#number = number
    this.#messages = [...server.messages]
    socket.setNoDelay(true)
    this.#attach()
  }

  #attach(): void {
    this.#socket.on('data', this.#onData).on('close', this.#onEnd).on('error', this.#onEnd).on('end', this.#onEnd)
  }

  async run(): Promise<void> {
    try {
      this.#note('connect', '')
      const { endlessBanner, greeting } = this.#server.hostility
      this.#mayHang('CONNECT')
      if (endlessBanner === true) return await this.#endless('+OK ')
      await this.#send(`${greeting ?? '+OK hostile'}\r\n`)
      for (let line = await this.#line(); line !== undefined; line = await this.#line()) {
        this.#noteCommand(line)
        const { slowness } = this.#server.hostility
        if (slowness !== undefined) await sleep(slowness)
        if (await this.#answer(line)) break
      }
      this.#socket.end()
    } catch (error) {
      if (!(error instanceof Hung)) this.#socket.destroy()
    } finally {
      this.#note('closed', '')
    }
  }

  #note(what: Step['what'], text: string, octets?: Buffer): void {
    const hash = octets === undefined ? {} : { hash: hashOf(octets) }
    this.#server.note({ session: this.#number, what, text, ...hash })
  }

  #noteCommand(line: string): void {
    const [verb = '', number = ''] = line.split(' ')
    const hidden = verb.toUpperCase() === 'PASS' ? 'PASS ***' : line
    this.#note(
      'command',
      hidden,
      verb.toUpperCase() === 'DELE' ? this.#messages[Number(number) - 1]?.octets : undefined,
    )
  }

  #mayHang(at: string): void {
    if (this.#server.hostility.hang === at) throw new Hung()
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#input.indexOf('\r\n')
      if (end !== -1) {
        const line = this.#input.slice(0, end)
        this.#input = this.#input.slice(end + 2)
        return line
      }
      if (this.#ended) return undefined
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async #send(reply: string | Buffer): Promise<void> {
    const octets = typeof reply === 'string' ? Buffer.from(reply, 'latin1') : reply
    const { pieces } = this.#server.hostility
    for (let at = 0; at < octets.length; at += pieces ?? octets.length) {
      await this.#write(octets.subarray(at, at + (pieces ?? octets.length)))
    }
  }

  #write(octets: Buffer): Promise<void> {
    if (this.#ended || this.#socket.destroyed) throw new Error('gone')
    this.#server.sent += octets.length
    return new Promise((resolve, reject) => {
      this.#socket.write(octets, (error) => (error instanceof Error ? reject(error) : setImmediate(resolve)))
    })
  }

  async #endless(start: string): Promise<void> {
    await this.#write(Buffer.from(start))
    const chunk = Buffer.alloc(1 << 16, 'x')
    for (let sent = 0; sent < 2 ** 30; sent += chunk.length) await this.#write(chunk)
  }

  /** True: the session is over. */
  async #answer(line: string): Promise<boolean> {
    const [word = '', argument = '', second] = line.split(' ')
    const verb = word.toUpperCase()
    const { hostility } = this.#server
    this.#mayHang(verb)
    const instead = hostility.instead?.[verb]
    if (instead !== undefined) {
      await this.#send(instead)
      return verb === 'QUIT'
    }
    if (hostility.unknown?.includes(verb) === true) {
      await this.#send('-ERR unknown command\r\n')
      return false
    }
    if (!this.#loggedIn && !['CAPA', 'USER', 'PASS', 'AUTH', 'STLS', 'QUIT'].includes(verb)) {
      await this.#send('-ERR log in first\r\n')
      return false
    }
    switch (verb) {
      case 'CAPA':
        await this.#send(
          ['+OK', ...(hostility.capabilities ?? ['USER', 'UIDL', 'TOP', 'PIPELINING']), '.', ''].join('\r\n'),
        )
        return false
      case 'STLS':
        await this.#startTls()
        return false
      case 'USER':
        await this.#send('+OK\r\n')
        return false
      case 'PASS':
        this.#loggedIn = true
        await this.#send('+OK logged in\r\n')
        return false
      case 'STAT':
        await this.#send(
          `+OK ${this.#messages.length} ${this.#messages.reduce((sum, each) => sum + each.octets.length, 0)}\r\n`,
        )
        return false
      case 'LIST':
      case 'UIDL':
        await this.#list(verb, argument)
        return false
      case 'RETR':
        await this.#retrieve(Number(argument))
        return false
      case 'DELE':
        this.#deleted.add(Number(argument))
        await this.#send('+OK\r\n')
        return false
      case 'NOOP':
        await this.#send('+OK\r\n')
        return false
      case 'RSET':
        this.#deleted.clear()
        await this.#send('+OK\r\n')
        return false
      case 'QUIT':
        this.#commit()
        await this.#send('+OK bye\r\n')
        return true
      default:
        await this.#send(`-ERR ${verb} ${second ?? ''}\r\n`)
        return false
    }
  }

  /** What QUIT does in the UPDATE state. */
  #commit(): void {
    for (const number of this.#deleted) {
      const message = this.#messages[number - 1]
      if (message === undefined) continue
      this.#server.messages = this.#server.messages.filter((each) => each !== message)
      this.#note('committed', message.uniqueId, message.octets)
    }
  }

  async #list(verb: 'LIST' | 'UIDL', argument: string): Promise<void> {
    const { listedSize, uniqueId } = this.#server.hostility
    const entry = (number: number, { octets, uniqueId: own }: RemoteMessage): string =>
      verb === 'LIST'
        ? `${number} ${listedSize?.(number, octets.length) ?? octets.length}`
        : `${number} ${uniqueId?.(number, own) ?? own}`
    if (argument !== '') {
      const message = this.#messages[Number(argument) - 1]
      await this.#send(
        message === undefined ? '-ERR no such message\r\n' : `+OK ${entry(Number(argument), message)}\r\n`,
      )
      return
    }
    const lines = this.#messages.map((message, index) => `${entry(index + 1, message)}\r\n`)
    await this.#send(`+OK\r\n${lines.join('')}.\r\n`)
  }

  async #retrieve(number: number): Promise<void> {
    const { drop, refuse, splitTerminator, unstuffed, endlessLine } = this.#server.hostility
    const message = this.#messages[number - 1]
    if (message === undefined || this.#deleted.has(number)) return this.#send('-ERR no such message\r\n')
    if (refuse?.number === number && refuse.times > 0) {
      refuse.times--
      return this.#send(refuse.reply ?? '-ERR cannot read it\r\n')
    }
    if (endlessLine === true) return this.#endless('+OK\r\n')
    const stuffed =
      unstuffed === true
        ? message.octets.toString('latin1')
        : message.octets.toString('latin1').replace(/^\.|(?<=\r\n)\./g, '..')
    const body = Buffer.from(
      `+OK\r\n${stuffed}${stuffed === '' || stuffed.endsWith('\r\n') ? '' : '\r\n'}.\r\n`,
      'latin1',
    )
    if (this.#server.hostility.hang === 'RETR-MIDDLE') {
      await this.#send(body.subarray(0, body.length >> 1))
      throw new Hung()
    }
    if (drop?.number === number) {
      await this.#write(body.subarray(0, drop.after))
      // What was written before a reset may be lost on its way, which is the point of one.
      if (drop.reset === true) this.#socket.resetAndDestroy()
      else this.#socket.destroy()
      throw new Error('dropped')
    }
    if (splitTerminator === true) {
      const start = Math.max(body.length - 8, 0)
      await this.#write(body.subarray(0, start))
      for (let at = start; at < body.length; at++) {
        await this.#write(body.subarray(at, at + 1))
        await sleep(1)
      }
    } else {
      await this.#send(body)
    }
    this.#note('sent', message.uniqueId, message.octets)
  }

  async #startTls(): Promise<void> {
    const { tls } = this.#server.hostility
    if (tls === undefined) return this.#send('-ERR no TLS here\r\n')
    // The octets go out first, as one packet; only then the handshake is awaited.
    this.#socket.off('data', this.#onData).off('close', this.#onEnd).off('error', this.#onEnd).off('end', this.#onEnd)
    await this.#write(Buffer.from(`+OK begin\r\n${tls.injected ?? ''}`, 'latin1'))
    const secure = new TLSSocket(this.#socket, { isServer: true, key: tls.key, cert: tls.cert })
    secure.on('error', () => this.#onEnd())
    this.#socket = secure
    this.#input = ''
    this.#attach()
  }
}
