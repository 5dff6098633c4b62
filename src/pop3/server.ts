import { MisuseError } from '../errors.ts'
import type { Reason } from '../reasons.ts'
import type { ChannelBindings } from '../sasl/mechanism.ts'
import type { ScramKeys } from '../sasl/scram.ts'
import { Gather } from '../wire/gather.ts'
import { announce } from './announce.ts'
import { languages } from './languages.ts'
import { LogIn } from './log-in.ts'
import { Maildrop } from './maildrop.ts'
import { MessageReply } from './message-reply.ts'
import type { CloseReason, Need } from './need.ts'
import { Replies } from './replies.ts'
import { CommandReader, type State, type Verb } from './rules.ts'
import { ServerInput } from './server-input.ts'
import type { Policy, ServerOptions } from './server-options.ts'
import type { Say, Texts } from './texts.ts'
import { Transaction, wholeNumber } from './transaction.ts'

export type { Policy, ServerOptions } from './server-options.ts'

/** So many commands in a row may be wrong, and so many log-ins. */
const wrongLimit = 10
const failureLimit = 5
/** No further command is begun, and no more of a listing given, while so many octets wait to be written. */
const enoughOut = 128 << 10

const nobody = new Transaction(Maildrop.of([]))

/**
 * The server's side of POP3 (RFC 1939, 2449, 2595, 3206, 5034, 6856), without a socket: octets in; needs, and octets to `take`, out.
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
  readonly #reader = new CommandReader()
  readonly #out = new Gather()
  readonly #replies: Replies
  readonly #logIn: LogIn
  readonly #message: MessageReply
  #state: State = 'AUTHORIZATION'
  #transaction = nobody
  #policy: Policy | undefined
  #utf8 = false
  #need: Need | undefined
  /** What is left to send of a listing. */
  #listing: Uint8Array | undefined
  #wrong = 0
  #failures = 0

  constructor(options: ServerOptions = {}) {
    this.#options = options
    this.#replies = new Replies(this.#out, options.languages ?? languages)
    this.#logIn = new LogIn(options, this.#replies)
    this.#message = new MessageReply(this.#out, this.#replies, options.find)
    // RFC 1939 §4. RFC 2449 §3: no "<" but that of a timestamp.
    const { ready } = this.#replies.language
    this.#replies.ok(options.timestamp === undefined ? ready : `${ready} ${options.timestamp}`)
  }

  get state(): State {
    return this.#state
  }

  get secure(): boolean {
    return this.#logIn.secure
  }

  /** Whether the client has asked for UTF8: if not, it must not be sent what needs it (RFC 6856 §2.1). */
  get utf8(): boolean {
    return this.#utf8
  }

  /** The language that is spoken. */
  get language(): Texts {
    return this.#replies.language
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
      if (this.#listing !== undefined) {
        this.#listOn(this.#listing)
        continue
      }
      const line = this.#input.next()
      if (line === undefined) {
        if (!this.#input.endless) return undefined
        this.#replies.err((texts) => texts.lineWithoutEnd)
        this.#close('endless line')
      } else if (this.#logIn.asked) this.#respond(line)
      else this.#command(line)
    }
    return this.#need
  }

  /** Answers `log-in`: it is them, and the maildrop is locked. `policy`: what holds for this user. */
  loggedIn(maildrop: Maildrop, policy?: Policy): void {
    this.#answer('log-in')
    this.#logIn.forget()
    this.#state = 'TRANSACTION'
    this.#transaction = new Transaction(maildrop)
    this.#policy = policy
    this.#replies.ok(this.language.maildropHas(maildrop.count, maildrop.octets))
  }

  /** Answers `keys`. */
  keys(keys: ScramKeys): void {
    this.#answer('keys')
    this.#need = this.#logIn.keys(keys)
  }

  /** Answers `log-in`, `keys` or `update`: no, and why, for a person. */
  refuse(reason: Reason, say: Say): void {
    const need = this.#answer('log-in', 'keys', 'update')
    if (need.kind === 'update') {
      this.#replies.err(say, reason)
      // RFC 1939 §6: whether or not the update succeeded, the connection is closed.
      return this.#close('quit')
    }
    if (reason === 'bad-login') this.#failures++
    if (this.#logIn.refused(reason, say)) this.#closeIfFailed()
  }

  /** Gives octets of the message that `read` asked for, which are copied. False: no more are wanted, only `messageEnd`. */
  message(octets: Uint8Array): boolean {
    if (this.#need?.kind !== 'read') this.#answer('read')
    return this.#message.write(octets)
  }

  /** That was the whole message. */
  messageEnd(): void {
    this.#answer('read')
    this.#message.end()
  }

  /** The message cannot be read, or not to its end. */
  messageFailed(reason: Reason, say: Say): void {
    this.#answer('read')
    if (!this.#message.begun) this.#replies.err(say, reason)
    // A "." would say that what went out is the whole message.
    else this.#close('unreadable message')
  }

  /** Answers `update`: it is done. */
  updated(): void {
    this.#answer('update')
    const { size } = this.#transaction.removed
    this.#replies.ok(size === 0 ? this.language.bye : this.language.byeRemoved(size))
    this.#close('quit')
  }

  /** Answers `handshake`: it is done. `bindings`: of the TLS connection. */
  secured(bindings?: ChannelBindings): void {
    this.#answer('handshake')
    // RFC 2595 §4: what the client said in the clear is forgotten, and it may have been somebody else who said it.
    this.#logIn.secured(bindings)
    this.#replies.reset()
    this.#utf8 = false
  }

  #command(line: string): void {
    const command = this.#reader
    const wrong = command.read(line, this.#state)
    // RFC 1939 §7: PASS comes immediately after USER.
    if (wrong !== undefined || command.verb !== 'PASS') this.#logIn.forget()
    if (wrong === undefined) {
      this.#wrong = 0
      return this.#run(command.verb, command.first, command.second)
    }
    this.#replies.err(wrong)
    if (++this.#wrong >= wrongLimit) this.#close('bad commands')
  }

  #run(verb: Verb, word: string, more: string): void {
    switch (verb) {
      case 'RETR':
        return this.#read(word, undefined)
      case 'TOP':
        // RFC 1939 §7: a non-negative number of lines; more than there are is the whole message.
        return this.#top(word, wholeNumber(more))
      case 'DELE':
        return this.#delete(word)
      case 'LIST':
      case 'UIDL':
        return word === '' ? this.#listAll(verb) : this.#listOne(verb, word)
      case 'STAT':
        return this.#replies.ok(`${this.#transaction.count} ${this.#transaction.octets}`)
      case 'NOOP':
        return this.#replies.ok('')
      case 'RSET':
        this.#transaction.reset()
        return this.#replies.ok(this.language.maildropHas(this.#transaction.count, this.#transaction.octets))
      case 'QUIT':
        return this.#quit()
      case 'CAPA':
        return this.#capabilities()
      case 'LANG':
        return this.#replies.speak(word)
      case 'UTF8':
        return this.#startUtf8()
      case 'USER':
        return this.#logIn.user(word)
      case 'PASS':
        this.#need = this.#logIn.pass(word)
        return
      case 'APOP':
        this.#need = this.#logIn.apop(word, more)
        return
      case 'AUTH':
        this.#need = this.#logIn.auth(word, more)
        return
      case 'STLS':
        return this.#startTls()
    }
  }

  #respond(line: string): void {
    this.#need = this.#logIn.response(line)
    this.#closeIfFailed()
  }

  #closeIfFailed(): void {
    if (this.#need === undefined && !this.#logIn.asked && this.#failures >= failureLimit) this.#close('failed log-ins')
  }

  #top(word: string, lines: number | undefined): void {
    if (lines === undefined) return this.#replies.err((texts) => texts.noLineCount)
    this.#read(word, lines)
  }

  #read(word: string, lines: number | undefined): void {
    const number = this.#transaction.message(word)
    if (typeof number !== 'number') return this.#replies.err(number)
    this.#message.prepare(this.#transaction.maildrop, number, lines)
    this.#need = { kind: 'read', number, top: lines !== undefined }
  }

  #delete(word: string): void {
    const number = this.#transaction.message(word)
    if (typeof number !== 'number') return this.#replies.err(number)
    this.#transaction.delete(number)
    this.#replies.ok(this.language.marked(number))
  }

  #listAll(verb: 'LIST' | 'UIDL'): void {
    const { maildrop, removed, count, octets } = this.#transaction
    this.#replies.ok(this.language.count(count, octets))
    this.#listOn(maildrop.listing(verb, removed))
  }

  /** Gives so much of a listing as may wait to be written. */
  #listOn(listing: Uint8Array): void {
    this.#out.octets(listing.subarray(0, enoughOut))
    this.#listing = listing.length > enoughOut ? listing.subarray(enoughOut) : undefined
  }

  #listOne(verb: 'LIST' | 'UIDL', word: string): void {
    const { maildrop } = this.#transaction
    const number = this.#transaction.message(word)
    if (typeof number !== 'number') return this.#replies.err(number)
    this.#replies.ok(`${number} ${verb === 'LIST' ? maildrop.octetsOf(number) : maildrop.uniqueIdOf(number)}`)
  }

  #quit(): void {
    if (this.#state === 'AUTHORIZATION') {
      this.#replies.ok(this.language.bye)
      return this.#close('quit')
    }
    this.#state = 'UPDATE'
    this.#need = { kind: 'update', removed: this.#transaction.removed.numbers() }
  }

  #capabilities(): void {
    const { permitted, mechanisms, secure } = this.#logIn
    const lines = announce({
      options: this.#options,
      loggedIn: this.#state !== 'AUTHORIZATION',
      mayLogIn: permitted,
      mechanisms,
      // RFC 2595 §4: STLS only where it is permitted.
      mayStartTls: this.#options.stls === true && !secure && this.#state === 'AUTHORIZATION',
      languages: this.#replies.languages.length > 0,
      policy: this.#policy,
    })
    this.#replies.lines(this.language.capabilities, lines)
  }

  /** UTF8 (RFC 6856 §2.1). */
  #startUtf8(): void {
    if (this.#options.utf8 === false) return this.#replies.err((texts) => texts.notOffered('UTF8'))
    this.#utf8 = true
    this.#replies.unicode = true
    this.#replies.ok(this.language.utf8On)
  }

  #startTls(): void {
    if (this.secure) return this.#replies.err((texts) => texts.tlsAlready)
    if (this.#options.stls !== true) return this.#replies.err((texts) => texts.notOffered('STLS'))
    this.#replies.ok(this.language.beginTls)
    // RFC 2595 §4: a client waits for the answer; whatever came along with the command is thrown away.
    this.#input.clear()
    this.#need = { kind: 'handshake' }
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
