import { hash } from 'node:crypto'
import { hmacMd5, saslCrypto } from '../accounts/sasl-crypto.ts'
import { MisuseError, PeerError, RefusedError } from '../errors.ts'
import { spelt } from '../net/connect.ts'
import { isThisMachine } from '../net/this-machine.ts'
import type { Reply } from '../pop3/client-event.ts'
import { clientMechanism } from '../sasl/client.ts'
import type { ChannelBindings, ClientMechanism, ClientMechanismName } from '../sasl/mechanism.ts'
import { OAuthClient } from '../sasl/oauth.ts'
import type { TokenSource } from './fetching.ts'
import { refused, type Pop3Connection } from './pop3-connection.ts'
import { type OnDemand, offerText, timestampOf, type Way, waysOfPasswords, waysOfTokens } from './pop3-log-in-ways.ts'

/** Who logs in, and by what: a password, or tokens of OAuth 2.0. */
export interface Pop3Credentials {
  readonly login: string
  readonly password?: string | undefined
  readonly token?: TokenSource | undefined
  readonly allow?: readonly OnDemand[] | undefined
  /** Not by SCRAM-SHA-256-PLUS: this server has refused it before, and taken the password by another way. */
  readonly withoutPlus?: boolean | undefined
  /** Whether the password may go without TLS: somebody has said so. To this machine itself it always may. */
  readonly inTheClear?: boolean | undefined
}

/** A secret for one try. */
type Secret = { readonly login: string; readonly password: string } | { readonly login: string; readonly token: string }

/** More tries than these a session has not: others would take us for somebody who guesses, and lock the account. */
const mostTries = 3

/**
 * Logs in over POP3 by the best way that the server offers and the secret allows. Where that way, and not the secret, is refused,
 * the next one is tried; where a token is, a fresh one, once. Rejects with RefusedError; with PeerError where there is no way.
 */
export async function logInPop3(connection: Pop3Connection, credentials: Pop3Credentials): Promise<void> {
  const { login, password, token, allow } = credentials
  if (token !== undefined) {
    mayGo(connection, false, 'a token')
    await logInByToken(connection, login, token)
  } else if (password === undefined)
    throw new MisuseError('usage', `there is neither a password nor a token for ${login}`)
  else {
    if (login === '' || password === '' || /\0/.test(login + password))
      throw new MisuseError('usage', 'the login name or the password is empty or has a NUL in it')
    mayGo(connection, credentials.inTheClear ?? false, 'the password')
    const ways = waysOfPasswords(connection, allow)
    const without = credentials.withoutPlus === true ? ways.filter(({ name }) => name !== 'SCRAM-SHA-256-PLUS') : ways
    await logInByPassword(connection, { login, password }, without)
  }
}

async function logInByPassword(connection: Pop3Connection, secret: Secret, ways: readonly Way[]): Promise<void> {
  if (ways.length === 0) throw noWay(connection, 'a password')
  // RFC 3206 §6: without [AUTH] it was not the password; but that holds only for those who say AUTH-RESP-CODE.
  const most = connection.capabilities.authRespCode ? mostTries : mostTries - 1
  let refusal: RefusedError | undefined
  let tries = 0
  for (const way of ways) {
    const tried = await attempt(connection, way, secret, refusal)
    refusal = tried.refusal
    if (refusal === undefined) return
    // A server that refuses before it has seen a proof does not want the way: it may keep no keys for SCRAM. And some offer -PLUS under
    // TLS 1.3, where they know none of its bindings (RFC 9266), and say that the password is wrong.
    const plus = way.name === 'SCRAM-SHA-256-PLUS'
    if (refusal.reason === 'bad-login' && (tried.unproved || plus)) {
      connection.plusFailed ||= plus
      continue
    }
    if (refusal.reason !== 'no' || ++tries >= most) break
  }
  if (refusal !== undefined) throw refusal
}

async function logInByToken(connection: Pop3Connection, login: string, source: TokenSource): Promise<void> {
  const ways = waysOfTokens(connection)
  let way = ways.shift()
  if (way === undefined) throw noWay(connection, 'a token')
  let token = await source()
  let fresh = false
  let refusal: RefusedError | undefined
  for (let tries = 0; tries < mostTries; tries++) {
    const result: Attempt = await attempt(connection, way, { login, token }, refusal)
    refusal = result.refusal
    if (refusal === undefined) return
    if (refusal.reason !== 'no' && refusal.reason !== 'bad-login') break
    const next: Way | undefined = result.badToken ? undefined : ways.shift()
    if (next !== undefined) way = next
    else if (fresh) break
    else {
      const other = await source(token)
      if (other === token) break
      token = other
      fresh = true
    }
  }
  if (refusal !== undefined) throw refusal
}

