import { PeerError, RefusedError } from '../errors.ts'
import { reasonOfImapCode } from '../reasons.ts'
import { parseStatus, type Tagged } from './hand-on-imap-words.ts'
import type { LineLink } from './hand-on-link.ts'

/** What is done with what the server says before a command's answer. */
export interface Given {
  /** A line behind its `* `, where `{}` stands for a literal. */
  untagged?(line: string): void
  literal?(piece: Uint8Array): void
  /** The server's "go ahead" (RFC 9051 §7.5): what it says with it. Gives the line to send. */
  goAhead?(challenge: string): string
}

interface Asked extends Given {
  readonly verb: string
  readonly resolve: (tagged: Tagged) => void
  readonly reject: (error: unknown) => void
}

/** What APPEND is told (RFC 9051 §6.3.12). */
export interface Append {
  /** See `imapMailbox`. */
  readonly mailbox: string
  readonly flags: readonly string[]
  /** See `imapDate`. */
  readonly date: string | undefined
  readonly size: number
  /** There are NULs in it: so it goes as RFC 3516 §4.4 has it. */
  readonly binary: boolean
  octets(): AsyncIterable<Uint8Array>
}

/** The client's side of IMAP as far as putting messages into a mailbox asks for it: they are streamed, and commands pipelined. */
export class ImapSession {
  capabilities: ReadonlySet<string> = new Set()
  readonly link: LineLink
  readonly #asked = new Map<string, Asked>()
  readonly #greeting = Promise.withResolvers<Tagged | 'PREAUTH'>()
  #greeted = false
  #tags = 0
  /** What goes out, in order. */
  #writing: Promise<unknown> = Promise.resolve()
  /** An APPEND that has said how many octets come, and waits until it may send them. */
  #holding: (() => void) | undefined
  #bye: string | undefined
  #failure: unknown

  constructor(link: LineLink) {
    this.link = link
    link.awaiting = () => this.#asked.size > 0 || !this.#greeted
    this.#greeting.promise.catch(() => undefined)
    void this.#read()
  }

  /** The server's first words. Rejects with RefusedError where it takes no session. */
  greeting(): Promise<Tagged | 'PREAUTH'> {
    return this.#greeting.promise
  }

  /** Sends a command and resolves with its answer, whatever it is. */
  async ask(command: string, given: Given = {}): Promise<Tagged> {
    const { tag, answer } = this.#expect(command, given)
    this.#inOrder(() => this.link.write(`${tag} ${command}\r\n`))
    return await answer
  }

  /** The same, where only OK will do. */
  async must(command: string, doing: string, given?: Given): Promise<Tagged> {
    const tagged = await this.ask(command, given)
    if (tagged.status !== 'OK') throw this.refusal(tagged, doing)
    return tagged
  }

  /** STARTTLS and the handshake (RFC 9051 §6.2.1). */
  async secure(): Promise<void> {
    // The reader stops behind the answer: what follows is TLS.
    await this.must('STARTTLS', 'to begin TLS')
    await this.link.secure()
    void this.#read()
  }

