import * as oauth from 'oauth4webapi'
import { MisuseError, PeerError } from '../../errors.ts'
import { authOf, authorizationServer, clientAt, requestOptions } from './authorization-server.ts'
import { issuerError } from './issuer-error.ts'
import { listenForRedirect, type RedirectListener } from './redirect-listener.ts'
import type { Registration } from './registration.ts'
import { type IssuerClient, type Tokens, tokensOf } from './tokens.ts'

/** How long a person may take, milliseconds. */
const patience = 15 * 60_000

/** Who is asked for consent, and how. */
export interface BrowserConsent {
  /** Whom the issuer is to ask; it may ask somebody else all the same. */
  readonly login?: string | undefined
  /** Shows the URL that the person must go to. `copy`: and that the answer must be copied from the page. */
  show(url: string, copy: boolean): void | Promise<void>
  /** Lines that the person gives: the URL that the browser was sent to, where it could not get here; or the code. */
  readonly pasted?: AsyncIterable<string> | undefined
  /** Told of each such line that is no answer. */
  readonly onOdd?: () => void
  readonly signal?: AbortSignal | undefined
}

/** A person's consent, by the browser: the authorization code (RFC 6749 §4.1), with PKCE (RFC 7636), as RFC 8252 has it for programs. */
export async function consentByBrowser(registration: Registration, consent: BrowserConsent): Promise<Tokens> {
  const limit = AbortSignal.timeout(patience)
  const signal = consent.signal === undefined ? limit : AbortSignal.any([consent.signal, limit])
  const server = await authorizationServer(registration, signal)
  if (server.authorization_endpoint === undefined)
    throw new MisuseError('configuration', `${registration.name} has no page to log in at; try --device`)
  const state = oauth.generateRandomState()
  const verifier = oauth.generateRandomCodeVerifier()
  const mine = (url: URL): boolean => url.searchParams.get('state') === state
  const listener = registration.redirect === 'oob' ? undefined : await listenForRedirect(registration.redirect, mine)
  try {
    const redirect = listener?.uri ?? 'oob'
    const grants = ['authorization_code', 'refresh_token']
    const client = await clientAt(server, registration, { redirect, grants }, signal)
    const url = new URL(server.authorization_endpoint)
    const parameters = {
      response_type: 'code',
      client_id: client.id,
      redirect_uri: redirect,
      scope: registration.scopes.join(' '),
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(consent.login !== undefined && { login_hint: consent.login }),
      ...(registration.resource !== undefined && { resource: registration.resource }),
      ...registration.parameters,
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    await consent.show(url.href, listener === undefined)
    const answer = await firstOf(listener, consent, state, signal, limit)
    return await exchange(registration, server, client, { answer, state, redirect, verifier }, signal)
  } finally {
    listener?.close()
  }
}

/** The answer, whichever way it comes. */
async function firstOf(
  listener: RedirectListener | undefined,
  { pasted, onOdd }: Pick<BrowserConsent, 'pasted' | 'onOdd'>,
  state: string,
  signal: AbortSignal,
  limit: AbortSignal,
): Promise<URLSearchParams> {
  const over = Promise.withResolvers<never>()
  over.promise.catch(() => undefined)
  const stop = (): void =>
    over.reject(
      new PeerError('timed-out', limit.aborted ? `nobody gave consent in ${patience / 60_000} minutes` : 'stopped'),
    )
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await Promise.race([
      over.promise,
      ...(listener === undefined ? [] : [listener.answered.then(({ searchParams }) => searchParams)]),
      ...(pasted === undefined ? [] : [answerIn(pasted, { state, code: listener === undefined, onOdd })]),
    ])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** The first line that is an answer: the URL with our state or, where the page shows one, the `code` alone. */
async function answerIn(
  lines: AsyncIterable<string>,
  { state, code, onOdd }: { state: string; code: boolean; onOdd: (() => void) | undefined },
): Promise<URLSearchParams> {
  for await (const line of lines) {
    const text = line.trim()
    const url = text.includes('://') ? URL.parse(text) : null
    if (url?.searchParams.get('state') === state) return url.searchParams
    if (code && url === null && /^[\w./~-]{4,}$/.test(text)) return new URLSearchParams({ code: text, state })
    if (text !== '') onOdd?.()
  }
  // No more lines come: the browser may still.
  return await new Promise(() => undefined)
}

async function exchange(
  registration: Registration,
  server: oauth.AuthorizationServer,
  client: IssuerClient,
  given: { answer: URLSearchParams; state: string; redirect: string; verifier: string },
  signal: AbortSignal,
): Promise<Tokens> {
  const { issuer, scopes, lasts, resource } = registration
  const asking: oauth.Client = { client_id: client.id }
  try {
    // RFC 9207 §2.4 too: whether it is this issuer who answers.
    const answer = oauth.validateAuthResponse(server, asking, given.answer, given.state)
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      asking,
      authOf(server, client),
      answer,
      given.redirect,
      given.verifier,
      {
        ...requestOptions(registration, signal),
        ...(resource !== undefined && { additionalParameters: { resource } }),
      },
    )
    const tokens = await oauth.processAuthorizationCodeResponse(server, asking, response)
    return tokensOf(tokens, { issuer, scopes, lasts, client }, Date.now())
  } catch (error) {
    throw issuerError(error, { ...registration, client })
  }
}
