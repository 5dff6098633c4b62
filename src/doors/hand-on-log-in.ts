import { saslCrypto } from '../accounts/sasl-crypto.ts'
import { PeerError } from '../errors.ts'
import { clientMechanism } from '../sasl/client.ts'
import type { ChannelBindings, ClientMechanism, Mechanism } from '../sasl/mechanism.ts'
import { fromBase64, toBase64 } from '../wire/base64.ts'
import type { TokenSource } from './fetching.ts'

/** What to log in with at a target. */
export type HandOnSecret = { readonly password: string } | { readonly token: TokenSource }

/** Who logs in, and over what. */
export interface LogInOptions {
  readonly login: string
  readonly secret: HandOnSecret
  /** The mechanisms that the server offers, in capitals. */
  readonly offered: readonly string[]
  readonly bindings: ChannelBindings | undefined
  /** A token that the server has just refused. */
  readonly refused?: string | undefined
}

/** The best first: a password that never leaves this machine, then one that only TLS keeps from others. */
const byPassword = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'PLAIN', 'LOGIN'] as const
const byToken = ['OAUTHBEARER', 'XOAUTH2'] as const

/** The best mechanism that the server offers and the secret allows, ready to speak, and the token it uses; undefined where there is none. */
export async function mechanismFor(
  options: LogInOptions,
): Promise<{ mechanism: ClientMechanism; token: string | undefined } | undefined> {
  const { login, secret, offered, bindings } = options
  const names: readonly Mechanism[] = 'token' in secret ? byToken : byPassword
  const usable = names.filter((name) => offered.includes(name))
  if (usable.length === 0) return undefined
  const token = 'token' in secret ? await secret.token(options.refused) : undefined
  const password = 'password' in secret ? secret.password : undefined
  const plus = offered.includes('SCRAM-SHA-256-PLUS')
  for (const name of usable) {
    // RFC 5802 §6: a client that could bind says so only where the server does not offer to.
    const binding = name === 'SCRAM-SHA-256' && plus ? undefined : bindings
    const mechanism = clientMechanism(name, { login, password, token, crypto: saslCrypto, bindings: binding })
    if (mechanism !== undefined) return { mechanism, token }
  }
  return undefined
}

/** The answer to a server's challenge in base64, in base64; `*` cancels the exchange where there is none (RFC 4954 §4, RFC 9051 §6.2.2). */
export function answerTo(mechanism: ClientMechanism, challenge: string): string {
  const octets = fromBase64(challenge.trim())
  const answer = octets === undefined ? undefined : mechanism.answer(octets)
  return answer === undefined ? '*' : toBase64(answer)
}

/** What goes along with a mechanism's name, where the protocol lets it; `=` stands for no octets. */
export function initialResponse(mechanism: ClientMechanism): string | undefined {
  const first = mechanism.first()
  return first === undefined ? undefined : toBase64(first) || '='
}

/** A yes counts only from a server that has proved what the mechanism makes it prove. */
export function mustBeFinished(mechanism: ClientMechanism, place: string): void {
  if (!mechanism.finished)
    throw new PeerError(
      'protocol',
      `${place} says that we are in, but did not prove that it knows the password (${mechanism.name})`,
    )
}

/** There is no way in. */
export function noWayIn(place: string, offered: readonly string[], secret: HandOnSecret): PeerError {
  const what = 'token' in secret ? 'an OAuth 2.0 token' : 'a password'
  return new PeerError(
    'protocol',
    `${place} offers no way to log in with ${what} that Postino knows (it offers: ${offered.join(', ') || 'none'})`,
  )
}
