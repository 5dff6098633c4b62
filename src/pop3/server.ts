import { MisuseError } from '../errors.ts'
import { pop3Code, type Reason } from '../reasons.ts'
import { readPlainMessage } from '../sasl/plain.ts'
import { DotWriter } from '../wire/dot-writer.ts'
import type { FindDotLine } from '../wire/find-dot-line.ts'
import { Gather } from '../wire/gather.ts'
import { Maildrop, type MaildropMessage } from './maildrop.ts'
import type { CloseReason, Credentials, Need } from './need.ts'
import { parseCommand, type State, type Verb } from './rules.ts'
import { ServerInput } from './server-input.ts'
import { TopCutter } from './top.ts'

export interface ServerOptions {
  /** TLS is there already. */
  readonly secure?: boolean
  /** STLS may be asked for. */
  readonly stls?: boolean
  /** A password may come in the clear. */
  readonly clearLogin?: boolean
  /** Offers APOP with this timestamp, which must differ each time (RFC 1939 §7): `<unique@host>`. */
  readonly timestamp?: string
  /** What CAPA says of IMPLEMENTATION. */
  readonly implementation?: string
  readonly find?: FindDotLine
}

/** So many commands in a row may be wrong, and so many log-ins. */
const wrongLimit = 10
const failureLimit = 5
/** No further command is begun while so many octets wait to be written. */
const enoughOut = 128 << 10

const nothingRemoved: ReadonlySet<number> = new Set()
const crammed = /[^\x20-\x7e]/g

/**
 * The server's side of POP3 (RFC 1939, 2449, 2595, 3206, 5034), without a socket: octets in; needs, and octets to `take`, out.
 *
 * ```ts
 * server.receive(octets)
 * for (let need; (need = server.next()); ) … // do it, answer it; until undefined: then write, and wait for octets
 * ```
 *
 * A need stays the same until it is answered, and commands behind it wait. Nothing that a client sends makes it throw; only
 * the answer to a need that is not open does (MisuseError).
 */
export class Pop3Server {
  readonly #options: ServerOptions
  readonly #input = new ServerInput()
  readonly #out = new Gather()
  readonly #dots: DotWriter
  #state: State = 'AUTHORIZATION'
  #secure: boolean
  /** From USER to the PASS that must follow at once. */
  #name: string | undefined
  /** Whether AUTH waits for its response. */
  #asked = false
  #maildrop: Maildrop = new Maildrop<MaildropMessage>([])
  #removed = new Set<number>()
  #removedOctets = 0
  #need: Need | undefined
  /** Of the message being sent: whether its +OK is out, and what cuts it short. */
  #begun = false
  #top: TopCutter | undefined
  #wrong = 0
  #failures = 0

  constructor(options: ServerOptions = {}) {
    this.#options = options
    this.#secure = options.secure ?? false
    this.#dots = new DotWriter(options.find)
    // RFC 1939 §4. RFC 2449 §3: no "<" but that of a timestamp.
    this.#ok(options.timestamp === undefined ? 'Postino ready' : `Postino ready ${options.timestamp}`)
  }

  get state(): State {
    return this.#state
  }

  get secure(): boolean {
    return this.#secure
  }

  /** Whether it will take more octets; while not, a door must stop reading. */
  get wants(): boolean {
    return this.#input.roomy
  }

  /** How many octets wait to be written. */
  get waiting(): number {
    return this.#out.size
  }

