import type { TokenEndpointResponse } from 'oauth4webapi'
import { StoreError } from '../../errors.ts'
import type { Secrets } from '../secrets.ts'
import type { Lasting } from './issuers.ts'

const day = 86_400_000

/** As which program we ask an issuer. */
export interface IssuerClient {
  readonly id: string
  readonly secret?: string | undefined
}

/** What an account logs in with by OAuth 2.0. Times are milliseconds since 1970. */
export interface Tokens {
  readonly access: string
  /** Undefined: the issuer did not say. */
  readonly expires?: number | undefined
  /** Undefined: there is none, and when `access` has expired somebody must log in again. */
  readonly refresh?: string | undefined
  /** When the refresh token expires, where the issuer said so. */
  readonly refreshExpires?: number | undefined
  /** When somebody gave consent. */
  readonly consented: number
  /** When the log-in ends for good, as far as that is known. */
  readonly consentEnds?: number | undefined
  readonly scopes: readonly string[]
  readonly issuer: string
  /** A refresh token is good for nobody else (RFC 6749 §6). */
  readonly client: IssuerClient
}

/** The tokens of an issuer's answer (RFC 6749 §5.1). `before`: those that were refreshed. */
export function tokensOf(
  response: TokenEndpointResponse,
  from: {
    readonly issuer: string
    readonly scopes: readonly string[]
    readonly lasts: Lasting | undefined
    readonly client: IssuerClient
  },
  now: number,
  before?: Tokens,
): Tokens {
  const later = (seconds: unknown): number | undefined =>
    typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? now + seconds * 1000 : undefined
  const expires = later(response.expires_in)
  // RFC 6749 §6: where none comes, the one that we have goes on.
  const refresh = response.refresh_token ?? before?.refresh
  // Google's, and others': it is in no RFC.
  const told = later(response['refresh_token_expires_in'])
  const refreshExpires = told ?? (refresh === before?.refresh ? before?.refreshExpires : undefined)
  const consented = before?.consented ?? now
  const { lasts } = from
  const usual = lasts && (lasts.from === 'consent' ? consented : now) + lasts.days * day
  return {
    access: response.access_token,
    expires,
    refresh,
    refreshExpires,
    consented,
    consentEnds: refresh === undefined ? expires : (refreshExpires ?? usual),
    // RFC 6749 §5.1: where it is not said, it is what was asked for.
    scopes: response.scope?.split(' ') ?? before?.scopes ?? from.scopes,
    issuer: from.issuer,
    client: from.client,
  }
}

/** Whom the octets are bound to: never to be taken for a password. */
function owner(address: string): string {
  return `oauth ${address}`
}

/** Encrypts tokens: what the directory keeps as the secret of the account. */
export function sealTokens(secrets: Secrets, address: string, tokens: Tokens): Uint8Array {
  return secrets.seal(owner(address), JSON.stringify(tokens))
}

/** The tokens of an account. Throws StoreError where they cannot be read. */
export function unsealTokens(secrets: Secrets, address: string, sealed: Uint8Array): Tokens {
  const text = secrets.unseal(owner(address), sealed)
  try {
    return JSON.parse(text) as Tokens
  } catch (cause) {
    throw new StoreError('damaged', `the tokens of ${address} are none; run: postino account login ${address}`, {
      cause,
    })
  }
}
