import * as oauth from 'oauth4webapi'
import { MisuseError, PeerError, PostinoError, RefusedError } from '../../errors.ts'
import type { Registration } from './registration.ts'

/**
 * What went wrong with an issuer, in words for a person. Never with the library's error as its cause: that may hold the answer, and
 * with it tokens.
 */
export function issuerError(error: unknown, registration: Pick<Registration, 'name' | 'client'>): unknown {
  const { name } = registration
  // Who does not answer is not the mail server, which the account names.
  if (error instanceof PeerError) return new PeerError(error.code, `${name} gives no tokens: ${error.message}`)
  if (error instanceof PostinoError || !(error instanceof Error)) return error
  if (error instanceof oauth.AuthorizationResponseError)
    return saidNo(registration, error.error, error.error_description)
  if (error instanceof oauth.ResponseBodyError)
    return error.status >= 500 || error.status === 429
      ? later(name, error.error)
      : saidNo(registration, error.error, error.error_description)
  if (error instanceof oauth.WWWAuthenticateChallengeError) return saidNo(registration, 'invalid_client', undefined)
  const { cause } = error
  const status = cause instanceof Response ? cause.status : undefined
  if (status !== undefined && (status >= 500 || status === 429)) return later(name, `HTTP ${status}`)
  const code = status === undefined ? '' : ` (HTTP ${status})`
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError)
    return new PeerError('protocol', `${name} answers as no issuer should: ${error.message}${code}`)
  return error
}

/** Whether an issuer no longer takes what it once gave (RFC 6749 §5.2). */
export function isInvalidGrant(error: unknown): error is oauth.ResponseBodyError {
  return error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant'
}

/** What the issuer said, as a person may see it. */
export function saidText(code: string, description: string | undefined): string {
  // oxlint-disable-next-line no-control-regex
  const text = (description === undefined ? code : `${code}: ${description}`).replace(/[\0-\x1f\x7f-\x9f]+/g, ' ')
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** RFC 6749 §4.1.2.1, §5.2; RFC 8628 §3.5. */
function saidNo(
  { name, client }: Pick<Registration, 'name' | 'client'>,
  code: string,
  description?: string,
): PostinoError {
  const said = saidText(code, description)
  switch (code) {
    case 'access_denied':
      return new RefusedError('bad-login', said, `the consent was refused at ${name} (it says: ${said})`)
    case 'expired_token':
      return new RefusedError('no', said, `nobody gave consent at ${name} in time; try again`)
    case 'invalid_client':
    case 'unauthorized_client':
      return new MisuseError(
        'configuration',
        `${name} does not take the client id ${JSON.stringify(client?.id ?? '')} or its secret (it says: ${said}); see docs/oauth.md`,
      )
    case 'invalid_scope':
      return new MisuseError('configuration', `${name} does not give the scopes that were asked for (it says: ${said})`)
    case 'temporarily_unavailable':
    case 'server_error':
      return later(name, said)
    default:
      return new RefusedError('no', said, `${name} gives no tokens (it says: ${said})`)
  }
}

function later(name: string, said: string): RefusedError {
  return new RefusedError('try-later', said, `${name} gives no tokens now (it says: ${said})`)
}
