import { StoreError } from '../errors.ts'
import type { MailboxId } from '../ids.ts'
import type { JournalRecord } from './record.ts'
import type { HoldScope, UserMail } from './store.ts'

const inbox = 1 as MailboxId

/** What is known of a message that came, or was moved, or has another name in the ledger now. */
export interface Reached {
  /** The name of the mailbox that it is in now. */
  readonly mailbox?: string | undefined
  /** A name in the ledger by which it came. */
  readonly account?: string | undefined
}

/** Whether a hold is on all the mail. */
export function holdsAll({ mailbox, accounts, message }: HoldScope): boolean {
  return mailbox === undefined && accounts === undefined && message === undefined
}

/** Whether a hold is on what is in the mailbox of this name: itself, or one below it. */
export function holdsMailbox({ mailbox }: HoldScope, name: string): boolean {
  return mailbox !== undefined && (name === mailbox || name.startsWith(`${mailbox}/`))
}

/** Whether a hold that is not on all the mail is on a message because of this. */
export function holdsReached(scope: HoldScope, { mailbox, account }: Reached): boolean {
  if (mailbox !== undefined && holdsMailbox(scope, mailbox)) return true
  return account !== undefined && scope.accounts?.includes(account) === true
}

/** The mailbox that a moved message was in before it was put into the trash: an earlier Postino only put there what was in INBOX. */
export function trashedFrom(record: Extract<JournalRecord, { t: 'move' }>): MailboxId | undefined {
  return record.trashed === undefined ? undefined : (record.from ?? inbox)
}

/** A user's mail goes as a whole only when no hold is on any of it. Rejects with StoreError `held`. */
export async function mustNotBeHeld(mail: UserMail): Promise<void> {
  const holds = await mail.read((view) => view.holds().filter(({ released }) => released === undefined))
  const [first] = holds
  if (first === undefined) return
  const others = holds.length === 1 ? '' : `, and ${holds.length - 1} more`
  throw new StoreError(
    'held',
    `the mail of ${mail.user} cannot be removed: the hold ${first.id} is on it (${first.why}; by ${first.by})${others}; \`postino hold release\` ends one`,
  )
}
