import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A message as the mailbox has it. */
export interface Kept {
  readonly uid: number
  readonly flags: readonly string[]
  /** As APPEND gave it. */
  readonly date: string
  readonly octets: Buffer
}

/** What becomes of one APPEND. */
export type Fate =
  | 'take'
  /** It is stored, and the connection ends without an answer. */
  | 'store-and-drop'
  /** The same, but it is stored so long (milliseconds) after the connection has ended. */
  | { readonly storeLate: number }
  /** The connection ends behind the literal, and nothing is stored. */
  | 'drop'
  /** The connection ends within the literal, after so many octets. */
  | { readonly dropAfter: number }
  /** It is not taken; `before` the literal, where that is asked for. */
  | { readonly no: string; readonly before?: boolean }
  | 'hang'

/** How the server is. */
export interface Manners {
  readonly capabilities?: string
  readonly greeting?: string
  /** By the number of the APPEND, from 1, over all sessions, and its octets as far as they have come. */
  fate?(number: number, octets: Buffer): Fate
  /** What it makes of a message's octets when it stores them. */
  alter?(octets: Buffer): Buffer
  /** What it answers instead to a command, by its first word; `drop`: it goes; `hang`: nothing. */
  readonly instead?: Readonly<Record<string, string>>
  /** Ends each session after so many APPENDs, with a BYE. */
  readonly perSession?: number
  /** Says no APPENDUID. */
  readonly withoutUidPlus?: boolean
  /** Keeps nothing of a message, so that it may be large. */
  readonly forgetful?: boolean
}

const usual = 'IMAP4rev1 LITERAL+ UIDPLUS SASL-IR AUTH=PLAIN BINARY'

