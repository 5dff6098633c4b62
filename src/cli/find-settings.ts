import { domainOf } from '../accounts/names.ts'
import { providerOfHost } from '../accounts/providers.ts'
import type { Protocol, ProviderLimits } from '../accounts/provider.ts'
import { atProvider } from '../accounts/discovery/by-provider.ts'
import { discover, type DiscoverOptions } from '../accounts/discovery/discover.ts'
import type { Found, Step, Tried } from '../accounts/discovery/found.ts'
import { MisuseError } from '../errors.ts'
import { hostAndMaybePort } from './server-option.ts'

/** What the person says; it goes before what is found. */
export interface SettingsWords {
  readonly protocol?: string | undefined
  readonly server?: string | undefined
  readonly tls?: string | undefined
  readonly login?: string | undefined
  /** Look nothing up on the network. */
  readonly offline?: boolean | undefined
}

/** Where and how to log in, and what is known of it. */
export interface Settings {
  readonly protocol: Protocol
  readonly server: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls' | 'none'
  readonly login: string
  /** `oauth` where the provider takes no passwords. */
  readonly auth: 'password' | 'oauth'
  /** Who gives out tokens of OAuth 2.0 for it, where it takes any. */
  readonly issuer: string | undefined
  /** What the person should know, one sentence each. */
  readonly notes: readonly string[]
  readonly limits: ProviderLimits
  /** Where it was found; `given`: nothing was looked for. */
  readonly source: Step | 'given'
  /** The same for the person. */
  readonly from: string
}

/** How it is looked for; the usual way unless said. */
export type Ways = Pick<DiscoverOptions, 'look' | 'reach' | 'ispdb' | 'onStep' | 'confirm' | 'signal'>

const protocols = ['pop3', 'imap'] as const
const tlsWays = ['implicit', 'starttls', 'none'] as const

/** The settings for an address: what the options say, and what discovery finds. Throws MisuseError. */
export async function findSettings(address: string, words: SettingsWords, ways: Ways = {}): Promise<Settings> {
  const protocol = chosen('--protocol', words.protocol, protocols)
  const tls = chosen('--tls', words.tls, tlsWays)
  if (words.server !== undefined) return givenSettings(address, words.server, words.login, protocol, tls)
  if (domainOf(address) === undefined)
    throw new MisuseError('usage', `${address} has no domain to find its server by: give it with --server HOST[:PORT]`)
  const { found, tried, closed, noNetwork } = await discover(address, {
    ...ways,
    protocol,
    offline: words.offline ?? false,
  })
  if (closed !== undefined) throw new MisuseError('usage', `${address} cannot be fetched: ${closed}`)
  if (noNetwork === true)
    throw new MisuseError(
      'usage',
      `the server of ${domainOf(address)} is not known here, and nobody on the network answers: connect, or give it with --server HOST[:PORT]`,
    )
  if (found === undefined) throw notFound(address, tried, words.offline ?? false)
  const way = tls ?? found.tls
  return {
    ...found,
    port: way === found.tls ? found.port : usualPort(found.protocol, way),
    tls: way,
    login: words.login ?? found.login,
    notes: withoutLogin(found.notes, words.login),
  }
}

/** The server that the person names, and what is known of it. */
function givenSettings(
  address: string,
  text: string,
  login: string | undefined,
  asked: Protocol | undefined,
  tls: Settings['tls'] | undefined,
): Settings {
  const { host: server, port } = hostAndMaybePort(text)
  const provider = providerOfHost(server)
  const protocol = asked ?? protocolAt(server, port)
  // RFC 8314 §3.2, §3.3: implicit TLS on 993 and 995; 143 and 110 are the ports for clear text, and for STARTTLS (RFC 2595).
  const usual = provider?.[protocol]
  const byPort = port === undefined && usual?.host === server.toLowerCase() ? usual.tls : undefined
  const way = tls ?? byPort ?? (port === 110 || port === 143 ? 'starttls' : 'implicit')
  const at = { host: server, port: port ?? usualPort(protocol, way), tls: 'implicit' } as const
  const known = provider && atProvider(provider, address, protocol, at, 'table', '')
  return {
    protocol,
    server,
    port: at.port,
    tls: way,
    login: login ?? known?.login ?? address,
    auth: known?.auth ?? 'password',
    issuer: known?.issuer,
    notes: withoutLogin(known?.notes ?? [], login),
    limits: known?.limits ?? {},
    source: 'given',
    from: provider === undefined ? 'what you gave' : `what you gave, and what Postino knows of ${provider.name}`,
  }
}

/** By the port, else by the server's name where it is known; POP3 where nothing tells. */
function protocolAt(server: string, port: number | undefined): Protocol {
  if (port === 993 || port === 143) return 'imap'
  if (port !== undefined) return 'pop3'
  const provider = providerOfHost(server)
  const host = server.toLowerCase()
  return provider?.imap?.host === host && provider.pop3?.host !== host ? 'imap' : 'pop3'
}

function usualPort(protocol: Protocol, tls: Settings['tls']): number {
  if (protocol === 'pop3') return tls === 'implicit' ? 995 : 110
  return tls === 'implicit' ? 993 : 143
}

function chosen<Choice extends string>(
  option: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  const found = choices.find((choice) => choice === text)
  if (text !== undefined && found === undefined)
    throw new MisuseError('usage', `${option} ${text}: give one of ${choices.join(', ')}`)
  return found
}

/** A note on what to give with --login is done with once it was given. */
function withoutLogin(notes: Found['notes'], login: string | undefined): readonly string[] {
  return login === undefined ? notes : notes.filter((note) => !note.includes('--login'))
}

function notFound(address: string, tried: readonly Tried[], offline: boolean): MisuseError {
  const domain = domainOf(address) ?? address
  if (offline)
    return new MisuseError(
      'usage',
      `the server of ${domain} is not known here, and nothing was looked for on the network: give it with --server HOST[:PORT]`,
    )
  // What is known here is worth a word only where it is more than "not known".
  const whys = tried.filter(({ step, why }) => step !== 'table' && (step !== 'ispdb' || why.includes(':')))
  const list = whys.map(({ why }) => why).join('; ')
  return new MisuseError('usage', `no server was found for ${domain}: ${list}; give it with --server HOST[:PORT]`)
}
