import type { Ending } from '../net/converse.ts'
import type { CloseReason, Credentials } from '../pop3/need.ts'

/** By what a client logged in: a SASL mechanism, or the commands USER and PASS, or APOP. */
export type LogInMechanism = Exclude<Credentials, { by: 'apop' }>['mechanism'] | 'APOP'

/** One line about one session, for the log. Nothing secret is in it. */
export interface SessionLog {
  /** Undefined: nobody logged in. */
  readonly user: string | undefined
  /** The device of `user+device`. */
  readonly device: string | undefined
  readonly address: string
  /** The TLS version; undefined: in the clear. */
  readonly tls: string | undefined
  readonly mechanism: LogInMechanism | undefined
  /** Log-ins that were refused for a wrong name, password or proof. */
  readonly failedLogIns: number
  /** The maildrop as it was at the log-in: messages, and octets on the wire. */
  readonly size: { readonly messages: number; readonly octets: number } | undefined
  /** Messages sent whole by RETR, and their octets. */
  readonly retrieved: number
  readonly retrievedOctets: number
  /** Messages of which TOP was sent. */
  readonly tops: number
  /** Messages that QUIT removed. */
  readonly removed: number
  /** Octets on the connection, without TLS. */
  readonly octetsIn: number
  readonly octetsOut: number
  readonly milliseconds: number
  readonly end: Ending | CloseReason | 'tls failed' | 'failed'
  /** The language asked for with LANG. */
  readonly language?: string
  /** The client asked for UTF8. */
  readonly utf8?: true
  /** What failed, where something did. */
  readonly problem?: string
}
