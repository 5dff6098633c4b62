import { readFile } from 'node:fs/promises'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import { MisuseError, RefusedError } from '../errors.ts'
import { isThisMachine } from '../net/this-machine.ts'

/** Whose tokens are taken: `[oauth]` of the configuration. */
export interface OAuthSettings {
  /** What `iss` must say: an https URL (http only on this machine itself). */
  readonly issuer: string
  /** What must be in `aud`. */
  readonly audience: string
  /** Where the keys are (RFC 7517 §5): such a URL, or a file. Undefined: the issuer tells (OpenID Connect Discovery 1.0 §4). */
  readonly jwks?: string | undefined
  /** The claim that names the user; `email` unless said. */
  readonly userClaim?: string | undefined
}

/** How far the issuer's clock may be from ours, seconds. */
const clockTolerance = 60
/** How long we wait for the issuer, and at least between two times that we ask, milliseconds. */
const patience = 5_000
const pause = 10_000
/** How long keys are used before they are fetched again, milliseconds. A key that is not among them is looked for earlier. */
const lifetime = 10 * 60_000
/** Only with keys of two halves: who can verify a token must not be able to make one (RFC 8725 §3.1). */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/** Tells whom a bearer token (RFC 6750) in the form of a JWT (RFC 7519, 9068) is for. */
export class BearerTokens {
  readonly #settings: OAuthSettings
  #keys: Promise<JWTVerifyGetKey> | undefined
  /** Whether there are keys that need not be fetched yet. */
  #remote: { readonly fresh: boolean } | undefined
  /** When the keys were asked for in vain, milliseconds of `performance.now()`. */
  #failed = -Infinity

  /** Throws MisuseError where a URL of the settings is none that can be trusted. */
  constructor(settings: OAuthSettings) {
    this.#settings = settings
    trusted('oauth.issuer', settings.issuer)
    if (settings.jwks !== undefined && isUrl(settings.jwks)) trusted('oauth.jwks', settings.jwks)
  }

  /**
   * The name in a token that holds; undefined where it does not. Rejects with RefusedError `try-later` where the keys cannot be
   * had.
   */
  async userOf(token: string): Promise<string | undefined> {
    const { jwtVerify, errors } = await import('jose')
    const { issuer, audience, userClaim = 'email' } = this.#settings
    try {
      const { payload } = await jwtVerify(token, await this.#keysNow(), {
        issuer,
        audience,
        algorithms,
        clockTolerance,
        requiredClaims: ['exp', userClaim],
      })
      return nameIn(payload, userClaim)
    } catch (error) {
      if (error instanceof errors.JOSEError && !unreachable.has(error.code)) return undefined
      if (error instanceof RefusedError) throw error
      this.#failed = performance.now()
      throw new RefusedError('try-later', '', `the keys of ${issuer} cannot be had`, { cause: error })
    }
  }

  #keysNow(): Promise<JWTVerifyGetKey> {
    if (performance.now() - this.#failed < pause && this.#remote?.fresh !== true)
      throw new RefusedError('try-later', '', `the keys of ${this.#settings.issuer} could not be had just now`)
    this.#keys ??= this.#findKeys().catch((error: unknown) => {
      this.#keys = undefined
      throw error
    })
    return this.#keys
  }

  async #findKeys(): Promise<JWTVerifyGetKey> {
    const { createLocalJWKSet, createRemoteJWKSet } = await import('jose')
    const { issuer, jwks } = this.#settings
    if (jwks !== undefined && !isUrl(jwks))
      return createLocalJWKSet(JSON.parse(await readFile(jwks, 'utf8')) as Parameters<typeof createLocalJWKSet>[0])
    const url = new URL(jwks ?? (await discover(issuer)))
    const options = { timeoutDuration: patience, cooldownDuration: pause, cacheMaxAge: lifetime }
    const remote = createRemoteJWKSet(url, options)
    this.#remote = remote
    return remote
  }
}

/** What jose says where it could not get the keys, rather than that the token does not hold. */
const unreachable = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'])

function nameIn(payload: JWTPayload, claim: string): string | undefined {
  const name = payload[claim]
  // OpenID Connect Core 1.0 §5.1: such an address may be anybody's.
  const { email_verified: verified = true } = payload
  // Some issuers give it as text.
  if (claim === 'email' && verified !== true && verified !== 'true') return undefined
  return typeof name === 'string' && name !== '' ? name : undefined
}

/** OpenID Connect Discovery 1.0 §4: where the issuer has its keys. */
async function discover(issuer: string): Promise<string> {
  const answer = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    redirect: 'error',
    signal: AbortSignal.timeout(patience),
  })
  if (!answer.ok) throw new Error(`${answer.url} answers ${answer.status}`)
  const found = (await answer.json()) as { issuer?: unknown; jwks_uri?: unknown }
  // §4.3: or somebody else's keys would be taken for the issuer's.
  if (found.issuer !== issuer || typeof found.jwks_uri !== 'string')
    throw new Error(`${answer.url} is not the configuration of ${issuer}`)
  trusted('jwks_uri', found.jwks_uri)
  return found.jwks_uri
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

/** Who can change what comes from there can log in as anybody. */
function trusted(what: string, text: string): void {
  const url = URL.parse(text)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isThisMachine(url.hostname))) return
  throw new MisuseError('configuration', `${what} = ${JSON.stringify(text)}: give an https URL`)
}
