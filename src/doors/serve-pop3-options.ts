import type { SecureContextOptions } from 'node:tls'
import type { Crowd, Limits } from '../net/crowd.ts'
import type { Credentials } from '../pop3/need.ts'
import type { Policy } from '../pop3/server-options.ts'
import type { Texts } from '../pop3/texts.ts'
import type { Reason } from '../reasons.ts'
import type { Mechanism } from '../sasl/mechanism.ts'
import type { ScramKeys } from '../sasl/scram.ts'
import type { OpenMaildropFor } from './open-maildrop.ts'
import type { SessionLog } from './serve-pop3-session-log.ts'

/** Tells users from others; the `Authenticator` of accounts/ is one. */
export interface Authentication {
  /**
   * Who it is, where the credentials are right; undefined where they are wrong. A RefusedError says why not even that could be
   * looked at.
   */
  authenticate(
    credentials: Credentials,
    from: string,
  ): Promise<{ readonly user: string; readonly device?: string | undefined } | undefined>
  /** What SCRAM is checked against; invented, but always the same, for who is unknown. */
  keys?(login: string, from: string): Promise<ScramKeys>
  /** What is really possible now; `['PLAIN']` unless said. */
  readonly mechanisms?: readonly Mechanism[]
  /** Whether some user has a secret that APOP can be checked against. */
  readonly apop?: boolean
}

/** How long a silent client is borne (milliseconds). RFC 1939 §3: at least 10 minutes once it has logged in. */
export interface Patience {
  readonly before: number
  readonly after: number
}

export interface Pop3DoorOptions {
  readonly authenticator: Authentication
  readonly openMaildrop: OpenMaildropFor
  /** Certificate and key. It is asked again for each connection, so that they can be replaced; without it there is no TLS. */
  readonly tls?: (() => SecureContextOptions) | undefined
  readonly log?: ((entry: SessionLog) => void) | undefined
  /** Told at the end of each log-in: what became of it, and how long it took (milliseconds). */
  readonly onLogIn?: ((result: 'ok' | Reason, milliseconds: number) => void) | undefined
  /** From where a password may come in the clear (over TLS it always may); `loopback` unless said. */
  readonly clearLoginFrom?: 'nowhere' | 'loopback' | 'anywhere' | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Who is connected, with the limits; for several doors together. Else this door has its own, with `limits`. */
  readonly crowd?: Crowd | undefined
  /** Whether an address is a proxy, whose connections begin with a PROXY header. */
  readonly isProxy?: ((address: string) => boolean) | undefined
  /** One minute before the log-in, ten after it, unless said. */
  readonly patience?: Partial<Patience> | undefined
  /**
   * What a client gets that did not ask for UTF8 (RFC 6856): messages with UTF-8 in their headers in a form that it can read
   * (RFC 6858), or every message as it is, which RFC 6856 §2.1 does not allow. `international` unless said.
   */
  readonly downgrade?: 'international' | 'never' | undefined
  /** What CAPA says of EXPIRE and LOGIN-DELAY before the log-in. */
  readonly policy?: Policy | undefined
  /** The languages of the replies; the first one is spoken until LANG. All there are, English first, unless said. */
  readonly languages?: readonly Texts[] | undefined
}
