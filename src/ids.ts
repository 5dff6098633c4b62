/** Identifiers, each its own type, so that an IMAP UID cannot stand where a message-number is meant. */

declare const brand: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** Names a message within one user's mail, for ever; 1, 2, 3… in order of arrival. */
export type MessageId = Branded<number, 'MessageId'>
/** Names a mailbox within one user's mail. INBOX is 1. */
export type MailboxId = Branded<number, 'MailboxId'>
/** A message's number within its mailbox (RFC 9051 §2.3.1.1). */
export type Uid = Branded<number, 'Uid'>
/** The user's one clock: every change takes the next (RFC 7162 §3.1). */
export type ModSeq = Branded<number, 'ModSeq'>
/** Names a message for ever in one maildrop: 1 to 70 octets of 0x21 to 0x7E (RFC 1939 §7, UIDL). */
export type UniqueId = Branded<string, 'UniqueId'>
/** Names a legal hold within one user's mail, for ever; 1, 2, 3… */
export type HoldId = Branded<number, 'HoldId'>
/** SHA-256 of a message's octets, 64 lower-case hexadecimal digits. */
export type Hash = Branded<string, 'Hash'>
