import { MisuseError, PeerError, type PeerCode } from '../errors.ts'
import { reasonOfPop3Reply } from '../reasons.ts'
import { DotReader } from '../wire/dot-reader.ts'
import type { FindDotLine } from '../wire/find-dot-line.ts'
import { LineReader } from '../wire/line-reader.ts'
import { noOctets, toOctets } from '../wire/octets.ts'
import { type Capabilities, noCapabilities, readCapabilities } from './capabilities.ts'
import { type ClientEvent, entries } from './client-event.ts'
import { type Command, replyForm, type SpeltCommand, spell } from './command.ts'
import { ListingLines } from './listing-lines.ts'
import { readMaildropSize } from './listing.ts'
import { behind, isErr, isOk, quoted, words } from './status-line.ts'

export interface ClientOptions {
  /** A faster search than the built-in one; a door gives that of `net/find-dot-line.ts`. */
  readonly find?: FindDotLine
  /** How many octets a line may have: of a status line or a listing; those of a message may be of any length. 8192. */
  readonly lineLimit?: number
  /** How many commands may be on their way unanswered when the server says PIPELINING. 1024. */
  readonly window?: number
}

/** RFC 2449 §4 allows 512 octets; servers are seen to send more. */
const usualLineLimit = 8192
/** A CAPA reply has some twenty lines. */
const capabilitiesLimit = 1000

type Phase = 'greeting' | 'status' | 'listing' | 'message' | 'handshake' | 'over'

interface Sent {
  readonly command: Command
  readonly spelt: SpeltCommand
}

/**
 * The client's side of POP3 (RFC 1939, 2449, 2595, 5034, 6856), without a socket: commands in, octets out; octets in, events out.
 *
 * ```ts
 * client.send({ verb: 'RETR', number: 1 })     // queued; as many as you like
 * client.receive(octets)                       // whatever the socket gave, in any split
 * for (let event; (event = client.next()); ) … // until undefined: then it needs more octets
 * ```
 *
 * Commands are answered in order. They leave one by one, or together once a CAPA reply has said PIPELINING; nothing leaves
 * before the greeting, and nothing behind STLS, AUTH or QUIT before these are answered. Octets of messages are views of the
 * received ones, so leave those alone until the events are used. What the server does wrong becomes a `broken` event, never a
 * throw; only a command that cannot be spelt throws (MisuseError).
 */
export class Pop3Client {
  readonly #window: number
  readonly #line: LineReader
  readonly #dots: DotReader
  readonly #listing: ListingLines
  #phase: Phase = 'greeting'
  #octets: Uint8Array = noOctets
  #at = 0
  #more: Uint8Array[] = []
  #lost = false
  /** Every command that is not done: those before `#unsent` are on their way. */
  #queue: Sent[] = []
  #head = 0
  #unsent = 0
  #out = ''
  #events: ClientEvent[] = []
  #capaLines: string[] = []
  #capabilities: Capabilities = noCapabilities
  #pipelining = false

  constructor(options: ClientOptions = {}) {
    const limit = options.lineLimit ?? usualLineLimit
    this.#window = options.window ?? 1024
    this.#line = new LineReader(limit)
    this.#dots = new DotReader(options.find)
    this.#listing = new ListingLines(limit)
  }

  /** How many commands are not done yet: what a door watches to keep the pipeline full but the queue short. */
  get pending(): number {
    return this.#queue.length - this.#head
  }

  /** What the last CAPA reply said; STLS makes it forgotten (RFC 2595 §4). */
  get capabilities(): Capabilities {
    return this.#capabilities
  }

  /** Whether commands may leave before the ones before them are answered (RFC 2449 §6.6). Learnt from CAPA; may be set. */
  get pipelining(): boolean {
    return this.#pipelining
  }
  set pipelining(may: boolean) {
    this.#pipelining = may
    this.#spellMore()
  }

