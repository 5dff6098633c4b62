import type { Hash, HoldId, MailboxId, MessageId, ModSeq, Uid, UniqueId } from '../ids.ts'

/** All users' mail. The memory and the disk store both pass `contract.ts`. */
export interface Store {
  /** Opens one user's mail, made empty if it is not there yet. Opening again gives the same object. */
  open(user: string): Promise<UserMail>
  /** Removes one user's mail, whole and for good. Rejects with StoreError `held` while a legal hold is on any of it. */
  remove(user: string): Promise<void>
  /** Finishes what is being written and lets go of every file. */
  close(): Promise<void>
}

/** One user's mail. */
export interface UserMail {
  readonly user: string
  /** The last change's number, as `View.modseq` is: the cheapest look there is, for whoever remembers what he read. */
  modseq(): ModSeq
  /** Looks at the mail as it is at one moment. `look` must not wait. */
  read<T>(look: (view: View) => T): Promise<T>
  /**
   * Changes the mail in one transaction with one modseq; resolves once it is durable. `work` must not wait; when it throws,
   * nothing of it happens. Calls that come while another is being written share the next write.
   */
  change<T>(work: (draft: Draft) => T): Promise<T>
  /** Begins to take in the octets of one message, ahead of the `change` that adds it. `wire`: see `Staging`. */
  stage(form?: 'wire' | 'unknown'): Staging
  /**
   * The message's octets as they came. Every octet is checked: a message up to `smallMessage` octets is verified against its
   * hash before the first chunk, a larger one before its last chunk. Rejects with StoreError `damaged` or `no-such-message`.
   *
   * With `range` only that (a part of its MIME tree, say), without reading all of a large message; of which then only what was settled is
   * checked, by the checksums of what is read.
   */
  bytes(id: MessageId, range?: Range): AsyncIterable<Uint8Array>
  /**
   * The same octets without a copy, given to `take`. Undefined: it is done already, for they were in memory, as they mostly are for
   * who reads in order. Throws, or rejects, as `bytes` does.
   */
  lend(id: MessageId, take: Taker): Promise<void> | undefined
  /** Lets go of this user's files; what is being written is finished first. */
  close(): Promise<void>
}

/**
 * Takes octets of a message that are lent: they are good only until it returns. It may make the lender wait before the next, or
 * say that it has enough.
 */
export type Taker = (parts: readonly Uint8Array[]) => Promise<void> | 'enough' | undefined

/** Octets of a message, from place `from` up to `to`, that one not included. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** Up to this size (octets) a message is held whole in memory while it is taken in or read. */
export const smallMessage: number = 1 << 20

/**
 * Takes in one message, chunk by chunk. With `wire` the caller vouches that every line came off a wire protocol, so that its
 * stored size is its size on the wire; otherwise the lines are looked at (see `LineEnds`).
 */
export interface Staging {
  /**
   * Adds octets. The chunk must stay as it is until the message is kept or discarded; once a promise that this returned is resolved, only the
   * first of those before it must. Wait for it before the next call.
   */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** No more octets will come. A promise only where that takes time: of many messages, each one costs. */
  finish(): Staged | Promise<Staged>
  /** Forgets what was written. */
  discard(): void
}

/**
 * `crlf`: kept and sent as it is. `lf`: not one CRLF in it, as Unix files have it; each LF becomes CRLF on the wire. Either is
 * given a last CRLF on the wire if it does not end with one.
 */
export type LineEnds = 'crlf' | 'lf'

/** What is known of a message's octets. */
export interface Content {
  readonly hash: Hash
  /** Octets as kept. */
  readonly size: number
  /** Octets on the wire, dot-stuffing not counted (RFC 1939 §11). */
  readonly octets: number
  readonly lineEnds: LineEnds
  /** CRC-32 of the octets as kept; undefined where an earlier Postino wrote none down. */
  readonly crc: number | undefined
  /** Whether some line may begin with "." (RFC 1939 §3): false only where it was looked and none does. */
  readonly dots: boolean
  /**
   * Octets on the wire of what an old client gets in its place (RFC 6858), where it has UTF-8 in its header that such a client cannot
   * take (see `isInternational`); undefined: it goes out as it is.
   */
  readonly surrogate: number | undefined
}

/** A message taken in. When the change that adds it is done, or there will be none, `discard` it: that frees what it takes up. */
export interface Staged extends Content {
  discard(): void
}

/** A flag (`\Seen`) or keyword (`$Forwarded`) (RFC 9051 §2.3.2). */
export type Flag = string

/** By which way a message came in. The same way twice is a double: law 1. */
export interface Origin {
  /** The remote account (`pop3:mario@example.it`), or `import:` and the mailbox. */
  readonly account: string
  /** The unique-id there; empty where there is none. */
  readonly uniqueId: string
  /** Tells apart equal octets under one unique-id: 0, 1, 2… */
  readonly nth: number
  /** The size that the other side's listing gave (octets), which need not be the true one. */
  readonly listed?: number | undefined
  /** Names the header: by it a message is known again whose unique-id has changed. See `HeaderPrint`. */
  readonly head?: string | undefined
}

