import { parse } from 'smol-toml'
import { MisuseError } from '../errors.ts'
import { Table } from './provider-table.ts'
import type { Endpoint, Provider, ProviderData, ProviderLimits } from './provider.ts'

/** Where a fact may come from: the head of data/providers/providers.toml says what each means. */
const sources = ['issue', 'help']

/** Reads a provider table (TOML). A wrong value, a key that is not known and a fact without source are MisuseErrors that name it. */
export function readProviders(text: string, file: string): ProviderData {
  let root: Record<string, unknown>
  try {
    root = parse(text)
  } catch (cause) {
    throw new MisuseError('configuration', `${file} is no TOML: ${(cause as Error).message}`, { cause })
  }
  const top = new Table(root, file)
  const issuers = top.table('issuers', (inner) => inner.texts()) ?? {}
  const providers = top.tables('provider', readProvider)
  top.end()
  const ids = providers.map(({ id }) => id)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw top.wrong(`there are two providers "${twice}"`)
  return { providers, issuers }
}

function readProvider(table: Table): Provider {
  const id = table.text('id')
  table.where = `provider "${id}"`
  const login = fact(table, 'login', (inner) => ({
    is: inner.oneOf('is', ['address', 'local-part', 'user-id'] as const),
    example: inner.maybe('example'),
  }))
  const provider: Provider = {
    id,
    name: table.text('name'),
    domains: table.table('domains', domainsBySource) ?? [],
    mx: table.table('mx', domainsBySource) ?? [],
    pop3: fact(table, 'pop3', endpoint),
    imap: fact(table, 'imap', endpoint),
    smtp: fact(table, 'smtp', endpoint),
    login: login?.is ?? 'address',
    loginExample: login?.example,
    oauth: fact(table, 'oauth', (inner) => ({ issuer: inner.text('issuer'), needed: inner.yes('needed') })),
    appPassword: fact(table, 'app_password', (inner) => ({
      needed: inner.oneOf('needed', ['always', 'two-step'] as const),
      called: inner.maybe('called'),
      expires: inner.maybe('expires'),
    })),
    switchOn: fact(table, 'switch_on', (inner) => ({
      protocols: inner.listOf('protocols', ['pop3', 'imap'] as const),
      where: inner.text('where'),
    })),
    notInPop3: fact(table, 'not_in_pop3', (inner) => inner.text('what')),
    limits: table.table('limits', limitsOf) ?? {},
    notes: table.tables('notes', (inner) => sourced(inner).text('text')),
    closed: fact(table, 'closed', (inner) => inner.text('why')),
  }
  if (provider.domains.length + provider.mx.length === 0) throw table.wrong('it has no domains')
  if ((provider.pop3 ?? provider.imap ?? provider.closed) === undefined)
    throw table.wrong('it has neither pop3 nor imap')
  return provider
}

function endpoint(table: Table): Endpoint {
  const host = table.text('host')
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host)) throw table.wrong(`"${host}" is no host in lower case`)
  const port = table.number('port')
  if (port > 65_535) throw table.wrong(`${port} is no port`)
  return { host, port, tls: table.oneOf('tls', ['implicit', 'starttls'] as const) }
}

function limitsOf(table: Table): ProviderLimits {
  const seconds = fact(table, 'least_interval', (inner) => inner.number('seconds'))
  const about = fact(table, 'listing', (inner) => inner.number('about'))
  const perMinute = fact(table, 'messages_per_minute', (inner) => inner.number('value'))
  return {
    ...(perMinute !== undefined && { messagesPerMinute: perMinute }),
    ...(seconds !== undefined && { leastInterval: seconds * 1000 }),
    ...(about !== undefined && { partialListing: true, messagesPerListing: about }),
  }
}

/** `{ issue = [...], help = [...] }` in one list. */
function domainsBySource(table: Table): string[] {
  const found = sources.flatMap((source) => table.list(source))
  const odd = found.find((domain) => !/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain))
  if (odd !== undefined) throw table.wrong(`"${odd}" is no domain in lower case`)
  return found
}

/** A table that must say where it comes from. */
function fact<Value>(table: Table, key: string, read: (inner: Table) => Value): Value | undefined {
  return table.table(key, (inner) => read(sourced(inner)))
}

function sourced(table: Table): Table {
  table.oneOf('source', sources)
  return table
}