  /** Queues a command. Throws MisuseError where it cannot be spelt. Once the session is over it does nothing. */
  send(command: Command): void {
    const spelt = spell(command)
    if (this.#phase === 'over') return
    this.#queue.push({ command, spelt })
    this.#spellMore()
  }

  /** Takes octets from the server. */
  receive(octets: Uint8Array): void {
    if (octets.length === 0 || this.#phase === 'over') return
    if (this.#phase === 'handshake') this.#injected()
    else if (this.#at === this.#octets.length) {
      this.#octets = octets
      this.#at = 0
    } else this.#more.push(octets)
  }

  /** The connection has ended, for whatever reason: once the octets at hand are used up, that is a `broken` event too. */
  lost(): void {
    this.#lost = true
  }

  /** The TLS handshake is done. */
  secured(): void {
    if (this.#phase !== 'handshake') throw new MisuseError('state', 'no TLS handshake was due')
    this.#phase = 'status'
    // RFC 2595 §4: what was learnt in the clear is forgotten.
    this.#capabilities = noCapabilities
    this.#pipelining = false
    this.#spellMore()
  }

  /** The next event; undefined when there is none before more octets come. */
  next(): ClientEvent | undefined {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) return event
      if (this.#out !== '') {
        const octets = toOctets(this.#out)
        this.#out = ''
        return { kind: 'send', octets }
      }
      if (this.#at === this.#octets.length && !this.#refill()) return undefined
      const found = this.#read()
      if (found !== undefined) return found
    }
  }

  #refill(): boolean {
    const octets = this.#more.shift()
    if (octets !== undefined) {
      this.#octets = octets
      this.#at = 0
      return true
    }
    this.#octets = noOctets
    this.#at = 0
    if (this.#lost && this.#phase !== 'over') {
      const command = this.#queue[this.#head]?.command
      const during =
        this.#phase === 'greeting' ? 'before its greeting' : command && `before it had answered ${words(command)}`
      this.#break('connection-lost', `the server ended the connection ${during ?? 'without being asked to'}`)
      return true
    }
    return false
  }

  #read(): ClientEvent | undefined {
    switch (this.#phase) {
      case 'greeting':
      case 'status':
        return this.#readStatus()
      case 'message':
        return this.#readMessage()
      case 'listing':
        return this.#readListing()
      case 'handshake':
      case 'over':
        this.#at = this.#octets.length
        return undefined
    }
  }

  #readStatus(): ClientEvent | undefined {
    const line = this.#line
    const at = line.read(this.#octets, this.#at)
    this.#at = at === -1 ? this.#octets.length : at
    if (line.tooLong) {
      return this.#break('line-too-long', `the server sent a status line of more than ${line.limit} octets`)
    }
    if (at === -1) return undefined
    const text = line.line
    if (this.#phase === 'greeting') return this.#greeting(text)
    const sent = this.#queue[this.#head]
    if (sent === undefined || this.#head >= this.#unsent) {
      return this.#break('protocol', `the server said, unasked: ${quoted(text)}`)
    }
    const { command } = sent
    if (isOk(text) && sent.spelt.exchange?.finished === false) {
      return this.#break('protocol', 'the server says that we are in, but has not proved that it knows the password')
    }
    if (isOk(text)) return this.#agreed(command, behind(text, 3))
    if (isErr(text)) {
      const words = behind(text, 4)
      this.#done(command)
      return { kind: 'reply', command, ok: false, text: words, reason: reasonOfPop3Reply(words) }
    }
    const { exchange } = sent.spelt
    if (exchange !== undefined && text.startsWith('+')) {
      const answer = exchange.answer(text)
      if (answer === undefined) return this.#break('protocol', 'the server asks on and on, and does not end AUTH')
      this.#out += answer
      return undefined
    }
    return this.#break(
      'protocol',
      `the server answered ${words(command)} with ${quoted(text)}, which is neither +OK nor -ERR`,
    )
  }

  #greeting(line: string): ClientEvent | undefined {
    const ok = isOk(line)
    if (!ok && !isErr(line)) {
      // RFC 9051 §7.1: the greeting of an IMAP server.
      const other = /^\* (?:OK|PREAUTH|BYE)\b/i.test(line) ? ', it speaks IMAP' : ''
      return this.#break('protocol', `this is no POP3 server${other}: its first line is ${quoted(line)}`)
    }
    const text = behind(line, ok ? 3 : 4)
    this.#phase = ok ? 'status' : 'over'
    this.#spellMore()
    return {
      kind: 'greeting',
      ok,
      text,
      reason: ok ? undefined : reasonOfPop3Reply(text),
      timestamp: /<[^<>\s]+@[^<>\s]+>/.exec(text)?.[0],
    }
  }

  /** The server said +OK: what follows depends on the command. */
  #agreed(command: Command, text: string): ClientEvent | undefined {
    const reply: ClientEvent = { kind: 'reply', command, ok: true, text, reason: undefined }
    switch (replyForm(command)) {
      case 'message':
        this.#phase = 'message'
        this.#dots.begin(this.#line.bare ? 'lf' : 'crlf')
        return reply
      case 'listing':
        this.#phase = 'listing'
        this.#dots.begin(this.#line.bare ? 'lf' : 'crlf')
        this.#listing.begin()
        return reply
      case 'line':
        break
    }
    if (command.verb === 'STLS') {
      this.#phase = 'handshake'
      this.#done(command)
      this.#events.push({ kind: 'handshake' })
      if (this.#at < this.#octets.length || this.#more.length > 0) return this.#injected()
      return reply
    }
    if (command.verb === 'QUIT') this.#phase = 'over'
    else if (command.verb === 'STAT' && !('raw' in command)) {
      const size = readMaildropSize(text)
      if (size === undefined) return this.#break('protocol', `the server answered STAT with ${quoted(text)}`)
      this.#events.push({ kind: 'maildrop', command, size })
    } else if (command.verb === 'LIST' || command.verb === 'UIDL') this.#events.push(entries(command, [text]))
    this.#done(command)
    return reply
  }

  #readMessage(): ClientEvent | undefined {
    const dots = this.#dots
    this.#at = dots.read(this.#octets, this.#at)
    const command = this.#current()
    if (dots.ended) {
      this.#phase = 'status'
      if (dots.content === undefined) return this.#finished(command)
      this.#done(command)
    }
    return dots.content && { kind: 'octets', command, octets: dots.content }
  }

