import { hash } from 'node:crypto'
import { MisuseError, PeerError, RefusedError } from '../errors.ts'
import { spelt } from '../net/connect.ts'
import type { Reply } from '../pop3/client-event.ts'
import type { TokenSource } from './fetching.ts'
import {
  type Attempt,
  mechanismOf,
  mostTries,
  mustBeSecure,
  refusedAt,
  type Secret,
  tryPassword,
  tryTokens,
} from './log-in.ts'
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

/**
 * Logs in over POP3 by the best way that the server offers and the secret allows. Where that way, and not the secret, is refused,
 * the next one is tried; where a token is, a fresh one, once. Rejects with RefusedError; with PeerError where there is no way.
 */
export async function logInPop3(connection: Pop3Connection, credentials: Pop3Credentials): Promise<void> {
  const { login, password, token, allow } = credentials
  if (token !== undefined) {
    mustBeSecure(connection, 'a token')
    const ways = waysOfTokens(connection)
    if (ways.length === 0) throw noWay(connection, 'a token')
    await tryTokens(ways, token, (way, given) => attempt(connection, way, { login, token: given }))
  } else if (password === undefined)
    throw new MisuseError('usage', `there is neither a password nor a token for ${login}`)
  else {
    if (login === '' || password === '' || /\0/.test(login + password))
      throw new MisuseError('usage', 'the login name or the password is empty or has a NUL in it')
    if (credentials.inTheClear !== true) mustBeSecure(connection, 'the password')
    const all = waysOfPasswords(connection, allow)
    const ways = credentials.withoutPlus === true ? all.filter(({ name }) => name !== 'SCRAM-SHA-256-PLUS') : all
    if (ways.length === 0) throw noWay(connection, 'a password')
    // RFC 3206 §6: without [AUTH] it was not the password; but that holds only for those who say AUTH-RESP-CODE.
    const most = connection.capabilities.authRespCode ? mostTries : mostTries - 1
    const { plusFailed } = await tryPassword(ways, most, (way) => attempt(connection, way, { login, password }))
    connection.plusFailed = plusFailed
  }
}

/** Tries one way. */
async function attempt(connection: Pop3Connection, way: Way, secret: Secret): Promise<Attempt> {
  const { capabilities, secured, to } = connection
  const line = { offered: capabilities.sasl, bindings: secured ? connection.binding.bind(connection) : undefined }
  const exchange = way.name === 'APOP' || way.name === 'USER' ? undefined : mechanismOf(way.name, secret, line)
  let reply: Reply
  if (exchange !== undefined) reply = await connection.ask({ verb: 'AUTH', exchange, bare: way.bare ?? false })
  else if (!('password' in secret)) throw noWay(connection, 'a token')
  else reply = await (way.name === 'APOP' ? askApop(connection, secret) : askUser(connection, secret))
  if (reply.ok) return { refusal: undefined, badToken: false, unproved: false }
  const { reason, reply: words, message } = refused(to, reply, `to log in ${secret.login} by ${way.name}`)
  const refusal = new RefusedError(reason, words, `${message} (${offerText(connection)})`)
  return refusedAt(spelt(to), refusal, exchange, secret, secured)
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

function noWay(connection: Pop3Connection, what: string): PeerError {
  return new PeerError(
    'protocol',
    `${spelt(connection.to)} offers no way to log in with ${what} that Postino knows (${offerText(connection)})`,
  )
}
