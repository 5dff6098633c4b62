import { hostname } from 'node:os'
import { PeerError, RefusedError } from '../errors.ts'
import { findDotLine } from '../net/find-dot-line.ts'
import { reasonOfSmtpCode } from '../reasons.ts'
import { DotWriter } from '../wire/dot-writer.ts'
import type { LineLink } from './hand-on-link.ts'

/** A reply (RFC 5321 §4.2). */
export interface SmtpReply {
  readonly code: number
  /** Its lines, without the code. */
  readonly lines: readonly string[]
}

/** What one message is sent with. An empty sender is the null reverse-path (RFC 5321 §4.5.5). */
export interface SmtpEnvelope {
  readonly from: string
  readonly to: string
}

/** What is asked of the server for one message. */
export interface SmtpNeeds {
  readonly size: number
  /** There are octets beyond ASCII (RFC 6152). */
  readonly eightBit: boolean
  /** Header or envelope are in UTF-8 (RFC 6531). */
  readonly utf8: boolean
}

/** The client's side of SMTP (RFC 5321) and LMTP (RFC 2033), for messages with one recipient. */
export class SmtpSession {
  readonly link: LineLink
  readonly #lmtp: boolean
  /** Whether a message was sent to its end and the server has not said yet what becomes of it. */
  undecided = false
  /** By keyword, in capitals, what stands behind it. */
  extensions: ReadonlyMap<string, string> = new Map()

  constructor(link: LineLink, lmtp: boolean) {
    this.link = link
    this.#lmtp = lmtp
  }

  has(extension: string): boolean {
    return this.extensions.has(extension)
  }

  /** Waits for the greeting. Rejects with RefusedError where the server takes no session. */
  async greeting(): Promise<void> {
    const reply = await this.reply()
    if (reply.code !== 220) throw this.refusal(reply, 'to take a session')
  }

  async hello(): Promise<void> {
    // RFC 5321 §4.1.4: a name that says where we are, or an address literal where there is none.
    const name = /^[\w-]+(\.[\w-]+)+$/.test(hostname()) ? hostname() : '[127.0.0.1]'
    let reply = await this.ask(`${this.#lmtp ? 'LHLO' : 'EHLO'} ${name}`)
    // RFC 5321 §3.2: a server from before 1995 knows no EHLO.
    if (reply.code >= 500 && !this.#lmtp) reply = await this.ask(`HELO ${name}`)
    if (reply.code !== 250) throw this.refusal(reply, 'to greet us')
    this.extensions = new Map(
      reply.lines.slice(1).map((line) => {
        // `AUTH=PLAIN` is from before RFC 2554.
        const [, keyword = '', rest = ''] = /^([^\s=]+)[\s=]?(.*)$/.exec(line) ?? []
        return [keyword.toUpperCase(), rest]
      }),
    )
  }

  async ask(command: string): Promise<SmtpReply> {
    await this.link.write(`${command}\r\n`)
    return await this.reply()
  }

  async reply(): Promise<SmtpReply> {
    const lines: string[] = []
    for (;;) {
      const line = await this.link.line()
      const [, code, mark, text = ''] = /^(\d{3})(?:([ -])(.*))?$/.exec(line) ?? []
      if (code === undefined || lines.length > 1000)
        throw new PeerError('protocol', `${this.link.place} does not speak ${this.#name}: ${line.slice(0, 200)}`)
      lines.push(text)
      if (mark === '-') continue
      const reply = { code: Number(code), lines }
      // RFC 5321 §3.8: whatever was asked, the server goes.
      if (reply.code === 421) throw this.refusal(reply, 'to go on')
      return reply
    }
  }

  /**
   * Sends one message; gives the reply that decided: 250 where the server has it now. Its octets end with CRLF, or there are none.
   * Rejects where the connection breaks.
   */
  async send(
    { from, to }: SmtpEnvelope,
    needs: SmtpNeeds,
    octets: () => AsyncIterable<Uint8Array>,
  ): Promise<SmtpReply> {
    const parameters = [
      ...(this.has('SIZE') ? [`SIZE=${needs.size}`] : []),
      ...(needs.eightBit ? ['BODY=8BITMIME'] : []),
      ...(needs.utf8 ? ['SMTPUTF8'] : []),
    ]
    const commands = [[`MAIL FROM:<${from}>`, ...parameters].join(' '), `RCPT TO:<${to}>`, 'DATA']
    // RFC 2920 §3.1: DATA may be the last of a group.
    const group = this.has('PIPELINING')
    if (group) await this.link.write(commands.map((command) => `${command}\r\n`).join(''))
    let refused: SmtpReply | undefined
    for (const command of commands) {
      if (!group && refused !== undefined) break
      const reply = group ? await this.reply() : await this.ask(command)
      if (reply.code >= 400) refused ??= reply
      else if (command === 'DATA' && reply.code !== 354)
        throw new PeerError('protocol', `${this.link.place} answered DATA with ${reply.code}`)
      else if (command === 'DATA' && refused !== undefined) {
        // RFC 2920 §3.1: a server may say 354 though nobody is to get it.
        await this.link.write('.\r\n')
        await this.reply()
      }
    }
    if (refused !== undefined) {
      await this.ask('RSET')
      return refused
    }
    await this.#data(octets())
    const reply = await this.reply()
    this.undecided = false
    return reply
  }

  /** A no as an error: who, what was tried, and the server's own words. */
  refusal(reply: SmtpReply, doing: string): RefusedError {
    const text = `${reply.code} ${reply.lines.join(' ')}`.trim()
    return new RefusedError(reasonOfSmtpCode(reply.code), text, `${this.link.place} refused ${doing}: ${text}`)
  }

  close(): void {
    this.link.write('QUIT\r\n').catch(() => undefined)
    setImmediate(() => this.link.drop())
  }

  get #name(): string {
    return this.#lmtp ? 'LMTP' : 'SMTP'
  }

  /** RFC 5321 §4.5.2: a dot before each line that begins with one, and one alone at the end. */
  async #data(octets: AsyncIterable<Uint8Array>): Promise<void> {
    const writer = new DotWriter(findDotLine)
    let pieces: Uint8Array[] = []
    writer.begin({ octets: (piece) => void pieces.push(piece) }, 'crlf')
    const flush = async (): Promise<void> => {
      const whole = Buffer.concat(pieces)
      pieces = []
      await this.link.write(whole)
    }
    for await (const piece of octets) {
      writer.write(piece)
      await flush()
    }
    writer.end()
    this.undecided = true
    await flush()
  }
}
