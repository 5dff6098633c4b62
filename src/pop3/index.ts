/** POP3 without sockets: both engines (`postino/pop3`). */

export { type Capabilities, noCapabilities, readCapabilities } from './capabilities.ts'
export type { ClientEvent, Reply } from './client-event.ts'
export { type ClientOptions, Pop3Client } from './client.ts'
export { type Command, type ReplyForm, replyForm } from './command.ts'
export type { LanguageEntry, MaildropSize, SizeEntry, UniqueIdEntry } from './listing.ts'
export { languages } from './languages.ts'
export { form, Maildrop, type MaildropColumns, type MaildropMessage, type Marked } from './maildrop.ts'
export type { CloseReason, Credentials, Need } from './need.ts'
export { Pop3Server } from './server.ts'
export type { Policy, ServerOptions } from './server-options.ts'
export type { Say, Texts } from './texts.ts'
export type {
  ChannelBindings,
  ChannelBindingType,
  ClientMechanism,
  ClientMechanismOptions,
  Mechanism,
} from '../sasl/mechanism.ts'
export { clientMechanism } from '../sasl/client.ts'
export type { SaslCrypto, ScramClientCrypto, ScramKeys } from '../sasl/scram.ts'