  #readListing(): ClientEvent | undefined {
    const dots = this.#dots
    this.#at = dots.read(this.#octets, this.#at)
    const command = this.#current()
    const lines = dots.content === undefined ? [] : this.#listing.add(dots.content)
    if (lines === undefined) {
      return this.#break(
        'line-too-long',
        `the answer to ${words(command)} has a line of more than ${this.#line.limit} octets`,
      )
    }
    if (command.verb === 'CAPA') {
      this.#capaLines.push(...lines)
      if (this.#capaLines.length > capabilitiesLimit) {
        return this.#break('reply-too-long', `the answer to CAPA has more than ${capabilitiesLimit} lines`)
      }
    } else if (lines.length > 0) this.#events.push(entries(command, lines))
    if (!dots.ended) return undefined
    this.#phase = 'status'
    if (command.verb === 'CAPA') {
      this.#capabilities = readCapabilities(this.#capaLines)
      this.#capaLines = []
      this.#pipelining = this.#capabilities.pipelining
      this.#events.push({ kind: 'capabilities', command, capabilities: this.#capabilities })
    }
    this.#done(command)
    return undefined
  }

  /** The command whose reply is being read. */
  #current(): Command {
    return this.#queue[this.#head]?.command ?? { verb: 'NOOP' }
  }

  /** The oldest command is done: its `end` follows what is queued. */
  #done(command: Command): void {
    this.#events.push(this.#finished(command))
  }

  #finished(command: Command): ClientEvent {
    this.#head++
    if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#unsent -= this.#head
      this.#head = 0
    }
    this.#spellMore()
    return { kind: 'end', command }
  }

  /** Spells the commands that may leave now. */
  #spellMore(): void {
    if (this.#phase === 'greeting' || this.#phase === 'handshake' || this.#phase === 'over') return
    const window = this.#pipelining ? this.#window : 1
    while (this.#unsent < this.#queue.length && this.#unsent - this.#head < window) {
      const before = this.#unsent > this.#head ? this.#queue[this.#unsent - 1]?.command.verb : undefined
      // RFC 2595 §4, RFC 5034 §4: what these are answered decides what comes next.
      if (before === 'STLS' || before === 'AUTH' || before === 'QUIT') return
      this.#out += this.#queue[this.#unsent]?.spelt.line ?? ''
      this.#unsent++
    }
  }

  /** RFC 2595 §4 and §10: octets in the clear behind the +OK of STLS are not from the server we will then know. */
  #injected(): undefined {
    return this.#break(
      'protocol',
      'the server (or somebody between) sent octets in the clear behind its answer to STLS',
    )
  }

  #break(code: PeerCode, message: string): undefined {
    this.#phase = 'over'
    this.#out = ''
    this.#more = []
    this.#octets = noOctets
    this.#at = 0
    this.#events = [{ kind: 'broken', error: new PeerError(code, message) }]
  }
}
