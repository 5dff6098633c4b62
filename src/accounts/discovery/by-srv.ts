import type { Protocol } from '../provider.ts'
import { providerOfHost } from '../providers.ts'
import { atProvider } from './by-provider.ts'
import { isHostName } from './by-config.ts'
import { type Answer, type Found, type Question, wanted } from './found.ts'
import type { IspdbFolder } from './ispdb-folder.ts'
import type { Look, SrvRecord } from './look.ts'

/** The services of RFC 6186 §3; of each protocol, the one with TLS from the first octet goes before (RFC 8314 §3). */
const services: Readonly<Record<Protocol, readonly { readonly label: string; readonly tls: Found['tls'] }[]>> = {
  pop3: [
    { label: '_pop3s._tcp', tls: 'implicit' },
    { label: '_pop3._tcp', tls: 'starttls' },
  ],
  imap: [
    { label: '_imaps._tcp', tls: 'implicit' },
    { label: '_imap._tcp', tls: 'starttls' },
  ],
}

/**
 * The SRV records of the domain. DNS proves nothing, so a server is taken by itself only where it is below the domain or belongs to a
 * provider that is known; any other is for the person to decide on (RFC 8314 §5.1, RFC 6186 §6).
 */
export async function bySrv(question: Question, look: Look, signal: AbortSignal, folder: IspdbFolder): Promise<Answer> {
  const { address, domain } = question
  const asked = wanted(question).flatMap((protocol) =>
    services[protocol].map((service) => ({ ...service, protocol, name: `${service.label}.${domain}` })),
  )
  const answers = await Promise.all(asked.map(async ({ name }) => best(await look.srv(name, signal))))
  let unproved: Found | undefined
  for (const [index, { protocol, tls, name }] of asked.entries()) {
    const record = answers[index]
    if (record === undefined) continue
    const host = record.name.toLowerCase().replace(/\.$/, '')
    const { port } = record
    // RFC 6186 §3.4: a target of "." says that there is no such service.
    if (!isHostName(host) || port === 0) continue
    const from = `the SRV record ${name}`
    const known = providerOfHost(host)
    if (known !== undefined) return { found: atProvider(known, address, protocol, { host, port, tls }, 'srv', from) }
    const found = plain(question, { protocol, server: host, port, tls, source: 'srv', from })
    if (host === domain || host.endsWith(`.${domain}`) || folder.hasHost(host)) return { found }
    unproved ??= found
  }
  if (unproved === undefined) return { why: 'it has no SRV records' }
  return {
    why: `its DNS names ${unproved.server} port ${unproved.port}, and nothing proves that this is its server`,
    unproved,
  }
}

/** Settings of which nothing is known but the server. */
export function plain(
  { address }: Question,
  at: Pick<Found, 'protocol' | 'server' | 'port' | 'tls' | 'source' | 'from'>,
): Found {
  const local = address.slice(0, address.lastIndexOf('@'))
  // RFC 6186 §4: the whole address is the first guess, the part before the @ the second.
  const note = `if the log-in fails, the server may want another user name: try --login ${local}`
  return { ...at, login: address, loginKnown: true, auth: 'password', issuer: undefined, notes: [note], limits: {} }
}

/** RFC 2782: the lowest priority; of those we take the one with most weight, for it is kept, and balances no load. */
function best(records: readonly SrvRecord[]): SrvRecord | undefined {
  return records.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)[0]
}
