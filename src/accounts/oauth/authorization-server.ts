import type { AuthorizationServer, Client, ClientAuth } from 'oauth4webapi'
import * as oauth from 'oauth4webapi'
import { MisuseError } from '../../errors.ts'
import { issuerError } from './issuer-error.ts'
import type { Registration } from './registration.ts'
import { requestThrough } from './request.ts'
import type { IssuerClient } from './tokens.ts'

/** How long what an issuer told of itself is believed, milliseconds. */
const lifetime = 60 * 60_000

const told = new Map<string, { readonly server: AuthorizationServer; readonly until: number }>()

/** What oauth4webapi is given with every request. */
export interface RequestOptions {
  readonly [oauth.customFetch]: (
    url: string,
    options: Parameters<ReturnType<typeof requestThrough>>[1],
  ) => Promise<Response>
  readonly [oauth.allowInsecureRequests]: true
  readonly signal?: AbortSignal
}

/** Them, for an issuer: through its proxy. */
export function requestOptions({ proxy }: Registration, signal?: AbortSignal): RequestOptions {
  return {
    [oauth.customFetch]: requestThrough(proxy),
    // `requestThrough` looks at each URL: in the clear only to this machine.
    [oauth.allowInsecureRequests]: true,
    ...(signal && { signal }),
  }
}

/** Where an issuer is asked, and how: what is known of it, or what it tells (OpenID Connect Discovery 1.0 §4, RFC 8414 §3). */
export async function authorizationServer(
  registration: Registration,
  signal?: AbortSignal,
): Promise<AuthorizationServer> {
  const { issuer, endpoints } = registration
  if (endpoints !== undefined)
    return {
      issuer,
      authorization_endpoint: endpoints.authorization,
      token_endpoint: endpoints.token,
      ...(endpoints.device !== undefined && { device_authorization_endpoint: endpoints.device }),
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    }
  const known = told.get(issuer)
  if (known !== undefined && known.until > performance.now()) return known.server
  try {
    const server = await discover(registration, signal)
    told.set(issuer, { server, until: performance.now() + lifetime })
    return server
  } catch (error) {
    throw issuerError(error, registration)
  }
}

async function discover(registration: Registration, signal: AbortSignal | undefined): Promise<AuthorizationServer> {
  const issuer = new URL(registration.issuer)
  const options = requestOptions(registration, signal)
  const oidc = await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oidc' })
  if (oidc.status === 200) return await oauth.processDiscoveryResponse(issuer, oidc)
  return await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' }),
  )
}

/** How a client shows that it is who it says (RFC 6749 §2.3): with its secret, in the way that the issuer takes, if it has one. */
export function authOf(server: AuthorizationServer, { secret }: IssuerClient): ClientAuth {
  if (secret === undefined) return oauth.None()
  // RFC 8414 §2: `client_secret_basic` where it does not say.
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  return methods.includes('client_secret_post') ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret)
}

/** The client that the person has, or else one of our own making, where the issuer lets anybody register (RFC 7591 §3). */
export async function clientAt(
  server: AuthorizationServer,
  registration: Registration,
  wanted: { readonly redirect?: string; readonly grants: readonly string[] },
  signal?: AbortSignal,
): Promise<IssuerClient> {
  if (registration.client !== undefined) return registration.client
  if (server.registration_endpoint === undefined) throw noClient(registration)
  const metadata: Partial<Omit<Client, symbol>> = {
    client_name: 'Postino',
    redirect_uris: wanted.redirect === undefined ? [] : [wanted.redirect],
    grant_types: [...wanted.grants],
    response_types: wanted.redirect === undefined ? [] : ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    scope: registration.scopes.join(' '),
  }
  try {
    const response = await oauth.dynamicClientRegistrationRequest(
      server,
      metadata,
      requestOptions(registration, signal),
    )
    const { client_id: id, client_secret: secret } = await oauth.processDynamicClientRegistrationResponse(response)
    return { id, secret: typeof secret === 'string' ? secret : undefined }
  } catch (error) {
    throw issuerError(error, registration)
  }
}

function noClient({ name }: Registration): MisuseError {
  return new MisuseError(
    'configuration',
    `there is no client id for ${name}: get one there (docs/oauth.md says how), and give it as id = "…" in [oauth_client.${name}] of postino.toml in the data folder`,
  )
}
