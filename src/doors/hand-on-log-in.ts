import { PeerError, RefusedError } from '../errors.ts'
import { LineExchange } from '../sasl/line-exchange.ts'
import type { ClientMechanismName } from '../sasl/mechanism.ts'
import type { TokenSource } from './fetching.ts'
import type { LineLink } from './hand-on-link.ts'
import {
  type Attempt,
  canBind,
  mechanismOf,
  mostTries,
  mustBeSecure,
  refusedAt,
  type Secret,
  tryPassword,
  tryTokens,
} from './log-in.ts'

/** What to log in with at a target. */
export type HandOnSecret = { readonly password: string } | { readonly token: TokenSource }

/** One exchange, for the protocol that carries it. */
export interface Exchange {
  readonly name: string
  /** What may go along with the name; undefined: the server speaks first. */
  readonly initial: string | undefined
  /** The answer to a challenge. Throws PeerError where there have been too many. */
  readonly answer: (challenge: string) => string
}

/** A server that wants to know who we are, by SASL. */
export interface LogInServer {
  readonly link: LineLink
  /** The mechanisms that it offers, in capitals. */
  readonly offered: readonly string[]
  /** Speaks one exchange to its end. Undefined: we are in. */
  speak(exchange: Exchange): Promise<RefusedError | undefined>
  /** The same by the protocol's own command for passwords, where it has one. */
  readonly command?: () => Promise<RefusedError | undefined>
}

interface Way {
  readonly name: ClientMechanismName | 'a command'
}

const plus = 'SCRAM-SHA-256-PLUS'
/** The best first: a password that never leaves this machine, then one that only TLS keeps from others. */
const byPassword = [plus, 'SCRAM-SHA-256', 'PLAIN', 'LOGIN'] as const
const byToken = ['OAUTHBEARER', 'XOAUTH2'] as const

/** Logs in by the best way that the server offers and the secret allows. Rejects with RefusedError; with PeerError where there is none. */
export async function logInAt(server: LogInServer, login: string, secret: HandOnSecret): Promise<void> {
  const ways = waysOf(server, secret)
  if (ways.length === 0) throw noWayIn(server, secret)
  // A token is for whoever has it (RFC 6750 §5.3). Of a password, the person has chosen by `tls` in the URL.
  if ('token' in secret) mustBeSecure(server.link, 'a token')
  try {
    if ('token' in secret) await tryTokens(ways, secret.token, (way, token) => attempt(server, way, { login, token }))
    else {
      const { password } = secret
      await tryPassword(ways, mostTries - 1, (way) => attempt(server, way, { login, password }))
    }
  } catch (error) {
    // Whatever else it may have been: the log-in is what somebody must look at.
    if (!(error instanceof RefusedError) || error.reason !== 'no') throw error
    throw new RefusedError('bad-login', error.reply, error.message, { cause: error })
  }
}

function waysOf({ link, offered, command }: LogInServer, secret: HandOnSecret): Way[] {
  if ('token' in secret) return byToken.filter((name) => offered.includes(name)).map((name) => ({ name }))
  const usable = byPassword.filter((name) => offered.includes(name) && (name !== plus || canBind(link.bindings)))
  return [...usable.map((name) => ({ name })), ...(command === undefined ? [] : [{ name: 'a command' as const }])]
}

async function attempt(server: LogInServer, { name }: Way, secret: Secret): Promise<Attempt> {
  const { link, offered, command } = server
  if (name === 'a command') {
    return { refusal: await command?.(), badToken: false, unproved: false }
  }
  const mechanism = mechanismOf(name, secret, { offered, bindings: link.bindings })
  if (mechanism === undefined) throw noWayIn(server, secret)
  const exchange = new LineExchange(mechanism)
  const refusal = await server.speak({
    name,
    initial: exchange.initial,
    answer: (challenge) => {
      const answer = exchange.answer(challenge)
      if (answer === undefined) throw new PeerError('protocol', `${link.place} goes on asking, and never answers`)
      return answer
    },
  })
  if (refusal !== undefined) return refusedAt(link.place, refusal, mechanism, secret, link.secured)
  // A yes counts only from a server that has proved what the mechanism makes it prove.
  if (!mechanism.finished)
    throw new PeerError(
      'protocol',
      `${link.place} says that we are in, but did not prove that it knows the password (${name})`,
    )
  return { refusal, badToken: false, unproved: false }
}

function noWayIn({ link, offered }: LogInServer, secret: HandOnSecret | Secret): PeerError {
  const what = 'token' in secret ? 'an OAuth 2.0 token' : 'a password'
  return new PeerError(
    'protocol',
    `${link.place} offers no way to log in with ${what} that Postino knows (it offers: ${offered.join(', ') || 'none'})`,
  )
}
