import { readFileSync } from 'node:fs'
import { domainToASCII } from 'node:url'
import { domainOf } from './names.ts'
import { readProviders } from './provider-file.ts'
import type { Provider, ProviderData, ProviderLimits } from './provider.ts'

const providersFile = new URL('../../data/providers/providers.toml', import.meta.url)
let loadedText: string | undefined
let loaded: ProviderData | undefined

/** What Postino itself knows of providers; read once. */
export function providerData(): ProviderData {
  loadedText ??= readFileSync(providersFile, 'utf8')
  return (loaded ??= readProviders(loadedText, 'data/providers/providers.toml'))
}

/** The provider of an address by its domain; undefined where it is not known. */
export function providerOf(address: string): Provider | undefined {
  const domain = asciiDomainOf(address)
  return domain === undefined ? undefined : providerData().providers.find(({ domains }) => has(domains, domain))
}

/** The provider whose server this is, whatever the address; undefined where it is not known. */
export function providerOfHost(host: string): Provider | undefined {
  const wanted = host.toLowerCase()
  return providerData().providers.find(({ pop3, imap, smtp }) =>
    [pop3, imap, smtp].some((endpoint) => endpoint?.host === wanted),
  )
}

/** What the provider of an account puts up with, by the server that it is fetched from; empty where that is not known. */
export function limitsOf({ server }: { readonly server: string }): ProviderLimits {
  // Asked at each fetch, mostly of servers that are not in the table: whoever is not named there needs no reading of it.
  loadedText ??= readFileSync(providersFile, 'utf8')
  return loadedText.includes(server.toLowerCase()) ? (providerOfHost(server)?.limits ?? {}) : {}
}

/** The provider that takes mail at this host (MX): the one that names the longest part of its name. */
export function providerOfMx(host: string): Provider | undefined {
  for (const suffix of suffixes(host)) {
    const provider = providerData().providers.find(({ mx }) => mx.includes(suffix))
    if (provider !== undefined) return provider
  }
  return undefined
}

/** The domain of an address in lower case, as DNS has it (A-labels); undefined where it has none. */
export function asciiDomainOf(address: string): string | undefined {
  const domain = domainToASCII(domainOf(address)?.toLowerCase() ?? '')
  return domain === '' ? undefined : domain
}

/** A host's name and the domains above it, but no top-level domain: `a.b.it` gives `a.b.it` and `b.it`. */
export function suffixes(host: string): string[] {
  const labels = host.toLowerCase().replace(/\.$/, '').split('.')
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join('.'))
}

function has(domains: readonly string[], domain: string): boolean {
  return domains.some((one) => one === domain || (one.startsWith('*.') && domain.endsWith(one.slice(1))))
}
