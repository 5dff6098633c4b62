import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { ImapAnswers } from './hostile-imap-answers.ts'
import { saysNothingMore } from './silence.ts'

export interface ImapMessage {
  readonly uid: number
  readonly octets: Buffer
  flags: string[]
  /** INTERNALDATE as it is said. */
  readonly date: string
  modseq: number
  readonly emailId?: string
  labels?: string[]
}

export interface ImapBox {
  name: string
  uidValidity: number
  uidNext: number
  messages: ImapMessage[]
  /** `\Sent`, `\Noselect`… */
  readonly attributes: readonly string[]
  readonly id?: string
}

/** How the server misbehaves; an empty one does not. */
export interface ImapHostility {
  /** What it can, instead of the usual. */
  readonly capabilities?: readonly string[]
  readonly greeting?: string
  /** What it answers instead to a command (its first word, after UID), tagged, without doing it. */
  readonly instead?: Readonly<Record<string, string>>
  /** Says nothing more at this command (`CONNECT`: no greeting; `BODY`: in the middle of a message). */
  readonly hang?: string
  /** Drops the connection when so many octets of the message with this UID have gone. */
  readonly drop?: { readonly uid: number; readonly after: number }
  /** Refuses to give messages: the FETCH that asks for them gives the others, and ends with NO. */
  readonly refuse?: readonly number[]
  /** After so many messages it wants to be left alone for a moment, once. */
  readonly throttle?: { after: number; times: number }
  /** Mailboxes that cannot be opened. */
  readonly closed?: readonly string[]
  /** Leaves these out of what it gives, without a word. */
  readonly omit?: readonly number[]
  readonly size?: (uid: number, real: number) => number
  /** Gives messages as literal8 (RFC 3516). */
  readonly literal8?: boolean
  /** Gives what goes into one as a quoted string. */
  readonly quoted?: boolean
  /** Sends everything in pieces of so many octets. */
  readonly pieces?: number
  /** An octet every so many milliseconds within messages. */
  readonly drip?: number
  /** Sends this untagged line before the answer to a command. */
  readonly untagged?: Readonly<Record<string, string>>
  readonly tls?: { readonly key: string; readonly cert: string; readonly injected?: string }
  /** Tokens and passwords that it takes. */
  readonly secrets?: readonly string[]
  readonly delimiter?: string
  readonly prefix?: string
  readonly quota?: { readonly used: number; readonly limit: number }
  readonly onCommand?: (line: string) => void
}

/**
 * An IMAP server in memory that breaks the rules on purpose, and keeps a diary. It shares no code with Postino. It knows what a
 * fetching client needs, Gmail's X-GM-EXT-1 too.
 */
