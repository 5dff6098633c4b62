/** POP3 for Node.js (`postino/pop3`): a server and a client over sockets, and under them both engines without. */

export {
  createPop3Server,
  type CheckPassword,
  type ListenOptions,
  type Pop3Server,
  type Pop3ServerOptions,
} from './server.ts'
export type { MessageContent, ServedMaildrop, ServedMessage } from './served-maildrop.ts'
export { type ConnectOptions, Pop3Client } from './client.ts'
export type { ClientCredentials } from './client-log-in.ts'
export type { Retrieved } from './client-retrieval.ts'
export type { Patience as ClientPatience } from '../doors/pop3-connection.ts'
export { MaildropRefused, type Visitor } from '../doors/open-maildrop.ts'
export type { Authentication, Pop3DoorOptions, SessionLog } from '../doors/serve-pop3.ts'
export type { Patience } from '../doors/serve-pop3-options.ts'
export { type ErrorCode, MisuseError, PeerError, PostinoError, RefusedError } from '../errors.ts'
export { pop3Code, reasonOfPop3Reply, type Reason } from '../reasons.ts'

export {
  type Capabilities,
  type ChannelBindings,
  type ChannelBindingType,
  type ClientEvent,
  type ClientMechanism,
  type ClientMechanismOptions,
  clientMechanism,
  type ClientOptions as ClientEngineOptions,
  type CloseReason,
  type Command,
  type Credentials,
  form,
  languages,
  Maildrop,
  type MaildropColumns,
  type MaildropMessage,
  type MaildropSize,
  type Mechanism,
  type Need,
  noCapabilities,
  type Policy,
  Pop3Client as Pop3ClientEngine,
  Pop3Server as Pop3ServerEngine,
  readCapabilities,
  type Reply,
  type ReplyForm,
  replyForm,
  type SaslCrypto,
  type Say,
  type ScramClientCrypto,
  type ScramKeys,
  type ServerOptions as ServerEngineOptions,
  type SizeEntry,
  type Texts,
  type UniqueIdEntry,
} from '../pop3/index.ts'
