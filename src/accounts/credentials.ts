import type { SaslCredentials } from '../sasl/mechanism.ts'

/** Who wants in, and by what proof: by SASL, or by POP3's own commands (RFC 1939 §7). */
export type Credentials =
  | SaslCredentials
  | { readonly by: 'password'; readonly login: string; readonly password: string; readonly mechanism: 'USER' }
  | { readonly by: 'apop'; readonly login: string; readonly timestamp: string; readonly digest: string }

/** Who it is. */
export interface LoggedIn {
  readonly user: string
  /** `phone` of `mario+phone`: a maildrop of its own. */
  readonly device: string | undefined
}