/**
 * One row of the ledger: what came in from where. It stays when the message is removed. `head` is not in it: see `View.head`.
 */
export interface LedgerEntry extends Omit<Origin, 'head'> {
  /** Empty: another program had it, its octets were never here (see `Draft.know`). */
  readonly hash: Hash
  readonly size: number
  /** When it was stored, milliseconds since 1970. */
  readonly stored: number
  /** The message, while it is there. */
  readonly message: MessageId | undefined
}

/** A remote message that could not be fetched, and how often that was tried. */
export interface Trouble {
  readonly account: string
  readonly uniqueId: string
  readonly attempts: number
  /** The last reason, for a person. */
  readonly why: string
  /** When to try next, milliseconds since 1970. */
  readonly next: number
}

export interface Mailbox {
  readonly id: MailboxId
  readonly name: string
  readonly uidValidity: number
  readonly uidNext: number
  readonly messages: number
  /** Of all its messages, on the wire. */
  readonly octets: number
}

export interface Message extends Content {
  readonly id: MessageId
  readonly mailbox: MailboxId
  readonly uid: Uid
  readonly modseq: ModSeq
  readonly uniqueId: UniqueId
  /** When it was received, milliseconds since 1970. */
  readonly received: number
  readonly flags: readonly Flag[]
  /** When it was stored here, milliseconds since 1970. */
  readonly stored: number
  /** Deleted in the POP3 maildrop that is no device's: gone from there, kept here. */
  readonly hidden: boolean
  /** When it was put into the trash (by POP3, a rule, or the command line), milliseconds since 1970; undefined: it was not. */
  readonly trashed: number | undefined
  /** The mailbox that it was in before. */
  readonly trashedFrom: MailboxId | undefined
}

/** What a legal hold is on: one of these, or all the mail. What it has once got it keeps, wherever that is moved. */
export interface HoldScope {
  /** All that is, or comes, into the mailbox of this name or one below it. */
  readonly mailbox?: string | undefined
  /** All that came, or comes, by one of these names in the ledger. */
  readonly accounts?: readonly string[] | undefined
  readonly message?: MessageId | undefined
}

/** A legal hold: while it is in force, nothing that it is on is removed. */
export interface Hold extends HoldScope {
  readonly id: HoldId
  readonly why: string
  /** Who placed it, for a person. */
  readonly by: string
  /** Milliseconds since 1970. */
  readonly placed: number
  /** Undefined while it is in force. */
  readonly released: { readonly note: string; readonly by: string; readonly at: number } | undefined
}

/** A POP3 maildrop of one user's own (`mario+phone`): the same mail, with its own deletions. */
export interface Device {
  readonly name: string
  /** It sees messages from this id on. */
  readonly since: MessageId
  /** Milliseconds since 1970. */
  readonly created: number
  /** How many messages it has deleted that are still in the mail. */
  readonly hidden: number
}

/** What a message of a maildrop is kept like; bits of `MaildropRows.forms`, the same as those of the POP3 engine. */
export const maildropForm = { lf: 1, international: 2, noDots: 4 } as const

/** A POP3 maildrop in columns, in order of arrival; a message-number is a place, from 1. A million messages are no million objects. */
export interface MaildropRows {
  readonly count: number
  /** The message ids. */
  readonly ids: Float64Array
  /** Octets of each on the wire, dot-stuffing not counted. */
  readonly octets: Float64Array
  /** The unique-ids in ASCII, one behind the other; that of message n (from 1) ends before `uniqueIdEnds[n - 1]`. */
  readonly uniqueIds: Uint8Array
  readonly uniqueIdEnds: Uint32Array
  /** Bits of `maildropForm`. */
  readonly forms: Uint8Array
  /** By message-number, for the few that have one: `Content.surrogate`. */
  readonly surrogates: ReadonlyMap<number, number>
}

/** A message that was added or changed, or (`message` undefined) removed, after some modseq. */
export interface Change {
  readonly id: MessageId
  readonly modseq: ModSeq
  readonly message: Message | undefined
  /** Whether it was added after the asked modseq. */
  readonly added: boolean
}

/** Which messages are asked for. */
export interface MessageRange {
  readonly mailbox?: MailboxId
  /** Only those with a greater id. */
  readonly after?: MessageId
  /** Only those with a lesser id. */
  readonly before?: MessageId
  /** At most so many: the first of them, */
  readonly limit?: number
  /** or the last. */
  readonly newest?: boolean
}