  /** Takes octets from the client. */
  receive(octets: Uint8Array): void {
    // RFC 2595 §4 and §10: what comes in the clear behind STLS is not from the client we will then know.
    if (this.#need?.kind === 'handshake' || this.#need?.kind === 'close') return
    this.#input.add(octets)
  }

  /** What waits to be written, in order; it stays as it is until `written`. */
  take(): Uint8Array[] {
    return this.#out.take()
  }

  /** What was taken is written, and its memory may be used again. */
  written(): void {
    this.#out.reuse()
  }

  /** What it needs now; undefined when it needs nothing but more octets. */
  next(): Need | undefined {
    while (this.#need === undefined) {
      if (this.#out.size >= enoughOut) return { kind: 'write' }
      const line = this.#input.next()
      if (line === undefined) {
        if (!this.#input.endless) return undefined
        this.#err('the line has no end')
        this.#close('endless line')
      } else if (this.#asked) this.#respond(line)
      else this.#command(line)
    }
    return this.#need
  }

  /** Answers `log-in`: it is them, and the maildrop is locked. */
  loggedIn(maildrop: Maildrop): void {
    this.#answer('log-in')
    this.#state = 'TRANSACTION'
    this.#maildrop = maildrop
    this.#failures = 0
    this.#ok(`maildrop has ${this.#count()}`)
  }

  /** Answers `log-in` or `update`: no. The text is for a person. */
  refuse(reason: Reason, text: string): void {
    const need = this.#answer('log-in', 'update')
    this.#err(text, reason)
    // RFC 1939 §6: whether or not the update succeeded, the connection is closed.
    if (need.kind === 'update') this.#close('quit')
    else if (reason === 'bad-login' && ++this.#failures >= failureLimit) this.#close('failed log-ins')
  }

  /** Gives octets of the message that `read` asked for, which are copied. False: no more are wanted, only `messageEnd`. */
  message(octets: Uint8Array): boolean {
    if (this.#need?.kind !== 'read') this.#answer('read')
    if (!this.#begun) this.#begin()
    if (this.#top === undefined) {
      this.#dots.write(octets)
      return true
    }
    if (!this.#top.enough) this.#dots.write(this.#top.cut(octets))
    return !this.#top.enough
  }

  /** That was the whole message. */
  messageEnd(): void {
    if (!this.#begun && this.#need?.kind === 'read') this.#begin()
    this.#answer('read')
    this.#dots.end()
  }

  /** The message cannot be read, or not to its end. */
  messageFailed(reason: Reason, text: string): void {
    this.#answer('read')
    if (!this.#begun) this.#err(text, reason)
    // A "." would say that what went out is the whole message.
    else this.#close('unreadable message')
  }

  /** Answers `update`: it is done. */
  updated(): void {
    this.#answer('update')
    this.#ok(this.#removed.size === 0 ? 'bye' : `bye, ${messages(this.#removed.size)} removed`)
    this.#close('quit')
  }

  /** Answers `handshake`: it is done. */
  secured(): void {
    this.#answer('handshake')
    this.#secure = true
  }

  #command(line: string): void {
    const name = this.#name
    this.#name = undefined
    const command = parseCommand(line, this.#state)
    if (command.wrong !== undefined) {
      this.#err(command.wrong)
      if (++this.#wrong >= wrongLimit) this.#close('bad commands')
      return
    }
    this.#wrong = 0
    const [word = '', more] = command.words
    this.#run(command.verb, word, more, name)
  }

  #run(verb: Verb, word: string, more: string | undefined, name: string | undefined): void {
    switch (verb) {
      case 'RETR':
        return this.#read(word, undefined)
      case 'TOP':
        // RFC 1939 §7: a non-negative number of lines; more than there are is the whole message.
        return /^\d+$/.test(more ?? '')
          ? this.#read(word, Number(more))
          : this.#err('the number of lines is no whole number')
      case 'DELE':
        return this.#delete(word)
      case 'LIST':
      case 'UIDL':
        return word === '' ? this.#listAll(verb) : this.#listOne(verb, word)
      case 'STAT':
        // RFC 1939 §5: messages marked as deleted are in neither total.
        return this.#ok(
          `${this.#maildrop.messages.length - this.#removed.size} ${this.#maildrop.octets - this.#removedOctets}`,
        )
      case 'NOOP':
        return this.#ok('')
      case 'RSET':
        this.#removed = new Set()
        this.#removedOctets = 0
        return this.#ok(`maildrop has ${this.#count()}`)
      case 'QUIT':
        return this.#quit()
      case 'CAPA':
        return this.#capabilities()
      case 'USER':
        if (!this.#mayLogIn()) return this.#onlyWithTls()
        this.#name = word
        // RFC 1939 §7: yes to every name, so that nobody learns which are there.
        return this.#ok('now the password')
      case 'PASS':
        // RFC 1939 §7: only immediately after a successful USER.
        return name === undefined ? this.#err('USER must come just before PASS') : this.#logIn(name, word)
      case 'APOP':
        return this.#apop(word, more ?? '')
      case 'AUTH':
        return this.#authenticate(word, more)
      case 'STLS':
        return this.#startTls()
    }
  }

  /** The one way from a word of the client to a message: its number, or why there is none. */
  #message(word: string): number | string {
    if (!/^\d+$/.test(word)) return 'a message-number is a whole number from 1'
    const number = Number(word)
    const { length } = this.#maildrop.messages
    if (number < 1 || number > length) return `no such message, the maildrop has ${messages(length)}`
    // RFC 1939 §5, DELE: any later use of the number is an error, DELE's own too.
    return this.#removed.has(number) ? `message ${number} is marked as deleted` : number
  }

  #read(word: string, lines: number | undefined): void {
    const number = this.#message(word)
    if (typeof number === 'string') return this.#err(number)
    const ends = this.#maildrop.messages[number - 1]?.lineEnds ?? 'crlf'
    this.#dots.begin(this.#out, ends)
    this.#top = lines === undefined ? undefined : new TopCutter(lines, ends)
    this.#begun = false
    this.#need = { kind: 'read', number, top: lines !== undefined }
  }

  #begin(): void {
    this.#begun = true
    const number = this.#need?.kind === 'read' ? this.#need.number : 0
    this.#ok(this.#top === undefined ? `${this.#octets(number)} octets` : 'the top of it follows')
  }

  #delete(word: string): void {
    const number = this.#message(word)
    if (typeof number === 'string') return this.#err(number)
    this.#removed.add(number)
    this.#removedOctets += this.#octets(number)
    this.#ok(`message ${number} marked as deleted`)
  }

  #listAll(verb: 'LIST' | 'UIDL'): void {
    this.#ok(this.#count())
    this.#out.octets(this.#maildrop.listing(verb, this.#removed.size === 0 ? nothingRemoved : this.#removed))
  }

  #listOne(verb: 'LIST' | 'UIDL', word: string): void {
    const number = this.#message(word)
    if (typeof number === 'string') return this.#err(number)
    const message = this.#maildrop.messages[number - 1]
    this.#ok(`${number} ${verb === 'LIST' ? message?.octets : message?.uniqueId}`)
  }

  #quit(): void {
    if (this.#state === 'AUTHORIZATION') {
      this.#ok('bye')
      return this.#close('quit')
    }
    this.#state = 'UPDATE'
    this.#need = { kind: 'update', removed: [...this.#removed].toSorted((a, b) => a - b) }
  }

  #capabilities(): void {
    const { implementation, stls } = this.#options
    // RFC 2449 §5: what can be used before the log-in is told in both states; RFC 2595 §4: STLS only where it is permitted.
    const lines = [
      '+OK what this server can do',
      'TOP',
      'UIDL',
      'RESP-CODES',
      'AUTH-RESP-CODE',
      'PIPELINING',
      'EXPIRE NEVER',
    ]
    if (this.#mayLogIn()) lines.push('USER', 'SASL PLAIN')
    if (stls && !this.#secure && this.#state === 'AUTHORIZATION') lines.push('STLS')
    lines.push(`IMPLEMENTATION ${implementation ?? 'Postino'}`, '.', '')
    this.#out.text(lines.join('\r\n'))
  }

  #mayLogIn(): boolean {
    return this.#secure || this.#options.clearLogin === true
  }

  #onlyWithTls(): void {
    // RFC 3206 §4: the same credentials cannot succeed this way.
    this.#err(
      this.#options.stls ? 'no password in the clear: use TLS (STLS)' : 'no password in the clear: use TLS',
      'bad-login',
    )
  }

  #apop(login: string, digest: string): void {
    const { timestamp } = this.#options
    if (timestamp === undefined) return this.#err('APOP is not offered here')
    this.#need = { kind: 'log-in', credentials: { by: 'apop', login, timestamp, digest } }
  }