interface Attempt {
  /** Undefined: we are in. */
  readonly refusal: RefusedError | undefined
  /** Whether the server has said that it is the token. */
  readonly badToken: boolean
  /** Whether nothing had left yet that depends on the secret. */
  readonly unproved: boolean
}

/** Tries one way. `before`: what was said of the one before it, which counts where the server has hung up after that. */
async function attempt(
  connection: Pop3Connection,
  way: Way,
  secret: Secret,
  before: RefusedError | undefined,
): Promise<Attempt> {
  const exchange = way.name === 'APOP' || way.name === 'USER' ? undefined : mechanismOf(connection, way.name, secret)
  let reply: Reply
  try {
    if (exchange !== undefined) reply = await connection.ask({ verb: 'AUTH', exchange, bare: way.bare ?? false })
    else if (!('password' in secret)) throw noWay(connection, 'a token')
    else reply = await (way.name === 'APOP' ? askApop(connection, secret) : askUser(connection, secret))
  } catch (error) {
    if (before !== undefined && error instanceof PeerError && error.code === 'connection-lost') throw before
    throw error
  }
  if (reply.ok) return { refusal: undefined, badToken: false, unproved: false }
  believe(connection, exchange, secret.login)
  const { reason, reply: words, message } = refused(connection.to, reply, `to log in ${secret.login} by ${way.name}`)
  return {
    refusal: new RefusedError(reason, words, `${message} (${offerText(connection)})`),
    unproved: exchange?.proved === false,
    badToken: reason === 'bad-login' || (exchange instanceof OAuthClient && exchange.error !== undefined),
  }
}

function mechanismOf(
  connection: Pop3Connection,
  name: ClientMechanismName,
  secret: Secret,
): ClientMechanism | undefined {
  const bindings: ChannelBindings | undefined = connection.secured ? (type) => connection.binding(type) : undefined
  // RFC 5802 §6: without -PLUS on offer, that we could have done it is said too: the server notices where somebody took it off the list.
  const unused = connection.capabilities.sasl.includes('SCRAM-SHA-256-PLUS') ? undefined : bindings
  return clientMechanism(name, {
    ...secret,
    crypto: saslCrypto,
    hmacMd5,
    bindings: name === 'SCRAM-SHA-256' ? unused : bindings,
  })
}

/** RFC 1939 §7: MD5 over the timestamp of the greeting and the password. */
function askApop(
  connection: Pop3Connection,
  { login, password }: Extract<Secret, { password: string }>,
): Promise<Reply> {
  return connection.ask({
    verb: 'APOP',
    name: login,
    digest: hash('md5', `${timestampOf(connection) ?? ''}${password}`),
  })
}

async function askUser(
  connection: Pop3Connection,
  { login, password }: Extract<Secret, { password: string }>,
): Promise<Reply> {
  // RFC 2449 §6.6: with PIPELINING both leave together.
  const [user, pass] = await Promise.all([
    connection.ask({ verb: 'USER', name: login }),
    connection.pipelining ? connection.ask({ verb: 'PASS', password }) : undefined,
  ])
  if (!user.ok) return user
  return pass ?? (await connection.ask({ verb: 'PASS', password }))
}

/** RFC 5802 §3: to a server that does not know the password, we do not tell it, however it asks; nor in the clear to one that is odd. */
function believe(connection: Pop3Connection, exchange: ClientMechanism | undefined, login: string): void {
  if (exchange?.fault === undefined || (exchange.fault === 'malformed' && connection.secured)) return
  const what = exchange.fault === 'unproven' ? 'has not proved that it knows' : 'asks in no proper way for'
  throw new PeerError('protocol', `${spelt(connection.to)} ${what} the password of ${login} (by ${exchange.name})`)
}

/** RFC 8314 §3; RFC 6750 §5.3: a token is for whoever has it, so it never goes in the clear. */
function mayGo(connection: Pop3Connection, inTheClear: boolean, what: string): void {
  if (connection.secured || inTheClear || isThisMachine(connection.to.host)) return
  throw new PeerError(
    'tls',
    `there is no TLS to ${spelt(connection.to)}: ${what} would go in the clear, so it was not sent; try --tls implicit or starttls`,
  )
}

function noWay(connection: Pop3Connection, what: string): PeerError {
  return new PeerError(
    'protocol',
    `${spelt(connection.to)} offers no way to log in with ${what} that Postino knows (${offerText(connection)})`,
  )
}