  /** Puts a message into a mailbox. Rejects where the connection breaks, or the message cannot be read. */
  async append(message: Append): Promise<Tagged> {
    const { mailbox, flags, date, size, binary } = message
    const words = ['APPEND', mailbox, ...(flags.length > 0 ? [`(${flags.join(' ')})`] : []), ...(date ? [date] : [])]
    const { tag, answer } = this.#expect('APPEND', {})
    // RFC 7888 §4, §5: with these the octets need not wait.
    const can = (name: string): boolean => this.capabilities.has(name)
    const atOnce = can('LITERAL+') || (size <= 4096 && (can('LITERAL-') || can('IMAP4REV2')))
    let answered = false
    void answer.then(
      () => (answered = true),
      () => undefined,
    )
    this.#inOrder(async () => {
      const held = Promise.withResolvers<void>()
      if (!atOnce) this.#holding = held.resolve
      await this.link.write(`${tag} ${words.join(' ')} ${binary ? '~' : ''}{${size}${atOnce ? '+' : ''}}\r\n`)
      if (!atOnce) {
        await Promise.race([held.promise, answer.catch(() => undefined)])
        this.#holding = undefined
        if (answered || this.#failure !== undefined) return
      }
      let left = size
      for await (const piece of message.octets()) {
        left -= piece.length
        await this.link.write(piece)
      }
      // What was announced must come, or the next command would be taken for the rest of it.
      if (left !== 0) throw new PeerError('protocol', `a message of ${size} octets had ${size - left}`)
      await this.link.write('\r\n')
    })
    return await answer
  }

  /** A no as an error: who, what was tried, and the server's own words. */
  refusal({ status, code, text }: Tagged, doing: string): RefusedError {
    const reply = `${status} ${text}`.trim()
    return new RefusedError(reasonOfImapCode(code), reply, `${this.link.place} refused ${doing}: ${reply}`)
  }

  /** Says goodbye and goes: all that was asked is answered. */
  close(): void {
    this.link.write(`${this.#nextTag()} LOGOUT\r\n`).catch(() => undefined)
    setImmediate(() => this.link.drop())
  }

  #nextTag(): string {
    return `P${++this.#tags}`
  }

  #expect(command: string, given: Given): { tag: string; answer: Promise<Tagged> } {
    const { promise, resolve, reject } = Promise.withResolvers<Tagged>()
    promise.catch(() => undefined)
    const tag = this.#nextTag()
    if (this.#failure === undefined)
      this.#asked.set(tag, { ...given, verb: command.split(' ')[0] ?? '', resolve, reject })
    else reject(this.#failure)
    return { tag, answer: promise }
  }

  /** One after the other; what cannot be written, or read while it is written, ends the session. */
  #inOrder(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(write).catch((error: unknown) => this.#fail(error))
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const line = await this.#response()
        if (line.startsWith('+')) this.#goAhead(line.slice(1).trim())
        else if (line.startsWith('* ')) this.#untagged(line.slice(2))
        else if (this.#tagged(line) === 'STARTTLS') return
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  /** A whole response; its literals go to who wants them. */
  async #response(): Promise<string> {
    let whole = ''
    for (;;) {
      const line = await this.link.line()
      whole += line
      if (whole.length > 1 << 20) throw new PeerError('reply-too-long', `${this.link.place} sent an endless answer`)
      const size = /\{(\d{1,10})\}$/.exec(line)?.[1]
      // RFC 9051 §7.1: what is meant for people has no literals, whatever it looks like.
      if (size === undefined || parseStatus(whole.replace(/^\S+ /, '')) !== undefined) return whole
      whole = `${whole.slice(0, -size.length - 2)}{}`
      const taker = [...this.#asked.values()].find((each) => each.literal !== undefined)
      await this.link.octets(Number(size), (piece) => taker?.literal?.(piece))
    }
  }

  #goAhead(text: string): void {
    if (this.#holding !== undefined) {
      this.#holding()
      return
    }
    const asked = [...this.#asked.values()].find((each) => each.goAhead !== undefined)
    if (asked?.goAhead === undefined) throw new PeerError('protocol', `${this.link.place} says + unasked`)
    const answer = asked.goAhead(text)
    this.#inOrder(() => this.link.write(`${answer}\r\n`))
  }

  #untagged(line: string): void {
    const status = parseStatus(line)
    if (!this.#greeted && status !== undefined) {
      this.#greeted = true
      if (status.status === 'PREAUTH') this.#greeting.resolve('PREAUTH')
      else if (status.status === 'OK') this.#greeting.resolve({ ...status, status: 'OK' })
      else throw new RefusedError('try-later', status.text, `${this.link.place} takes no session now: ${status.text}`)
    } else if (status?.status === 'BYE') this.#bye = status.text
    for (const asked of this.#asked.values()) asked.untagged?.(line)
  }

  #tagged(line: string): string {
    const [, tag = '', rest = ''] = /^(\S+) (.*)$/.exec(line) ?? []
    const asked = this.#asked.get(tag)
    const status = parseStatus(rest)
    if (asked === undefined || (status?.status !== 'OK' && status?.status !== 'NO' && status?.status !== 'BAD'))
      throw new PeerError('protocol', `${this.link.place} does not speak IMAP: ${line.slice(0, 200)}`)
    this.#asked.delete(tag)
    asked.resolve({ ...status, status: status.status })
    return status.status === 'OK' ? asked.verb : ''
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    const bye = this.#bye
    this.#failure =
      error instanceof PeerError && error.code === 'connection-lost' && bye !== undefined
        ? new PeerError('connection-lost', `${this.link.place} ended the session: ${bye}`, { cause: error })
        : error
    this.link.drop()
    this.#greeting.reject(this.#failure)
    for (const asked of this.#asked.values()) asked.reject(this.#failure)
    this.#asked.clear()
  }
}
