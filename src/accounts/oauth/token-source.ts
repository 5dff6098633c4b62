import { hash } from 'node:crypto'
import { join } from 'node:path'
import * as oauth from 'oauth4webapi'
import { StoreError } from '../../errors.ts'
import type { Directory } from '../directory.ts'
import { type Lock, takeLock } from '../lock.ts'
import type { Secrets } from '../secrets.ts'
import { authOf, authorizationServer, requestOptions } from './authorization-server.ts'
import { ConsentNeeded } from './consent-needed.ts'
import { isInvalidGrant, issuerError, saidText } from './issuer-error.ts'
import type { Registration } from './registration.ts'
import { sealTokens, type Tokens, tokensOf, unsealTokens } from './tokens.ts'

/** A token is not used in its last minute: until the server looks at it, it may have expired. */
const margin = 60_000
/** How long to wait for another process that refreshes the same tokens, milliseconds. */
const patience = 60_000

/** Where tokens are kept. */
export interface TokenParts {
  readonly data: string
  readonly directory: Pick<Directory, 'secret' | 'setSecret' | 'keepState'>
  readonly secrets: Secrets
}

/**
 * Gives an account's access token, refreshed before it expires, and when a server has `refused` it. Rejects with ConsentNeeded where
 * somebody must log in again.
 *
 * Issuers give a new refresh token with each use of the old one, and take whoever uses the old one again for a thief. So only one
 * process refreshes at a time, on what is stored by then; and what comes is durable before anybody uses it.
 */
export function tokenSource(
  parts: TokenParts,
  address: string,
  registration: () => Promise<Registration>,
  now: () => number = Date.now,
): (refused?: string) => Promise<string> {
  const good = ({ access, expires }: Tokens, refused: string | undefined): boolean =>
    access !== refused && (expires === undefined || now() < expires - margin)
  return async (refused) => {
    const stored = storedTokens(parts, address)
    if (good(stored, refused)) return stored.access
    const lock = await lockTokens(parts, address)
    try {
      const tokens = storedTokens(parts, address)
      if (good(tokens, refused)) return tokens.access
      const fresh = await refreshed(tokens, await registration(), address, now, () =>
        // A token that cannot be kept is a log-in that is lost: is there room, and the right to write?
        parts.directory.setSecret(address, sealTokens(parts.secrets, address, tokens)),
      )
      await storeTokens(parts, address, fresh)
      return fresh.access
    } finally {
      lock.release()
    }
  }
}

/** Keeps the tokens of a new consent, after whoever refreshes the old ones. */
export async function keepTokens(parts: TokenParts, address: string, tokens: Tokens): Promise<void> {
  const lock = await lockTokens(parts, address)
  try {
    await storeTokens(parts, address, tokens)
  } finally {
    lock.release()
  }
}

function storedTokens({ directory, secrets }: TokenParts, address: string): Tokens {
  const sealed = directory.secret(address)
  if (sealed === undefined) throw gone(address)
  if (sealed.length === 0) throw new ConsentNeeded(address, `nobody has logged in at the issuer for ${address} yet`)
  return unsealTokens(secrets, address, sealed)
}

async function storeTokens({ directory, secrets }: TokenParts, address: string, tokens: Tokens): Promise<void> {
  if (!(await directory.setSecret(address, sealTokens(secrets, address, tokens)))) throw gone(address)
  await directory.keepState(address, { consentEnds: tokens.consentEnds })
}

async function refreshed(
  tokens: Tokens,
  registration: Registration,
  address: string,
  now: () => number,
  prepare: () => Promise<boolean>,
): Promise<Tokens> {
  const { name, issuer, scopes, lasts, resource } = registration
  const { refresh } = tokens
  const ended = (why: string, reply?: string): ConsentNeeded =>
    new ConsentNeeded(address, `the log-in of ${address} at ${name} has ended: ${why}`, reply)
  if (refresh === undefined) throw ended('the issuer gave no refresh token')
  // The secret may have been changed since.
  const client = registration.client?.id === tokens.client.id ? registration.client : tokens.client
  const server = await authorizationServer(registration)
  const asking: oauth.Client = { client_id: client.id }
  if (!(await prepare())) throw gone(address)
  try {
    const response = await oauth.refreshTokenGrantRequest(server, asking, authOf(server, client), refresh, {
      ...requestOptions(registration),
      ...(resource !== undefined && { additionalParameters: { resource } }),
    })
    const answer = await oauth.processRefreshTokenResponse(server, asking, response)
    return tokensOf(answer, { issuer, scopes, lasts, client }, now(), tokens)
  } catch (error) {
    if (!isInvalidGrant(error)) throw issuerError(error, { ...registration, client })
    const said = saidText(error.error, error.error_description)
    throw ended(`it says ${said}`, said)
  }
}

async function lockTokens({ data }: TokenParts, address: string): Promise<Lock> {
  const file = join(data, 'locks', `tokens-${hash('sha256', address).slice(0, 32)}`)
  const lock = await takeLock(file, patience)
  if (lock === undefined)
    throw new StoreError('busy', `the tokens of ${address} are being refreshed by another process; try again later`)
  return lock
}

function gone(address: string): StoreError {
  return new StoreError('missing', `the account ${address} was removed meanwhile`)
}
