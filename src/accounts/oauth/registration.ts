import { MisuseError } from '../../errors.ts'
import type { AccountOptions } from '../account-options.ts'
import { type ConfiguredClient, configuredClient } from './clients.ts'
import { type Endpoints, type KnownIssuer, knownIssuers, type Lasting } from './issuers.ts'
import { trusted } from './request.ts'
import type { IssuerClient } from './tokens.ts'

/** An issuer as an account uses it: where, for what, and as which program. */
export interface Registration {
  /** What the person calls it. */
  readonly name: string
  readonly issuer: string
  /** Undefined: the issuer tells. */
  readonly endpoints: Endpoints | undefined
  readonly scopes: readonly string[]
  /** Undefined: the person has none yet. */
  readonly client: IssuerClient | undefined
  /** Where the browser is sent with the answer, on this machine; `oob`: nowhere. */
  readonly redirect: string
  /** For which server the tokens are (RFC 8707), where the issuer wants to know. */
  readonly resource: string | undefined
  readonly parameters: Readonly<Record<string, string>>
  readonly noDevice: string | undefined
  readonly lasts: Lasting | undefined
  /** Through which proxy the issuer is asked. */
  readonly proxy: string | undefined
}

/** RFC 8252 §7.3, §8.3: the address, not a name; any port. */
const usualRedirect = 'http://127.0.0.1'

/** What an account says of its issuer, before the configuration, before what is known. Throws MisuseError where that is not enough. */
export async function registrationOf(
  options: AccountOptions,
  data: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Registration> {
  const name = options.issuer ?? options.oauth?.issuer
  if (name === undefined)
    throw new MisuseError(
      'usage',
      `no issuer is named: give ${Object.keys(knownIssuers).join(', ')}, a URL, or the NAME of an [oauth_client.NAME] in postino.toml, with --issuer`,
    )
  return registrationWith(name, options, await configuredClient(data, name, environment))
}

/** The same with what the configuration has. */
export function registrationWith(name: string, options: AccountOptions, configured: ConfiguredClient): Registration {
  const { oauth = {}, proxy } = options
  const known: Partial<KnownIssuer> | undefined = Object.hasOwn(knownIssuers, name) ? knownIssuers[name] : undefined
  const tenant = configured.tenant ?? 'common'
  const spelt = (text: string): string => text.replace('{tenant}', encodeURIComponent(tenant))
  const issuer = oauth.issuer ?? configured.issuer ?? known?.issuer ?? (isUrl(name) ? name : undefined)
  const scopes = oauth.scopes ?? configured.scopes ?? known?.scopes
  if (issuer === undefined) throw unknownIssuer(name)
  if (scopes === undefined)
    throw new MisuseError(
      'configuration',
      `no scopes are known for ${name}: give what its mail server wants, scopes = ["…"] in [oauth_client.${bare(name)}]`,
    )
  checked(spelt(issuer), `the issuer of ${name}`)
  const redirect = configured.redirect ?? known?.redirect ?? usualRedirect
  if (redirect !== 'oob') checked(redirect, `the redirect of ${name}`)
  const id = oauth.clientId ?? configured.id
  return {
    name,
    issuer: spelt(issuer),
    endpoints: endpointsOf(configured, issuer === known?.issuer ? known.endpoints : undefined, spelt),
    scopes,
    client: id === undefined ? undefined : { id, secret: id === configured.id ? configured.secret : undefined },
    redirect,
    resource: oauth.resource ?? configured.resource,
    parameters: known?.parameters ?? {},
    noDevice: known?.noDevice,
    lasts: configured.days === undefined ? known?.lasts : { days: configured.days, from: 'consent' },
    proxy,
  }
}

function endpointsOf(
  configured: ConfiguredClient,
  known: Endpoints | undefined,
  spelt: (text: string) => string,
): Endpoints | undefined {
  const authorization = configured.authorization_endpoint ?? known?.authorization
  const token = configured.token_endpoint ?? known?.token
  const device = configured.device_authorization_endpoint ?? known?.device
  if (authorization === undefined || token === undefined) return undefined
  return { authorization: spelt(authorization), token: spelt(token), device: device && spelt(device) }
}

function unknownIssuer(name: string): MisuseError {
  const known = Object.keys(knownIssuers).join(', ')
  return new MisuseError(
    'configuration',
    `there is no issuer ${JSON.stringify(name)}; known are ${known}; any other needs [oauth_client.${bare(name)}] with issuer, scopes and id`,
  )
}

/** Throws MisuseError where tokens could be read or made by others. */
function checked(text: string, what: string): void {
  const url = URL.parse(text)
  if (url === null) throw new MisuseError('configuration', `${what} is ${JSON.stringify(text)}, which is no URL`)
  trusted(url)
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

/** As a key of TOML. */
function bare(name: string): string {
  return /^[\w-]+$/.test(name) ? name : JSON.stringify(name)
}
