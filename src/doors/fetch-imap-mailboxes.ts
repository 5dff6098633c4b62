import { hash } from 'node:crypto'
import type { ListResponse } from 'imapflow'

/** Special uses (RFC 6154 §2, Gmail's) that are not fetched unless asked for: what nobody keeps, and what shows mail of other mailboxes. */
const leftOut = new Set(['\\Junk', '\\Trash', '\\Drafts', '\\All', '\\Flagged', '\\Important'])

/** Which mailboxes are wanted, and what the server says of its names. */
export interface MailboxChoice {
  /** Only those, and not those; `*` stands for any text, and a special use (`\Sent`) for the mailbox that has it. */
  readonly only?: readonly string[] | undefined
  readonly except?: readonly string[] | undefined
  /** What INBOX is called at home. */
  readonly inbox: string
  /** What the user's own mailboxes begin with there, and others' (RFC 2342). */
  readonly prefix: string
  readonly others: readonly string[]
  /** Whether the server says what a mailbox is for; otherwise its name does. */
  readonly saysUse: boolean
}

/** A mailbox that is to be fetched. */
export interface ChosenMailbox {
  readonly listed: ListResponse
  /** What it is called at home. */
  readonly home: string
}

/** Chooses among the mailboxes that a server lists: INBOX first, then by name. */
export function chooseMailboxes(
  list: readonly ListResponse[],
  choice: MailboxChoice,
): { chosen: ChosenMailbox[]; passedOver: string[] } {
  const { only, except = [] } = choice
  const chosen: ChosenMailbox[] = []
  const passedOver: string[] = []
  for (const listed of list) {
    if (listed.flags.has('\\Noselect') || listed.flags.has('\\NonExistent')) continue
    const home = homeName(listed, choice)
    const names = [listed.path, home, useOf(listed, choice.saysUse) ?? home]
    const named = (patterns: readonly string[]): boolean =>
      patterns.some((pattern) => names.some((name) => fits(name, pattern)))
    const wanted = only === undefined ? isUsual(listed, choice) : named(only)
    if (wanted && !named(except)) chosen.push({ listed, home })
    else passedOver.push(listed.path)
  }
  const place = ({ listed: { path } }: ChosenMailbox): string => (isInbox(path) ? '' : path)
  return { chosen: chosen.toSorted((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0)), passedOver }
}

/** What a mailbox is for. A name that only resembles one is no reason to leave mail behind. */
export function useOf(listed: ListResponse, saysUse: boolean): string | undefined {
  const { specialUse, specialUseSource } = listed
  return saysUse && specialUseSource !== 'extension' ? undefined : specialUse
}

function isInbox(path: string): boolean {
  return path.toUpperCase() === 'INBOX'
}

/** What a mailbox is called at home: a name that can be there, the same each time. */
export function homeName(
  { path, delimiter }: Pick<ListResponse, 'path' | 'delimiter'>,
  { inbox, prefix }: Pick<MailboxChoice, 'inbox' | 'prefix'>,
): string {
  if (isInbox(path)) return inbox
  // Some servers keep all mailboxes below INBOX: RFC 2342 §5.
  const own = prefix !== '' && path.startsWith(prefix) && path.length > prefix.length ? path.slice(prefix.length) : path
  const parts = delimiter === '' || delimiter === null ? [own] : own.split(delimiter)
  return legalName(parts)
}

/** A mailbox name of ours, of parts that may hold anything. */
export function legalName(parts: readonly string[]): string {
  const name = parts
    .map((part) => {
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      const clean = part.normalize('NFC').replace(/[\u0000-\u001f\u007f/]/g, '_')
      return clean.trim() === '' ? '_' : clean
    })
    .join('/')
  if (name.length <= 200) return name
  return `${name.slice(0, 180).replace(/\/$/, '')}~${hash('sha256', name).slice(0, 16)}`
}

function isUsual(listed: ListResponse, { prefix: own, others, saysUse }: MailboxChoice): boolean {
  const use = useOf(listed, saysUse)
  if (use !== undefined && leftOut.has(use)) return false
  // RFC 2342 §5: what is shared may stand beside INBOX, with no prefix, where the user's own stands below it.
  const isOwn = isInbox(listed.path) || (own !== '' && listed.path.startsWith(own))
  return isOwn || !others.some((prefix) => listed.path.startsWith(prefix) && (prefix !== '' || own !== ''))
}

function fits(name: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^]*')}$`, 'iu').test(name)
}
