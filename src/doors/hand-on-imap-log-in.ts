import type { ImapTarget } from '../accounts/hand-on-target.ts'
import { PeerError, type RefusedError } from '../errors.ts'
import { ImapSession } from './hand-on-imap-session.ts'
import { imapString, type Tagged } from './hand-on-imap-words.ts'
import { LineLink, type LinkOptions } from './hand-on-link.ts'
import { type HandOnSecret, logInAt } from './hand-on-log-in.ts'

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
  const { link, capabilities } = session
  let answer: Tagged | undefined
  const taken = (given: Tagged): RefusedError | undefined => {
    answer = given
    return given.status === 'OK' ? undefined : session.refusal(given, `to log in ${login}`)
  }
  // RFC 9051 §6.2.3: LOGIN is there unless it is said not to be; its strings are ASCII.
  const [name, password] = [imapString(login), 'password' in secret ? imapString(secret.password) : undefined]
  const command = async (): Promise<RefusedError | undefined> => taken(await session.ask(`LOGIN ${name} ${password}`))
  const canLogin = name !== undefined && password !== undefined && !capabilities.has('LOGINDISABLED')
  await logInAt(
    {
      link,
      offered: [...capabilities].flatMap((each) => /^AUTH=(.*)$/.exec(each)?.[1] ?? []),
      speak: async ({ name: mechanism, initial, answer: answerTo }) => {
        // RFC 9051 §6.2.2: without SASL-IR the server asks for it with an empty challenge.
        const early = initial !== undefined && capabilities.has('SASL-IR') ? ` ${initial}` : ''
        return taken(await session.ask(`AUTHENTICATE ${mechanism}${early}`, { goAhead: answerTo }))
      },
      ...(canLogin && { command }),
    },
    login,
    secret,
  )
  // RFC 9051 §6.2.2, §6.2.3: other capabilities may count from here on.
  await learn(session, answer)
}
