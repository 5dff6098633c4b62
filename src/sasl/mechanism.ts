import { MisuseError } from '../errors.ts'
import type { SaslCrypto, ScramClientCrypto, ScramKeys } from './scram.ts'

/** The SASL mechanisms that are spoken here. */
export const mechanisms = ['PLAIN', 'LOGIN', 'SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS', 'OAUTHBEARER', 'XOAUTH2'] as const
export type Mechanism = (typeof mechanisms)[number]
/** Those that a client speaks here: CRAM-MD5 too, for servers that have nothing better. */
export type ClientMechanismName = Mechanism | 'CRAM-MD5'

/** Who wants in, and by what proof. */
export type SaslCredentials =
  | {
      readonly by: 'password'
      readonly login: string
      readonly password: string
      readonly mechanism: 'PLAIN' | 'LOGIN'
    }
  /** The proof was checked against the keys; for keys that were invented it is never `proven`. */
  | {
      readonly by: 'scram'
      readonly login: string
      readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
      readonly proven: boolean
    }
  /** `login` is empty where the client did not say whom the token is for. */
  | {
      readonly by: 'bearer'
      readonly login: string
      readonly token: string
      readonly mechanism: 'OAUTHBEARER' | 'XOAUTH2'
    }

/** Why an exchange failed before anybody could be asked whether the credentials are right. */
export type SaslFault =
  /** The message is not one of the mechanism. */
  | 'malformed'
  /** Somebody wants to act for somebody else. */
  | 'other-user'
  /** The client could bind to the channel and was told that the server could not (RFC 5802 §6). */
  | 'downgraded'
  /** The client is bound to another channel, or in a way that is not known here. */
  | 'channel-binding'

/** What a server does next. */
export type ServerStep =
  /** Send it; then `respond` with the answer. */
  | { readonly kind: 'challenge'; readonly challenge: Uint8Array }
  /** Look up the keys of that login; then `keys`. */
  | { readonly kind: 'keys'; readonly login: string }
  /** Check them. If they are wrong: `refused`. */
  | { readonly kind: 'credentials'; readonly credentials: SaslCredentials }
  /** The exchange is over. */
  | { readonly kind: 'failed'; readonly why: SaslFault }

/** A server's side of one exchange. All messages are without base64. Nothing that a client sends makes it throw. */
export interface ServerMechanism {
  readonly name: Mechanism
  /** Takes a message of the client; undefined at the beginning, where it sent none along with the mechanism's name. */
  respond(response: Uint8Array | undefined): ServerStep
  /** Answers `keys`. */
  keys(keys: ScramKeys): ServerStep
  /**
   * The credentials are wrong: what must still be sent, and answered by the client with anything, before the exchange fails
   * (RFC 7628 §3.2.3); undefined where it fails at once.
   */
  refused(): Uint8Array | undefined
}

/** What most mechanisms do: they need no keys, and fail at once. */
export abstract class ServerExchange implements ServerMechanism {
  abstract readonly name: Mechanism
  abstract respond(response: Uint8Array | undefined): ServerStep

  keys(_keys: ScramKeys): ServerStep {
    throw new MisuseError('state', `${this.name} did not ask for keys`)
  }

  refused(): Uint8Array | undefined {
    return undefined
  }
}

/** A client's side of one exchange. All messages are without base64. Nothing that a server sends makes it throw. */
export interface ClientMechanism {
  readonly name: ClientMechanismName
  /**
   * What goes along with the mechanism's name, or, where the protocol does not let it, answers the empty challenge to the bare
   * name; undefined where the server speaks first.
   */
  first(): Uint8Array | undefined
  /** The answer to a challenge after that; undefined where there is none: then the exchange is to be cancelled. */
  answer(challenge: Uint8Array): Uint8Array | undefined
  /** Whether the server may say that we are in. Before that it has not proved what it must, and is not to be believed. */
  readonly finished: boolean
  /** False: nothing that depends on the password has left yet, so a refusal says nothing of it. */
  readonly proved?: boolean
  /** Why `answer` gave none, where that is known. */
  readonly fault?: ClientFault | undefined
}

/** What was wrong with a server's challenge. */
export type ClientFault =
  /** It is none of the mechanism, or one whose answer would tell too much. */
  | 'malformed'
  /** The server does not know the password, though it asks for it: it is not the one we want. */
  | 'unproven'

/** The octets of a TLS channel binding, made when asked for; undefined where the channel has none of that type. */
export type ChannelBindings = (type: ChannelBindingType) => Uint8Array | undefined
/** RFC 9266; RFC 5929 §3, §4. The best first. */
export const channelBindingTypes = ['tls-exporter', 'tls-unique', 'tls-server-end-point'] as const
export type ChannelBindingType = (typeof channelBindingTypes)[number]

/** What a server's mechanism needs. */
export interface ServerMechanismOptions {
  /** For SCRAM. */
  readonly crypto?: SaslCrypto | undefined
  /** Of the TLS connection, for SCRAM-SHA-256-PLUS; undefined: no TLS. */
  readonly bindings?: ChannelBindings | undefined
  /** Whether SCRAM-SHA-256-PLUS is offered on this connection: then a client that believes it is not was deceived. */
  readonly plus?: boolean | undefined
}

export type HmacMd5 = (key: Uint8Array, octets: Uint8Array) => Uint8Array

/** What a client's mechanism needs. */
export interface ClientMechanismOptions {
  readonly login: string
  /** For all but OAUTHBEARER and XOAUTH2. */
  readonly password?: string | undefined
  /** For OAUTHBEARER and XOAUTH2. */
  readonly token?: string | undefined
  /** For SCRAM. */
  readonly crypto?: ScramClientCrypto | undefined
  /** For CRAM-MD5: HMAC-MD5. */
  readonly hmacMd5?: HmacMd5 | undefined
  /**
   * Of the TLS connection, for SCRAM-SHA-256-PLUS. Given for SCRAM-SHA-256 they say that the server did not offer the other: a
   * server that did will notice that somebody took it off the list.
   */
  readonly bindings?: ChannelBindings | undefined
}
