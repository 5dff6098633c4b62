/** What mail is fetched by. */
export type Protocol = 'pop3' | 'imap'

/** One server of a provider, and how TLS begins there. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls'
}

/** By IANA: TLS from the first octet has a port of its own (RFC 8314 §3.2, §3.3), STARTTLS that of clear text (RFC 2595). */
export function usualPort(protocol: Protocol, tls: Endpoint['tls'] | 'none'): number {
  if (protocol === 'pop3') return tls === 'implicit' ? 995 : 110
  return tls === 'implicit' ? 993 : 143
}

/** What a provider puts up with. */
export interface ProviderLimits {
  /** Least time from one log-in to the next, milliseconds. */
  readonly leastInterval?: number | undefined
  readonly messagesPerMinute?: number | undefined
  /** A listing shows only some of the messages, about `messagesPerListing`; the next log-in shows more. */
  readonly partialListing?: boolean | undefined
  readonly messagesPerListing?: number | undefined
}

/** A provider of mailboxes, as data/providers/providers.toml tells of it. */
export interface Provider {
  readonly id: string
  readonly name: string
  /** Domains of addresses; `*.x.y` is every domain below x.y. */
  readonly domains: readonly string[]
  /** Domains of the hosts that take mail for this provider's customers (MX). */
  readonly mx: readonly string[]
  readonly pop3: Endpoint | undefined
  readonly imap: Endpoint | undefined
  readonly smtp: Endpoint | undefined
  /** What it wants as user name; a `user-id` is known to the person alone. */
  readonly login: 'address' | 'local-part' | 'user-id'
  readonly loginExample: string | undefined
  /** `needed`: it takes no passwords. */
  readonly oauth: { readonly issuer: string; readonly needed: boolean } | undefined
  /** A password for mail programs, instead of the usual one: always, or only where two-step log-in is on. */
  readonly appPassword:
    | {
        readonly needed: 'always' | 'two-step'
        readonly called: string | undefined
        readonly expires: string | undefined
      }
    | undefined
  /** What the person must switch on before the first log-in. */
  readonly switchOn: { readonly protocols: readonly Protocol[]; readonly where: string } | undefined
  /** What is in the mailbox and not shown over POP3. */
  readonly notInPop3: string | undefined
  readonly limits: ProviderLimits
  readonly notes: readonly string[]
  /** Why nothing can be fetched from it. */
  readonly closed: string | undefined
}

/** All that is in data/providers/providers.toml. */
export interface ProviderData {
  readonly providers: readonly Provider[]
  /** Names of OAuth 2.0 issuers, by their hosts. */
  readonly issuers: Readonly<Record<string, string>>
}
