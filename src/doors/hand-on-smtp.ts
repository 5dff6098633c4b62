import type { LmtpTarget, SmtpTarget } from '../accounts/hand-on-target.ts'
import { PeerError, RefusedError } from '../errors.ts'
import { parseHeader } from '../message/header.ts'
import type { Message } from '../store/store.ts'
import { toExactText } from '../wire/octets.ts'
import type { Contents } from './hand-on-contents.ts'
import { type Courier, type Outcome, type Parcel, unreadable } from './hand-on-courier.ts'
import { envelopeOf } from './hand-on-envelope.ts'
import { LineLink, type LinkOptions } from './hand-on-link.ts'
import { type HandOnSecret, logInAt } from './hand-on-log-in.ts'
import { SmtpSession, type SmtpReply } from './hand-on-smtp-session.ts'

/** The way to an SMTP or LMTP server, and for whom. */
export interface SmtpCourierOptions extends LinkOptions {
  /** The address that brought the messages in. */
  readonly account: string
}

/** Sends messages by SMTP or LMTP, one after the other over one connection. */
export async function smtpCourier(
  target: SmtpTarget | LmtpTarget,
  secret: HandOnSecret | undefined,
  options: SmtpCourierOptions,
): Promise<Courier> {
  const tls = target.kind === 'smtp' ? target.tls : 'none'
  const protocol = target.kind
  const link = await LineLink.open(target, tls === 'implicit', protocol, options)
  const session = new SmtpSession(link, protocol === 'lmtp')
  try {
    await session.greeting()
    await session.hello()
    if (tls === 'starttls') {
      if (!session.has('STARTTLS'))
        throw new PeerError('tls', `${link.place} does not offer STARTTLS: nothing was sent to it; try smtps://`)
      const reply = await session.ask('STARTTLS')
      if (reply.code !== 220) throw session.refusal(reply, 'to begin TLS')
      await link.secure()
      // RFC 3207 §4.2: what was said before TLS does not count.
      await session.hello()
    }
    if (target.kind === 'smtp' && target.login !== undefined) await logIn(session, target.login, secret)
    return new SmtpCourier(session, target, options.account)
  } catch (error) {
    link.drop()
    throw error
  }
}

class SmtpCourier implements Courier {
  readonly most = 1
  readonly #session: SmtpSession
  readonly #target: SmtpTarget | LmtpTarget
  readonly #account: string

  constructor(session: SmtpSession, target: SmtpTarget | LmtpTarget, account: string) {
    this.#session = session
    this.#target = target
    this.#account = account
  }

  /** Nobody can ask an SMTP server whether it has a message. */
  mark(): Promise<string> {
    return Promise.resolve('')
  }

  async carry(parcels: readonly Parcel[], tell: (parcel: Parcel, outcome: Outcome) => void): Promise<void> {
    for (const parcel of parcels) {
      const contents = await parcel.contents().catch(unreadable)
      try {
        tell(parcel, 'kind' in contents ? contents : await this.#send(parcel.message, contents))
      } catch (error) {
        // RFC 5321 §4.1.1.4: without the end of its data the server does not take a message.
        this.#session.link.drop()
        if (!this.#session.undecided) tell(parcel, { kind: 'unsent' })
        throw error
      }
    }
  }

  async #send(message: Message, contents: Contents): Promise<Outcome> {
    const session = this.#session
    const { fitness, head } = contents
    const envelope = envelopeOf(head, this.#target.envelope, this.#account)
    const foreign = /[^\0-\x7f]/.test(envelope.from + envelope.to)
    const why = cannotCarry(fitness, session, foreign)
    if (why !== undefined)
      return { kind: 'refused', why: `it cannot go by ${this.#target.kind.toUpperCase()} unchanged: ${why}` }
    const utf8 = session.has('SMTPUTF8') && (foreign || hasUtf8Header(head))
    const needs = { size: message.size, eightBit: fitness.eightBit, utf8 }
    const reply = await session.send(envelope, needs, () => contents.octets())
    if (reply.code < 400) return { kind: 'taken', reply: said(reply) }
    return { kind: 'refused', why: session.refusal(reply, `it for ${envelope.to}`).message }
  }

  close(): Promise<void> {
    this.#session.close()
    return Promise.resolve()
  }
}

/** RFC 6532 §3: beyond ASCII, and UTF-8. What is 8-bit and not UTF-8 is older than that, and no extension speaks of it. */
function hasUtf8Header(head: Uint8Array): boolean {
  const header = head.subarray(0, parseHeader(head).end)
  return header.some((octet) => octet > 0x7f) && toExactText(header) !== undefined
}

function said({ code, lines }: SmtpReply): string {
  return `${code} ${lines.join(' ')}`
}

/** What of a message SMTP has no way to say; nothing is ever changed so that it fits. */
function cannotCarry(
  { nul, bare, whole, eightBit }: Contents['fitness'],
  session: SmtpSession,
  foreign: boolean,
): string | undefined {
  const { place } = session.link
  // RFC 5321 §2.3.8; §4.5.2: a text ends with CRLF.
  if (bare) return 'it has a CR or an LF that is not part of a line end'
  if (!whole) return 'its last line has no end'
  // RFC 5321 §2.4, RFC 6152 §3: octets beyond ASCII, but no NUL.
  if (nul) return 'it holds NUL octets'
  if (eightBit && !session.has('8BITMIME')) return `it has octets beyond ASCII, and ${place} has no 8BITMIME`
  // RFC 6531 §3.2. A message with UTF-8 in its header goes all the same: that is how it came to where we have it from.
  if (foreign && !session.has('SMTPUTF8')) return `its envelope is not ASCII, and ${place} has no SMTPUTF8`
  return undefined
}

async function logIn(session: SmtpSession, login: string, secret: HandOnSecret | undefined): Promise<void> {
  const { link, extensions } = session
  if (secret === undefined)
    throw new RefusedError('bad-login', '', `there is no password to log in ${login} at ${link.place}`)
  await logInAt(
    {
      link,
      offered: (extensions.get('AUTH') ?? '').toUpperCase().split(/\s+/).filter(Boolean),
      // RFC 4954 §4.
      speak: async ({ name, initial, answer }) => {
        const line = `AUTH ${name}${initial === undefined ? '' : ` ${initial}`}`
        // One that would make the line longer than it may be (RFC 5321 §4.5.3.1.4) waits until it is asked for.
        let reply = await session.ask(line.length > 510 ? `AUTH ${name}` : line)
        while (reply.code === 334) reply = await session.ask(answer(reply.lines.join('')))
        return reply.code === 235 ? undefined : session.refusal(reply, `to log in ${login}`)
      },
    },
    login,
    secret,
  )
}
