import { asciiDomainOf, providerData, providerOfHost } from '../providers.ts'
import { atProvider } from './by-provider.ts'
import type { ClientConfig, IncomingServer } from './client-config.ts'
import { type Answer, type Found, type Question, type Step, wanted } from './found.ts'

/** The settings that a `clientConfig` gives for an address: the first server of the better protocol that has TLS and a log-in we know. */
export function fromConfig(config: ClientConfig, question: Question, source: Step, from: string): Answer {
  const servers = config.incoming.filter(({ protocol }) => wanted(question).includes(protocol))
  const kinds = wanted(question).map((protocol) => protocol.toUpperCase())
  if (servers.length === 0) return { why: `${from}: there is no ${kinds.join(' or ')} server` }
  const good = servers.filter((server) => server.tls !== 'none' && (takesPasswords(server) || takesTokens(server)))
  for (const protocol of wanted(question)) {
    for (const server of good.filter((one) => one.protocol === protocol)) {
      const found = settingsAt(server, config, question, source, from)
      if (found !== undefined) return { found }
    }
  }
  // RFC 8314 §5.1: no configuration without TLS is taken by itself.
  return { why: `${from}: what is there has no TLS, or a log-in that is not known here` }
}

function settingsAt(
  server: IncomingServer,
  config: ClientConfig,
  { address }: Question,
  source: Step,
  from: string,
): Found | undefined {
  const { protocol, port, leastInterval } = server
  const tls = server.tls === 'starttls' ? 'starttls' : 'implicit'
  const host = filled(server.host, address).toLowerCase()
  const login = filled(server.login, address)
  if (!isHostName(host) || login.length > 320 || /\p{Cc}/u.test(login)) return undefined
  const known = providerOfHost(host)
  if (known !== undefined) return atProvider(known, address, protocol, { host, port, tls }, source, from)
  const issuer = takesTokens(server) ? issuerOf(config) : undefined
  const auth = takesPasswords(server) ? 'password' : 'oauth'
  const notes: string[] = []
  if (auth === 'oauth') notes.push(`it takes no passwords, only OAuth 2.0 (issuer ${issuer ?? 'not known'})`)
  if (config.instruction !== undefined) notes.push(`the provider says: ${config.instruction}`)
  const limits = leastInterval === undefined ? {} : { leastInterval }
  return { protocol, server: host, port, tls, login, loginKnown: true, auth, issuer, notes, limits, source, from }
}

/** `%EMAILADDRESS%`, `%EMAILLOCALPART%` and `%EMAILDOMAIN%` filled in. */
function filled(template: string, address: string): string {
  return template
    .replaceAll('%EMAILADDRESS%', () => address)
    .replaceAll('%EMAILLOCALPART%', () => address.slice(0, address.lastIndexOf('@')))
    .replaceAll('%EMAILDOMAIN%', () => asciiDomainOf(address) ?? '')
}

/** Whether it is a host's name in lower case, of two labels or more. */
export function isHostName(name: string): boolean {
  return name.length <= 253 && /^(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})+$/.test(name)
}

function takesPasswords({ authentication }: IncomingServer): boolean {
  // `plain` and `secure` are what the first version called the two.
  return authentication.some((one) => ['password-cleartext', 'password-encrypted', 'plain', 'secure'].includes(one))
}

function takesTokens({ authentication }: IncomingServer): boolean {
  return authentication.includes('OAuth2')
}

/** The name by which we know the issuer, or its host. */
function issuerOf({ issuerHost }: ClientConfig): string | undefined {
  return issuerHost === undefined ? undefined : (providerData().issuers[issuerHost] ?? issuerHost)
}