  #authenticate(mechanism: string, response: string | undefined): void {
    if (mechanism.toUpperCase() !== 'PLAIN') return this.#err('the one SASL mechanism here is PLAIN')
    if (!this.#mayLogIn()) return this.#onlyWithTls()
    // RFC 5034 §4: "=" is an initial response of no octets.
    if (response !== undefined) return this.#plain(response === '=' ? '' : response)
    this.#asked = true
    this.#out.text('+ \r\n')
  }

  /** The line that answers "+ " (RFC 5034 §4). */
  #respond(line: string): void {
    this.#asked = false
    if (line === '*') this.#err('AUTH cancelled')
    else this.#plain(line)
  }

  #plain(response: string): void {
    const credentials = readPlainMessage(response)
    if (credentials === undefined) return this.#err('this is no response of PLAIN in base64')
    const { actFor, login, password } = credentials
    // RFC 4616 §2: acting for somebody else would need a right that nobody has here.
    if (actFor === '' || actFor === login) this.#logIn(login, password)
    else this.#err('nobody may log in for somebody else here', 'bad-login')
  }

  #logIn(login: string, password: string): void {
    const credentials: Credentials = { by: 'password', login, password }
    this.#need = { kind: 'log-in', credentials }
  }

  #startTls(): void {
    if (this.#secure) return this.#err('TLS is active already')
    if (this.#options.stls !== true) return this.#err('STLS is not offered here')
    this.#ok('begin the TLS handshake')
    // RFC 2595 §4: a client waits for the answer; whatever came along with the command is thrown away.
    this.#input.clear()
    this.#need = { kind: 'handshake' }
  }

  #octets(number: number): number {
    return this.#maildrop.messages[number - 1]?.octets ?? 0
  }

  #count(): string {
    const { messages: all, octets } = this.#maildrop
    return `${messages(all.length - this.#removed.size)} (${octets - this.#removedOctets} octets)`
  }

  #ok(text: string): void {
    this.#out.text(text === '' ? '+OK\r\n' : `+OK ${text}\r\n`)
  }

  #err(text: string, reason: Reason = 'no'): void {
    const code = pop3Code[reason]
    // RFC 2449 §3: ASCII, at most 512 octets a line; "[" begins a response code and nothing else.
    const plain = text.replace(crammed, '?').slice(0, 400)
    this.#out.text(code === '' ? `-ERR ${plain.replaceAll('[', '(')}\r\n` : `-ERR ${code} ${plain}\r\n`)
  }

  #close(why: CloseReason): void {
    this.#state = 'UPDATE'
    this.#input.clear()
    this.#need = { kind: 'close', why }
  }

  /** The open need, which is now answered. */
  #answer(...kinds: Need['kind'][]): Need {
    const need = this.#need
    if (need === undefined || !kinds.includes(need.kind)) {
      throw new MisuseError('state', `no need of this kind is open: ${kinds.join(' or ')}`)
    }
    this.#need = undefined
    return need
  }
}

function messages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`
}
