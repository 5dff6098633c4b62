import type { Endpoint, Protocol, Provider } from '../provider.ts'
import { providerOf } from '../providers.ts'
import { type Answer, type Found, type Question, type Step, wanted } from './found.ts'
import { providerNotes } from './provider-notes.ts'

/** Postino's own table: data/providers/providers.toml. */
export function byTable(question: Question): Answer {
  const provider = providerOf(question.address)
  if (provider === undefined) return { why: 'Postino does not know it' }
  return fromProvider(provider, question, 'table', `what Postino knows of ${provider.name}`)
}

/** The settings of a provider that is known. No other step will do better. */
export function fromProvider(provider: Provider, question: Question, source: Step, from: string): Answer {
  if (provider.closed !== undefined) return { why: provider.closed, last: true }
  for (const protocol of wanted(question)) {
    const endpoint = provider[protocol]
    if (endpoint !== undefined)
      return { found: atProvider(provider, question.address, protocol, endpoint, source, from), last: true }
  }
  const [missing, there] = provider.pop3 === undefined ? ['POP3', 'imap'] : ['IMAP', 'pop3']
  return { why: `${provider.name} has no ${missing}; there is --protocol ${there}`, last: true }
}

/** The settings for a server, with what is known of the provider it belongs to; of its usual servers, that goes before. */
export function atProvider(
  provider: Provider,
  address: string,
  protocol: Protocol,
  endpoint: Endpoint,
  source: Step,
  from: string,
): Found {
  const usual = provider[protocol]
  const { host, port, tls } = usual?.host === endpoint.host ? usual : endpoint
  // A customer's own domain says nothing of the part before the @ at the provider.
  const own = providerOf(address)?.id === provider.id
  const loginKnown = provider.login === 'address' || (provider.login === 'local-part' && own)
  return {
    protocol,
    server: host,
    port,
    tls,
    login: provider.login === 'local-part' && own ? address.slice(0, address.lastIndexOf('@')) : address,
    loginKnown,
    auth: provider.oauth?.needed === true ? 'oauth' : 'password',
    issuer: provider.oauth?.issuer,
    notes: providerNotes(provider, protocol, loginKnown),
    limits: provider.limits,
    source,
    from,
  }
}
