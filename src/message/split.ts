import { parseAddresses } from './addresses.ts'
import { parseHeader, type Header } from './header.ts'

/** Who gets what of a mailbox that holds mail for several people. Addresses and fields count in any case. */
export interface Split {
  /** Header fields that name the recipient; `usualFields` unless said. `received`: what it says behind `for`. */
  readonly fields?: readonly string[]
  /** Stands before the local part in those fields, and is no part of the address (qmail's `mbox-`). */
  readonly prefix?: string
  /** Which user an address (`info@example.it`, or `@example.it` for all others of a domain) belongs to. */
  readonly users: Readonly<Record<string, string>>
  /** The user who gets what is for nobody known. */
  readonly otherwise: string
}

/** Where servers write for whom a message is: what the header says of To and Cc is the sender's, and tells nothing. */
const usualFields: readonly string[] = [
  'delivered-to',
  'x-original-to',
  'envelope-to',
  'x-envelope-to',
  'x-rcpt-to',
  'received',
]

/** What is looked at of one field (characters), and of how many of one name: more is somebody's joke. */
const fieldLimit = 8192
const timesLimit = 30

/**
 * The users whom a message is for, each once. The first field that names somebody known counts, and where it stands more than once, the
 * uppermost of those that do: a server writes above what was there, and may have written its own mailbox over the recipient. Who has
 * an address goes before who has a domain, in whatever field: a server's own mailbox is of that domain too.
 */
export function recipientsOf(header: Uint8Array, split: Split): readonly string[] {
  const parsed = parseHeader(header)
  const users = new Map(Object.entries(split.users).map(([address, user]) => [address.toLowerCase(), user]))
  const prefix = (split.prefix ?? '').toLowerCase()
  for (const by of ['address', 'domain'] as const)
    for (const field of split.fields ?? usualFields)
      for (const addresses of addressesIn(parsed, field.toLowerCase().replace(/:$/, ''))) {
        const known = addresses.map((address) => userOf(address.toLowerCase(), prefix, users))
        // Of several in one field, those that have only the domain come along.
        if (!known.some((one) => one?.by === by)) continue
        return [...new Set(known.flatMap((one) => one?.user ?? []))]
      }
  return [split.otherwise]
}

/** The addresses in each field of that name, from the top down. */
function* addressesIn(header: Header, name: string): Generator<readonly string[]> {
  let times = 0
  for (const field of header.fields) {
    if (field.name !== name) continue
    if (times++ === timesLimit) return
    const value = field.value.slice(0, fieldLimit)
    yield name === 'received' ? forClause(value) : parseAddresses(value).map(({ address }) => address)
  }
}

/** RFC 5321 §4.4: `for` is followed by one path or mailbox; some servers write several. The date is no part of it. */
function forClause(received: string): string[] {
  const clauses = received.replace(/;[^;]*$/, '')
  const [, text = ''] =
    /(?:^|\s)for\s+((?:<[^<>\s]*>|[^\s<>,;]+@[^\s<>,;]+)(?:\s*,\s*<[^<>\s]*>)*)/i.exec(clauses) ?? []
  return parseAddresses(text).map(({ address }) => address)
}

/** The user of an address: as it stands, without what follows a `+` (RFC 5233), then by its domain. */
function userOf(
  address: string,
  prefix: string,
  users: ReadonlyMap<string, string>,
): { readonly user: string; readonly by: 'address' | 'domain' } | undefined {
  const at = address.lastIndexOf('@')
  if (at < 0) return undefined
  const domain = address.slice(at)
  const named = address.slice(0, at)
  const local = prefix !== '' && named.startsWith(prefix) ? named.slice(prefix.length) : named
  const plus = local.indexOf('+', 1)
  const own = users.get(local + domain) ?? (plus < 0 ? undefined : users.get(local.slice(0, plus) + domain))
  if (own !== undefined) return { user: own, by: 'address' }
  const user = users.get(domain)
  return user === undefined ? undefined : { user, by: 'domain' }
}