/** What may be read, all as of one moment. Valid only inside the `look` it was given to. */
export interface View {
  /** The last change's. 0: nothing has happened yet. */
  readonly modseq: ModSeq
  mailboxes(): Mailbox[]
  mailbox(name: string): Mailbox | undefined
  message(id: MessageId): Message | undefined
  /** In order of arrival; of one mailbox, or all. */
  messages(options?: MessageRange): Message[]
  /**
   * A POP3 maildrop: INBOX without what is hidden there, in order of arrival. `device`: that one's; throws MisuseError where
   * there is none of that name. `storedFrom`: only what was stored then or later (milliseconds since 1970).
   */
  maildrop(device?: string, storedFrom?: number): MaildropRows
  /** In order of their names. */
  devices(): Device[]
  hasDevice(name: string): boolean
  /** What was put into the trash before this time (milliseconds since 1970), and is still there. */
  trashed(before: number): MessageId[]
  /** What is hidden in the POP3 maildrop, or in that of this device. */
  hidden(device?: string): MessageId[]
  /** Changes after `since`, in modseq order; at most `limit`. */
  changes(since: ModSeq, limit?: number): Change[]
  /** `after`: only rows of messages with a greater id. */
  ledger(account: string, after?: MessageId): LedgerEntry[]
  /** How many rows that is. */
  ledgerSize(account: string): number
  /** The row of one way in, if a message with these octets has come that way. */
  origin(account: string, uniqueId: string, hash: Hash, nth: number): LedgerEntry | undefined
  /** The ids of messages that came by one of these names in the ledger, in order; some may be gone, and some stand there twice. */
  cameBy(accounts: readonly string[]): Float64Array
  /** What names the header of the message of a row of the ledger; undefined where none was noted. */
  head(entry: LedgerEntry): string | undefined
  troubles(account: string): Trouble[]
  /** Octets of all messages that are kept, on the wire: known, not counted. */
  octets(): number
  /** How many octets may be kept; undefined: any. */
  quota(): number | undefined
  /** All legal holds there ever were, in order. */
  holds(): Hold[]
  /** Those in force on this message. */
  holdsOn(id: MessageId): Hold[]
}

export interface Addition {
  readonly mailbox: MailboxId
  /** Milliseconds since 1970. */
  readonly received: number
  readonly flags?: readonly Flag[]
  readonly origin?: Origin
  /** Kept from an earlier server, where no message has it; otherwise a new one is made. */
  readonly uniqueId?: UniqueId | undefined
  /** Its octets are kept again although equal ones are here and whole: what those hang on is damaged. */
  readonly again?: boolean
}

/** What may be changed, in one transaction. Valid only inside the `work` it was given to. */
export interface Draft {
  /** The mail with the changes made so far. */
  readonly view: View
  /** The mailbox of that name, made if it is not there. Names are `/`-separated; INBOX in any case is INBOX. */
  openMailbox(name: string): MailboxId
  add(staged: Staged, addition: Addition): MessageId
  /** Brings octets again that are damaged here. They are kept in the place of those, for whichever messages have them. */
  mend(staged: Staged): void
  /**
   * Writes into the journal again what is known here and was damaged there: what a mailbox is called, that a message was removed, or what
   * the holds and the quota are.
   */
  restate(what: { readonly mailbox: MailboxId } | { readonly removed: MessageId } | 'holds and quota'): void
  setFlags(id: MessageId, flags: readonly Flag[]): void
  move(id: MessageId, mailbox: MailboxId): void
  /** Takes the message away, for good. Its ledger entry stays. False: a legal hold is on it, and nothing was done. */
  remove(id: MessageId): boolean
  /** Takes the message out of the POP3 maildrop, or that of a device, or puts it back. */
  hide(id: MessageId, hidden: boolean, device?: string): void
  /** Moves the message to the mailbox Trash, and writes down when and from where. Any later `move` makes it a message like others again. */
  trash(id: MessageId): void
  /** Opens a maildrop for a device: with all that is there, or with what comes from now on. Nothing happens where it is open. */
  openDevice(name: string, start: 'all' | 'new'): void
  /** Forgets a device and what it deleted. Nothing happens where there is none of that name. */
  removeDevice(name: string): void
  /**
   * Writes a row of the ledger without adding a message: another name by which a message of ours goes there, or (`hash` empty) what
   * another program has fetched, which is never to be fetched, and never to be deleted there. A row that is there is written over.
   */
  know(
    origin: Origin,
    content: {
      readonly hash: Hash
      readonly size: number
      readonly message?: MessageId | undefined
      /** When it came home, milliseconds since 1970; now unless said. */
      readonly stored?: number
    },
  ): void
  /** Writes what the other side's listing now says of the size of a message it gave us. */
  relist(entry: LedgerEntry, listed: number): void
  /** Notes (or, undefined, clears) a trouble. */
  trouble(account: string, uniqueId: string, trouble: Omit<Trouble, 'account' | 'uniqueId'> | undefined): void
  /** Says how many octets may be kept; undefined: any. What is here already stays, however much it is. */
  setQuota(octets: number | undefined): void
  /** Places a legal hold. Throws MisuseError where there is no such message. */
  placeHold(scope: HoldScope, about: { readonly why: string; readonly by: string }): HoldId
  /** Releases one; what there was to say of it stays. Throws MisuseError where none of that number is in force. */
  releaseHold(id: HoldId, about: { readonly note: string; readonly by: string }): void
}
