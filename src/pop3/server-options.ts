import type { ChannelBindings, Mechanism } from '../sasl/mechanism.ts'
import type { SaslCrypto } from '../sasl/scram.ts'
import type { FindDotLine } from '../wire/find-dot-line.ts'
import type { Texts } from './texts.ts'

export interface ServerOptions {
  /** TLS is there already. */
  readonly secure?: boolean
  /** STLS may be asked for. */
  readonly stls?: boolean
  /** One may log in without TLS. */
  readonly clearLogin?: boolean
  /** Offers APOP with this timestamp, which must differ each time (RFC 1939 §7): `<unique@host>`. */
  readonly timestamp?: string
  /** The SASL mechanisms to offer where a log-in is permitted, in this order. PLAIN. */
  readonly mechanisms?: readonly Mechanism[]
  /** What SCRAM needs: without it SCRAM is not offered. */
  readonly crypto?: SaslCrypto
  /** Of implicit TLS: without them SCRAM-SHA-256-PLUS is not offered. */
  readonly bindings?: ChannelBindings
  /** The languages to offer (RFC 6856 §3); the first is spoken until another is asked for. All there are, English first. */
  readonly languages?: readonly Texts[]
  /** Offers UTF8 (RFC 6856 §2). True. */
  readonly utf8?: boolean
  /** What CAPA says before the log-in of EXPIRE and LOGIN-DELAY. `usualPolicy`. */
  readonly policy?: Policy
  /** What CAPA says of IMPLEMENTATION. */
  readonly implementation?: string
  readonly find?: FindDotLine
}

/**
 * What CAPA says of EXPIRE and LOGIN-DELAY (RFC 2449 §6.5, §6.7). Before the log-in: what holds for every user, so the smallest
 * `expire` (days, or 'never') and the largest `loginDelay` (seconds; 0: none); the `PerUser` say that it may be another afterwards.
 */
export interface Policy {
  readonly expire: number | 'never'
  readonly expirePerUser?: boolean
  readonly loginDelay: number
  readonly loginDelayPerUser?: boolean
}

/** Nothing is ever removed, and nobody need wait. */
export const usualPolicy: Policy = { expire: 'never', loginDelay: 0 }
