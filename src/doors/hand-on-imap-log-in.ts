import type { ImapTarget } from '../accounts/hand-on-target.ts'
import { PeerError, RefusedError } from '../errors.ts'
import { ImapSession } from './hand-on-imap-session.ts'
import { imapString, type Tagged } from './hand-on-imap-words.ts'
import { LineLink, type LinkOptions } from './hand-on-link.ts'
import {
  answerTo,
  type HandOnSecret,
  initialResponse,
  mechanismFor,
  mustBeFinished,
  noWayIn,
} from './hand-on-log-in.ts'

/** Connects, begins TLS where it is wanted, and logs in. Rejects with PeerError or RefusedError. */
export async function openImap(target: ImapTarget, secret: HandOnSecret, options: LinkOptions): Promise<ImapSession> {
  const link = await LineLink.open(target, target.tls === 'implicit', 'imap', options)
  const session = new ImapSession(link)
  try {
    const greeting = await session.greeting()
    await learn(session, greeting === 'PREAUTH' ? undefined : greeting)
    if (target.tls === 'starttls') {
      if (!session.capabilities.has('STARTTLS') || greeting === 'PREAUTH')
        throw new PeerError(
          'tls',
          `${link.place} does not offer STARTTLS: the password would go in the clear, so it was not sent; try imaps://`,
        )
      await session.secure()
      // RFC 9051 §6.2.1: what was said before TLS does not count.
      await learn(session)
    }
    if (greeting !== 'PREAUTH') await logIn(session, target, secret)
    return session
  } catch (error) {
    link.drop()
    throw error
  }
}

/** The capabilities, as the answer to something names them, or asked for. */
async function learn(session: ImapSession, tagged?: Tagged): Promise<void> {
  let words = /^CAPABILITY (.*)$/i.exec(tagged?.code ?? '')?.[1]
  if (words === undefined)
    await session.must('CAPABILITY', 'to say what it can', {
      untagged: (line) => (words = /^CAPABILITY (.*)$/i.exec(line)?.[1] ?? words),
    })
  session.capabilities = new Set((words ?? '').toUpperCase().split(' '))
}

async function logIn(session: ImapSession, { login }: ImapTarget, secret: HandOnSecret): Promise<void> {
  const first = await attempt(session, login, secret)
  let { answer } = first
  // The token may have been good until a moment ago.
  if (answer.status === 'NO' && first.token !== undefined)
    ({ answer } = await attempt(session, login, secret, first.token))
  if (answer.status !== 'OK') {
    const { message, reply, reason } = session.refusal(answer, `to log in ${login}`)
    throw new RefusedError(reason === 'no' ? 'bad-login' : reason, reply, message)
  }
  // RFC 9051 §6.2.2, §6.2.3: other capabilities may count from here on.
  await learn(session, answer)
}

async function attempt(
  session: ImapSession,
  login: string,
  secret: HandOnSecret,
  refused?: string,
): Promise<{ answer: Tagged; token: string | undefined }> {
  const { link, capabilities } = session
  const offered = [...capabilities].flatMap((name) => /^AUTH=(.*)$/.exec(name)?.[1] ?? [])
  const chosen = await mechanismFor({ login, secret, offered, bindings: link.bindings, refused })
  if (chosen !== undefined) {
    const { mechanism, token } = chosen
    let first = initialResponse(mechanism)
    const early = capabilities.has('SASL-IR') && first !== undefined
    const answer = await session.ask(`AUTHENTICATE ${mechanism.name}${early ? ` ${first}` : ''}`, {
      goAhead: (challenge) => {
        if (early || first === undefined) return answerTo(mechanism, challenge)
        // RFC 9051 §6.2.2: without SASL-IR the server asks for it with an empty challenge.
        const response = first === '=' ? '' : first
        first = undefined
        return response
      },
    })
    if (answer.status === 'OK') mustBeFinished(mechanism, link.place)
    return { answer, token }
  }
  const [name, password] = [imapString(login), 'password' in secret ? imapString(secret.password) : undefined]
  // RFC 9051 §6.2.3: LOGIN is there unless it is said not to be; its strings are ASCII.
  if (name === undefined || password === undefined || capabilities.has('LOGINDISABLED'))
    throw noWayIn(link.place, offered, secret)
  return { answer: await session.ask(`LOGIN ${name} ${password}`), token: undefined }
}
