import type { Hash, HoldId, MailboxId, MessageId, UniqueId } from '../ids.ts'
import type { JournalRecord } from './record.ts'
import type { Mailbox, View } from './store.ts'

/**
 * What a store knows of its messages: the sum of the journal's records. `Drafting` writes through it, whichever store it
 * belongs to; `Body` says where octets are.
 */
export interface JournalIndex<Body> extends View {
  /** Adds one record. `body` comes with a message record whose `body` is true. */
  apply(record: JournalRecord, body?: Body): void
  /** Where equal octets are kept already. */
  body(hash: Hash): Body | undefined
  mailboxById(id: MailboxId): Mailbox | undefined
  uniqueIdTaken(uniqueId: UniqueId): boolean
  /** Whether it is hidden in the maildrop of a device that there is. */
  isHiddenFrom(device: string, id: MessageId): boolean
  nextMessage(): number
  nextMailbox(): number
  nextHold(): HoldId
  /** What a hold in force is on, but for one that is on all the mail. */
  heldBy(hold: HoldId): MessageId[]
}