/** An IMAP server with one mailbox, that breaks off where it is told to. It shares no code with Postino. */
export class ImapTarget {
  manners: Manners = {}
  messages: Kept[] = []
  uidValidity = 1
  uidNext = 1
  /** Whether the mailbox is there. */
  exists = true
  appends = 0
  sessions = 0
  /** The commands that came, with their arguments. */
  readonly commands: string[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #late: Promise<unknown>[] = []
  #port = 0

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.on('error', () => undefined).setNoDelay(true)
      this.sessions++
      new Session(this, socket)
    })
  }

  static async start(manners: Manners = {}): Promise<ImapTarget> {
    const target = new ImapTarget()
    target.manners = manners
    await target.up()
    return target
  }

  get port(): number {
    return this.#port
  }

  url(mailbox = 'INBOX'): string {
    return `imap://mario@127.0.0.1:${this.#port}/${mailbox}`
  }

  /** Listens, at the port where it did before. */
  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Ends all sessions and listens no more. */
  async down(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  store(flags: readonly string[], date: string, octets: Buffer): number {
    const uid = this.uidNext++
    const kept = this.manners.forgetful === true ? Buffer.alloc(0) : (this.manners.alter?.(octets) ?? octets)
    this.messages.push({ uid, flags, date, octets: kept })
    return uid
  }

  /** Stores after so long (milliseconds). */
  storeLater(after: number, flags: readonly string[], date: string, octets: Buffer): void {
    this.#late.push(sleep(after).then(() => this.store(flags, date, octets)))
  }

  /** Resolves when all is stored that is to be stored late. */
  async settled(): Promise<void> {
    await Promise.all(this.#late)
  }

  texts(): string[] {
    return this.messages.map(({ octets }) => octets.toString('latin1'))
  }
}

/** An APPEND whose literal is coming. */
interface Coming {
  readonly tag: string
  readonly flags: readonly string[]
  readonly date: string
  readonly number: number
  left: number
  size: number
  pieces: Buffer[]
}

class Session {
  readonly #target: ImapTarget
  readonly #socket: Socket
  #input: Buffer = Buffer.alloc(0)
  #coming: Coming | undefined
  #authenticating: string | undefined
  #appends = 0
  #deaf = false

  constructor(target: ImapTarget, socket: Socket) {
    this.#target = target
    this.#socket = socket
    socket.on('data', (octets: Buffer) => this.#take(octets))
    socket.on('end', () => socket.end())
    this.#say(target.manners.greeting ?? '* OK here')
  }

  #say(line: string): void {
    this.#socket.write(`${line}\r\n`, 'latin1')
  }

  #take(octets: Buffer): void {
    this.#input = this.#input.length === 0 ? octets : Buffer.concat([this.#input, octets])
    while (this.#input.length > 0 && !this.#deaf) {
      const coming = this.#coming
      if (coming !== undefined && coming.left > 0) {
        const piece = this.#input.subarray(0, coming.left)
        this.#input = this.#input.subarray(piece.length)
        coming.left -= piece.length
        coming.size += piece.length
        if (this.#target.manners.forgetful !== true) coming.pieces.push(piece)
        const fate = this.#fate(coming)
        if (typeof fate === 'object' && 'dropAfter' in fate && coming.size >= fate.dropAfter) return this.#drop()
        continue
      }
      const end = this.#input.indexOf('\r\n')
      if (end < 0) return
      const line = this.#input.toString('latin1', 0, end)
      this.#input = this.#input.subarray(end + 2)
      if (coming !== undefined) this.#appended(coming)
      else this.#command(line)
    }
  }

  #fate({ number, pieces }: Coming): Fate {
    return this.#target.manners.fate?.(number, Buffer.concat(pieces)) ?? 'take'
  }

  #drop(): void {
    this.#deaf = true
    this.#socket.destroy()
  }

  #appended(coming: Coming): void {
    this.#coming = undefined
    const target = this.#target
    const fate = this.#fate(coming)
    const octets = Buffer.concat(coming.pieces)
    if (fate === 'drop' || (typeof fate === 'object' && 'dropAfter' in fate)) return this.#drop()
    if (fate === 'hang') {
      this.#deaf = true
      return
    }
    if (typeof fate === 'object' && 'no' in fate) return this.#say(`${coming.tag} NO ${fate.no}`)
    if (typeof fate === 'object') {
      target.storeLater(fate.storeLate, coming.flags, coming.date, octets)
      return this.#drop()
    }
    const uid = target.store(coming.flags, coming.date, octets)
    if (fate === 'store-and-drop') return this.#drop()
    const code = target.manners.withoutUidPlus === true ? '' : `[APPENDUID ${target.uidValidity} ${uid}] `
    this.#say(`${coming.tag} OK ${code}done`)
    if (++this.#appends === target.manners.perSession) {
      this.#say('* BYE that was enough')
      this.#deaf = true
      this.#socket.end()
    }
  }

  #command(line: string): void {
    const target = this.#target
    if (this.#authenticating !== undefined) return this.#response(line)
    const [, tag = '*', verb = '', rest = ''] = /^(\S+) (\S+) ?(.*)$/.exec(line) ?? []
    target.commands.push(`${verb} ${rest}`.trim())
    const instead = target.manners.instead?.[verb]
    if (instead === 'drop') return this.#drop()
    if (instead === 'hang') return
    if (instead !== undefined) return this.#say(instead.replace('TAG', tag))
    switch (verb) {
      case 'CAPABILITY':
        this.#say(`* CAPABILITY ${target.manners.capabilities ?? usual}`)
        return this.#say(`${tag} OK done`)
      case 'AUTHENTICATE': {
        const [, initial] = rest.split(' ')
        this.#authenticating = tag
        return initial === undefined ? this.#say('+ ') : this.#response(initial)
      }
      case 'LOGIN':
        return this.#say(`${tag} ${rest === '"mario" "secret"' ? 'OK in' : 'NO wrong'}`)
      case 'STATUS':
        if (!target.exists) return this.#say(`${tag} NO [NONEXISTENT] there is none`)
        this.#say(`* STATUS ${rest.replace(/ \(.*/, '')} (UIDVALIDITY ${target.uidValidity} UIDNEXT ${target.uidNext})`)
        return this.#say(`${tag} OK done`)
      case 'CREATE':
        target.exists = true
        return this.#say(`${tag} OK done`)
      case 'EXAMINE':
        this.#say(`* ${target.messages.length} EXISTS`)
        this.#say(`* OK [UIDVALIDITY ${target.uidValidity}] valid`)
        this.#say(`* OK [UIDNEXT ${target.uidNext}] next`)
        return this.#say(`${tag} OK [READ-ONLY] done`)
      case 'UID':
        this.#fetch(rest)
        return this.#say(`${tag} OK done`)
      case 'APPEND':
        return this.#append(tag, rest)
      case 'LOGOUT':
        this.#say('* BYE')
        this.#say(`${tag} OK done`)
        this.#socket.end()
        return undefined
      default:
        return this.#say(`${tag} OK done`)
    }
  }

  /** A response in AUTHENTICATE: PLAIN's, or XOAUTH2's, which is told to be wrong before it is refused. */
  #response(line: string): void {
    const text = Buffer.from(line, 'base64').toString()
    if (text.startsWith('user=') && !text.includes('Bearer fresh')) return this.#say('+ eyJzdGF0dXMiOiI0MDEifQ==')
    const right = text === '\0mario\0secret' || text === 'user=mario\x01auth=Bearer fresh\x01\x01'
    this.#say(`${this.#authenticating} ${right ? 'OK in' : 'NO [AUTHENTICATIONFAILED] wrong'}`)
    this.#authenticating = undefined
  }

  #append(tag: string, rest: string): void {
    const [, flags = '', date = '', size, plus] =
      /^"(?:[^"\\]|\\.)*"(?: \(([^)]*)\))?(?: "([^"]*)")? ~?\{(\d+)(\+?)\}$/.exec(rest) ?? []
    if (size === undefined) return this.#say(`${tag} BAD ${rest}`)
    const number = ++this.#target.appends
    const coming = {
      tag,
      flags: flags.split(' ').filter(Boolean),
      date,
      number,
      left: Number(size),
      size: 0,
      pieces: [],
    }
    const fate = this.#fate(coming)
    if (plus === '') {
      if (typeof fate === 'object' && 'no' in fate && fate.before === true) return this.#say(`${tag} NO ${fate.no}`)
      this.#say('+ go on')
    }
    this.#coming = coming
  }

  /** `FETCH 7:* (INTERNALDATE RFC822.SIZE)` or `FETCH 7 (BODY.PEEK[])`. */
  #fetch(rest: string): void {
    const [, from, to] = /^FETCH (\d+)(:\*)? /.exec(rest) ?? []
    const { messages } = this.#target
    const wanted = messages.filter(({ uid }) => uid === Number(from) || (to !== undefined && uid > Number(from)))
    // RFC 9051 §9: `*` is the last message, also where the other number is greater.
    const last = messages.at(-1)
    if (to !== undefined && wanted.length === 0 && last !== undefined) wanted.push(last)
    for (const { uid, date, octets } of wanted) {
      const place = messages.findIndex((each) => each.uid === uid) + 1
      if (to !== undefined)
        this.#say(`* ${place} FETCH (UID ${uid} INTERNALDATE "${date}" RFC822.SIZE ${octets.length})`)
      else {
        this.#socket.write(`* ${place} FETCH (UID ${uid} BODY[] {${octets.length}}\r\n`)
        this.#socket.write(octets)
        this.#socket.write(')\r\n')
      }
    }
  }
}
