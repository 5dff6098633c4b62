import type { Protocol, ProviderLimits } from '../provider.ts'

/** Where settings are looked for, in this order: docs/providers.md. */
export type Step = 'table' | 'ispdb' | 'srv' | 'autoconfig' | 'ispdb-online' | 'mx' | 'probe'

/** What each step looks at, for a person: "looking at the SRV records of the domain". */
export const places: Readonly<Record<Step, string>> = {
  table: 'what Postino knows of providers',
  ispdb: "Thunderbird's ISPDB, as shipped",
  srv: 'the SRV records of the domain',
  autoconfig: 'the settings that the domain tells (autoconfig)',
  'ispdb-online': "Thunderbird's ISPDB",
  mx: 'the MX records of the domain',
  probe: 'the usual names of servers',
}

/** Settings to fetch an address by, and where they were found. */
export interface Found {
  readonly protocol: Protocol
  readonly server: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls'
  readonly login: string
  /** Whether that is the login; false: only the person knows it, and a note says what it is. */
  readonly loginKnown: boolean
  /** `oauth` where no password is taken. */
  readonly auth: 'password' | 'oauth'
  /** Who gives out tokens of OAuth 2.0 for it, where it takes any. */
  readonly issuer: string | undefined
  /** What the person should know, one sentence each. */
  readonly notes: readonly string[]
  readonly limits: ProviderLimits
  readonly source: Step
  /** The same for a person: `the SRV records of example.it`. */
  readonly from: string
}

/** A place where nothing was found, and why: a sentence on the domain (`it has no SRV records`). */
export interface Tried {
  readonly step: Step
  readonly why: string
}

/** What became of looking for an address's settings. */
export interface Discovery {
  readonly found: Found | undefined
  readonly tried: readonly Tried[]
  /** Why nothing can be fetched at all, where that is known. */
  readonly closed?: string
  /** Nobody answered: the search ended early. */
  readonly noNetwork?: true
}

/** Whose settings are looked for. */
export interface Question {
  /** As the person wrote it. */
  readonly address: string
  /** Its domain as DNS has it. */
  readonly domain: string
  /** Undefined: POP3 where there is any. */
  readonly protocol: Protocol | undefined
}

/** What one step says. */
export interface Answer {
  readonly found?: Found
  /** Where nothing was found: why. */
  readonly why?: string
  /** Good only if the person says so: nothing proves that this server is the provider's. */
  readonly unproved?: Found
  /** No other step can do better. */
  readonly last?: boolean
  /** Nobody answered at all: there may be no network. */
  readonly silent?: boolean
}

/** The protocols that are asked for, the better first. */
export function wanted(question: Question): readonly Protocol[] {
  return question.protocol === undefined ? ['pop3', 'imap'] : [question.protocol]
}
