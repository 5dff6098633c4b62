import type { ListResponse } from 'imapflow'
import { legalName } from './fetch-imap-mailboxes.ts'
import type { ImapConnection } from './imap-connection.ts'

/** Gmail's own labels that say where a message is: the first that it has counts. */
const places: Readonly<Record<string, string>> = { '\\inbox': 'INBOX', '\\sent': 'Sent' }
/** Where a message goes that has no label. */
const archive = 'Archive'

/** The mailbox that has every message once, where the server is Gmail (X-GM-EXT-1) and shows it. */
export function gmailAll(connection: ImapConnection, list: readonly ListResponse[]): ListResponse | undefined {
  if (!connection.can('X-GM-EXT-1')) return undefined
  return list.find(({ specialUse, flags }) => specialUse === '\\All' && !flags.has('\\Noselect'))
}

/** Drafts are not fetched, as drafts of other servers are not. */
export function isDraft(labels: ReadonlySet<string>): boolean {
  return [...labels].some((label) => label.toLowerCase() === '\\draft')
}

/** The mailbox at home of a message by its labels, and those labels as keywords. `inbox`: what INBOX is called at home. */
export function byLabels(labels: ReadonlySet<string>, inbox: string): { mailbox: string; keywords: string[] } {
  const own = [...labels].filter((label) => !label.startsWith('\\')).toSorted()
  const keywords = own.map(asKeyword)
  if ([...labels].some((label) => label.toLowerCase() === '\\important')) keywords.push('$Important')
  const has = new Set([...labels].map((label) => label.toLowerCase()))
  const place = Object.keys(places).find((label) => has.has(label))
  if (place !== undefined) return { mailbox: place === '\\inbox' ? inbox : (places[place] ?? inbox), keywords }
  const [first] = own
  return { mailbox: first === undefined ? archive : legalName(first.split('/')), keywords }
}

/** What is no keyword is left out later; a space is what most labels have that are none. */
function asKeyword(label: string): string {
  return label.trim().replace(/\s+/g, '_')
}
