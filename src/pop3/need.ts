import type { SaslCredentials } from '../sasl/mechanism.ts'

/** Who wants in, and by what proof: by AUTH (`SaslCredentials`), by USER and PASS, or by APOP. */
export type Credentials =
  | SaslCredentials
  | { readonly by: 'password'; readonly login: string; readonly password: string; readonly mechanism: 'USER' }
  /** RFC 1939 §7: `digest` is the MD5 of `timestamp` followed by the shared secret, in lower-case hexadecimal. */
  | { readonly by: 'apop'; readonly login: string; readonly timestamp: string; readonly digest: string }

/** What a server engine cannot do by itself. While one is open, later commands wait. */
export type Need =
  /** Check who it is and lock the maildrop; then `loggedIn` or `refuse`. */
  | { readonly kind: 'log-in'; readonly credentials: Credentials }
  /** Look up the keys of this user, or invent some where there is none; then `keys`, or `refuse`. */
  | { readonly kind: 'keys'; readonly login: string }
  /** Give the message's octets to `message`, as long as it says true, then `messageEnd`; or `messageFailed`. */
  | { readonly kind: 'read'; readonly number: number; readonly top: boolean }
  /** Remove these for good and let go of the maildrop; then `updated` or `refuse`. */
  | { readonly kind: 'update'; readonly removed: readonly number[] }
  /** Write what is there to `take`, begin the TLS handshake, then `secured`. */
  | { readonly kind: 'handshake' }
  /** Write what is there to `take` and ask again: the engine will not pile up more. */
  | { readonly kind: 'write' }
  /** Write what is there to `take` and close the connection. Nothing follows. */
  | { readonly kind: 'close'; readonly why: CloseReason }

export type CloseReason = 'quit' | 'bad commands' | 'failed log-ins' | 'endless line' | 'unreadable message'
