import type { Ending } from '../net/converse.ts'
import type { CloseReason, Credentials } from '../pop3/need.ts'

/** By what a client logged in: a SASL mechanism, the commands USER and PASS, or APOP. */
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
  /** Log-ins that were refused for a wrong name, password, token or proof. */
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
  readonly end: SessionEnd
  /** The language that the client chose (RFC 6856 §3). */
  readonly language?: string
  /** The client asked for UTF8 (RFC 6856 §2). */
  readonly utf8?: true
  /** What failed, where something did. */
  readonly problem?: string
}

export type SessionEnd = Ending | CloseReason | 'tls failed' | 'failed'

/** What is counted while a session goes on. */
export class SessionTally {
  user: string | undefined = undefined
  device: string | undefined = undefined
  mechanism: LogInMechanism | undefined = undefined
  failedLogIns = 0
  size: SessionLog['size'] = undefined
  retrieved = 0
  retrievedOctets = 0
  tops = 0
  removed = 0
  problem: string | undefined = undefined
}