export class HostileImap {
  hostility: ImapHostility = {}
  readonly boxes: Map<string, ImapBox> = new Map()
  /** The commands of all sessions, in order. */
  readonly commands: string[] = []
  modseq = 1
  readonly sockets: Set<Socket> = new Set()
  readonly #server: Server
  #idling = new Set<(line: string) => void>()

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket))
      new ImapSession(this, socket).run().catch(() => socket.destroy())
    })
  }

  static async start(hostility: ImapHostility = {}): Promise<HostileImap> {
    const server = new HostileImap()
    server.hostility = hostility
    server.box('INBOX')
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The mailbox of that name, made if it is not there. */
  box(name: string, attributes: readonly string[] = [], id?: string): ImapBox {
    const known = this.boxes.get(name)
    if (known !== undefined) return known
    const uidValidity = 1000 + this.boxes.size
    const box: ImapBox = { name, uidValidity, uidNext: 1, messages: [], attributes, ...(id !== undefined && { id }) }
    this.boxes.set(name, box)
    return box
  }

  /** Puts a message in; gives its UID. */
  put(name: string, octets: Buffer | string, more: Partial<Omit<ImapMessage, 'uid' | 'octets'>> = {}): number {
    const box = this.box(name)
    const uid = box.uidNext++
    box.messages.push({
      uid,
      octets: Buffer.isBuffer(octets) ? octets : Buffer.from(octets, 'latin1'),
      flags: [],
      date: '17-Jul-2024 02:44:25 +0200',
      ...more,
      modseq: ++this.modseq,
    })
    this.tell(`* ${box.messages.length} EXISTS`)
    return uid
  }

  setFlags(name: string, uid: number, flags: string[]): void {
    const box = this.box(name)
    const place = box.messages.findIndex((one) => one.uid === uid)
    const message = box.messages[place]
    if (message === undefined) throw new Error(`no message ${uid}`)
    message.flags = flags
    message.modseq = ++this.modseq
    this.tell(`* ${place + 1} FETCH (UID ${uid} FLAGS (${flags.join(' ')}))`)
  }

  /** Takes messages out of a mailbox. */
  expunge(name: string, uids: readonly number[]): void {
    const box = this.box(name)
    box.messages = box.messages.filter(({ uid }) => !uids.includes(uid))
    this.modseq++
  }

  /** Moves messages as MOVE does: they get new UIDs. */
  move(from: string, uids: readonly number[], to: string): void {
    for (const message of this.box(from).messages.filter(({ uid }) => uids.includes(uid))) {
      const { uid: _, octets, ...more } = message
      this.put(to, octets, more)
    }
    this.expunge(from, uids)
  }

  /** Gives a mailbox new numbers, as after the server's index was lost. */
  renumber(name: string, uidValidity: number): void {
    const box = this.box(name)
    box.uidValidity = uidValidity
    box.messages = box.messages.map((message, place) => ({ ...message, uid: 100 + place, modseq: ++this.modseq }))
    box.uidNext = 100 + box.messages.length
  }

  /** Says a line to all who idle. */
  tell(line: string): void {
    for (const say of this.#idling) say(line)
  }

  idle(say: (line: string) => void): () => void {
    this.#idling.add(say)
    return () => this.#idling.delete(say)
  }

  get idlers(): number {
    return this.#idling.size
  }

  /** Commands that begin so, without their tags. */
  said(start: string): string[] {
    return this.commands.filter((line) => line.startsWith(start))
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** One connection: lines in, answers out. */
class ImapSession {
  readonly #server: HostileImap
  #socket: Socket
  #input = ''
  #ended = false
  #wake: (() => void) | undefined

  constructor(server: HostileImap, socket: Socket) {
    this.#server = server
    this.#socket = socket
    this.#listen()
  }

  async run(): Promise<void> {
    const { hostility } = this.#server
    if (hostility.hang === 'CONNECT') return void saysNothingMore(this.#socket)
    await this.#send(`${hostility.greeting ?? '* OK ready'}\r\n`)
    const answers = new ImapAnswers(this.#server, {
      send: (text) => this.#send(text),
      line: () => this.#line(),
      drop: () => this.#socket.destroy(),
      hang: () => {
        saysNothingMore(this.#socket)
        return new Promise(() => undefined)
      },
      secure: () => this.#secure(),
    })
    for (let line = await this.#line(); line !== undefined; line = await this.#line()) {
      if (!(await answers.answer(line))) break
    }
    this.#socket.end()
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('data', (octets: Buffer) => {
      this.#input += octets.toString('latin1')
      this.#wake?.()
    })
    socket
      .on('error', () => undefined)
      .on('close', () => {
        if (socket !== this.#socket) return
        this.#ended = true
        this.#wake?.()
      })
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

  async #send(text: string | Buffer): Promise<void> {
    const { pieces } = this.#server.hostility
    const octets = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1')
    if (pieces === undefined) {
      if (!this.#socket.write(octets))
        await new Promise((resolve) => this.#socket.once('drain', resolve).once('close', resolve))
      return
    }
    for (let at = 0; at < octets.length && !this.#ended; at += pieces) {
      this.#socket.write(octets.subarray(at, at + pieces))
      await sleep(0)
    }
  }

  async #secure(): Promise<void> {
    const { tls } = this.#server.hostility
    if (tls === undefined) return
    const plain = this.#socket
    plain.removeAllListeners('data')
    this.#socket = new TLSSocket(plain, { isServer: true, key: tls.key, cert: tls.cert })
    this.#input = ''
    this.#listen()
    await new Promise((resolve) => this.#socket.once('secure', resolve).once('close', resolve))
  }
}
