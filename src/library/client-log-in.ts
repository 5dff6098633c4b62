import { saslCrypto } from '../accounts/sasl-crypto.ts'
import { PeerError } from '../errors.ts'
import { type Pop3Connection, refused } from '../doors/pop3-connection.ts'
import { spelt } from '../net/connect.ts'
import { clientMechanism } from '../sasl/client.ts'
import type { ChannelBindings, Mechanism } from '../sasl/mechanism.ts'

/** Who logs in, and by what. */
export type ClientCredentials =
  | { readonly login: string; readonly password: string }
  /** An OAuth 2.0 access token. */
  | { readonly login: string; readonly token: string }

/** The best first. */
const byPassword: readonly Mechanism[] = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'PLAIN', 'LOGIN']
const byToken: readonly Mechanism[] = ['OAUTHBEARER', 'XOAUTH2']

/** Logs in by the best way that the server offers. Rejects with RefusedError, or PeerError where there is no way. */
export async function logIn(connection: Pop3Connection, credentials: ClientCredentials): Promise<void> {
  const { sasl, user, all } = connection.capabilities
  const { login } = credentials
  const doing = `to log in ${login}`
  const offered = new Set(sasl)
  const bindings: ChannelBindings | undefined = connection.secured ? (type) => connection.binding(type) : undefined
  // RFC 5802 §6: without -PLUS on offer, that we could have done it is said too: the server notices where somebody took it off the list.
  const noPlus = offered.has('SCRAM-SHA-256-PLUS') ? undefined : bindings
  for (const name of 'token' in credentials ? byToken : byPassword) {
    if (!offered.has(name)) continue
    const options = { ...credentials, crypto: saslCrypto, bindings: name === 'SCRAM-SHA-256' ? noPlus : bindings }
    const exchange = clientMechanism(name, options)
    if (exchange === undefined) continue
    await connection.must({ verb: 'AUTH', exchange }, doing)
    return
  }
  // A server without CAPA can do no more than this.
  if ('token' in credentials || (all.size > 0 && !user)) {
    const what = 'token' in credentials ? 'a token' : 'a password'
    throw new PeerError(
      'protocol',
      `${spelt(connection.to)} offers no way to log in with ${what} that is known here (it offers: ${sasl.join(', ') || 'none'})`,
    )
  }
  const named = await connection.ask({ verb: 'USER', name: login })
  if (!named.ok) throw refused(connection.to, named, doing)
  await connection.must({ verb: 'PASS', password: credentials.password }, doing)
}
