import type { Protocol } from '../provider.ts'

/** The longest file that is read, octets: seven times the longest of Thunderbird's ISPDB. */
export const longestConfig: number = 64 * 1024

/** A server as a file of autoconfig tells of it; `%…%` in host and login stand for parts of the address. */
export interface IncomingServer {
  readonly protocol: Protocol
  readonly host: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls' | 'none'
  readonly login: string
  /** `OAuth2`, `password-cleartext` …, the better first. */
  readonly authentication: readonly string[]
  /** Least time between log-ins, milliseconds. */
  readonly leastInterval: number | undefined
}

/** A file of autoconfig or of Thunderbird's ISPDB: `clientConfig`, version 1.1. */
export interface ClientConfig {
  readonly id: string
  readonly name: string
  readonly domains: readonly string[]
  readonly incoming: readonly IncomingServer[]
  /** The host of its OAuth 2.0 issuer. */
  readonly issuerHost: string | undefined
  /** What the person must switch on first, in the provider's words. */
  readonly instruction: string | undefined
}
