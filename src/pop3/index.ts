/** POP3 without sockets: both engines (`postino/pop3`). */

export { type Capabilities, noCapabilities, readCapabilities } from './capabilities.ts'
export type { ClientEvent, Reply } from './client-event.ts'
export { type ClientOptions, Pop3Client } from './client.ts'
export { type Command, type ReplyForm, replyForm } from './command.ts'
export type { MaildropSize, SizeEntry, UniqueIdEntry } from './listing.ts'
export { Maildrop, type MaildropMessage } from './maildrop.ts'
export type { CloseReason, Credentials, Need } from './need.ts'
export { Pop3Server, type ServerOptions } from './server.ts'
