import { hmacMd5, saslCrypto } from '../accounts/sasl-crypto.ts'
import { PeerError, type RefusedError } from '../errors.ts'
import { clientMechanism } from '../sasl/client.ts'
import {
  type ChannelBindings,
  channelBindingTypes,
  type ClientMechanism,
  type ClientMechanismName,
} from '../sasl/mechanism.ts'
import { type Destination, spelt } from '../net/destination.ts'
import { isThisMachine } from '../net/this-machine.ts'
import { OAuthClient } from '../sasl/oauth.ts'
import type { TokenSource } from './fetching.ts'

/** A secret for one try. */
export type Secret =
  | { readonly login: string; readonly password: string }
  | { readonly login: string; readonly token: string }

/** What became of one try. */
export interface Attempt {
  /** Undefined: we are in. */
  readonly refusal: RefusedError | undefined
  /** Whether the server has said that it is the token. */
  readonly badToken: boolean
  /** Whether nothing had left yet that depends on the secret. */
  readonly unproved: boolean
}

/** More tries than these a session has not: others would take us for somebody who guesses, and lock the account. */
export const mostTries = 3

/**
 * Logs in by a password in one of these ways, the best first: where that way, and not the password, is refused, the next one is tried;
 * `most` so many. Rejects with RefusedError.
 */
export async function tryPassword<Way extends { readonly name: string }>(
  ways: readonly Way[],
  most: number,
  attempt: (way: Way) => Promise<Attempt>,
): Promise<{ readonly plusFailed: boolean }> {
  let refusal: RefusedError | undefined
  let plusFailed = false
  let tries = 0
  for (const way of ways) {
    const tried = await after(refusal, attempt(way))
    refusal = tried.refusal
    if (refusal === undefined) break
    // A server that refuses before it has seen a proof does not want the way: it may keep no keys for SCRAM. And some offer -PLUS under
    // TLS 1.3, where they know none of its bindings (RFC 9266), and say that the password is wrong.
    const plus = way.name === 'SCRAM-SHA-256-PLUS'
    if (refusal.reason === 'bad-login' && (tried.unproved || plus)) {
      plusFailed ||= plus
      continue
    }
    if (refusal.reason !== 'no' || ++tries >= most) break
  }
  if (refusal !== undefined) throw refusal
  return { plusFailed }
}

/** Logs in by a token in one of these ways, the best first; where the token is refused, by a fresh one, once. Rejects with RefusedError. */
export async function tryTokens<Way>(
  ways: readonly Way[],
  source: TokenSource,
  attempt: (way: Way, token: string) => Promise<Attempt>,
): Promise<void> {
  const left = [...ways]
  let way = left.shift()
  let token = await source()
  let fresh = false
  let refusal: RefusedError | undefined
  for (let tries = 0; tries < mostTries && way !== undefined; tries++) {
    const tried: Attempt = await after(refusal, attempt(way, token))
    refusal = tried.refusal
    if (refusal === undefined) return
    if (refusal.reason !== 'no' && refusal.reason !== 'bad-login') break
    const next: Way | undefined = tried.badToken ? undefined : left.shift()
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

/** A server that hangs up after its refusal has refused, and is not gone. */
async function after(before: RefusedError | undefined, attempt: Promise<Attempt>): Promise<Attempt> {
  try {
    return await attempt
  } catch (error) {
    if (before !== undefined && error instanceof PeerError && error.code === 'connection-lost') throw before
    throw error
  }
}

/**
 * Throws PeerError where others could hear what is said: without TLS nothing secret goes to another machine, unless somebody has said that
 * it may (RFC 8314 §3); a token never does (RFC 6750 §5.3).
 */
export function mustBeSecure(
  { to, secured }: { readonly to: Destination; readonly secured: boolean },
  what: string,
): void {
  if (secured || isThisMachine(to.host)) return
  throw new PeerError(
    'tls',
    `there is no TLS to ${spelt(to)}: ${what} would go in the clear, so it was not sent; try --tls implicit or starttls`,
  )
}

/** What a connection says to who logs in over it. */
export interface LogInLine {
  /** The mechanisms that the server offers, in capitals. */
  readonly offered: readonly string[]
  /** Undefined: there is no TLS. */
  readonly bindings: ChannelBindings | undefined
}

/** RFC 5802 §6: without a channel to bind to there is no -PLUS. */
export function canBind(bindings: ChannelBindings | undefined): boolean {
  return channelBindingTypes.some((type) => bindings?.(type) !== undefined)
}

/** The client's side of a mechanism, for one exchange; undefined where what it needs is not there. */
export function mechanismOf(
  name: ClientMechanismName,
  secret: Secret,
  { offered, bindings }: LogInLine,
): ClientMechanism | undefined {
  // RFC 5802 §6: without -PLUS on offer, that we could have done it is said too: the server notices where somebody took it off the list.
  const unused = offered.includes('SCRAM-SHA-256-PLUS') ? undefined : bindings
  return clientMechanism(name, {
    ...secret,
    crypto: saslCrypto,
    hmacMd5,
    bindings: name === 'SCRAM-SHA-256' ? unused : bindings,
  })
}

/** Says what a refusal means. Throws PeerError where nothing more is to be said to this server. `place`: what to call it. */
export function refusedAt(
  place: string,
  refusal: RefusedError,
  mechanism: ClientMechanism | undefined,
  { login }: Secret,
  secured: boolean,
): Attempt {
  believe(place, mechanism, login, secured)
  return {
    refusal,
    badToken: refusal.reason === 'bad-login' || (mechanism instanceof OAuthClient && mechanism.error !== undefined),
    unproved: mechanism?.proved === false,
  }
}

/** RFC 5802 §3: to a server that does not know the password, we do not tell it, however it asks; nor in the clear to one that is odd. */
function believe(place: string, mechanism: ClientMechanism | undefined, login: string, secured: boolean): void {
  if (mechanism?.fault === undefined || (mechanism.fault === 'malformed' && secured)) return
  const what = mechanism.fault === 'unproven' ? 'has not proved that it knows' : 'asks in no proper way for'
  throw new PeerError('protocol', `${place} ${what} the password of ${login} (by ${mechanism.name})`)
}
