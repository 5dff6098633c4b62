import type { Endpoint, Protocol } from '../provider.ts'

/** One SRV record (RFC 2782). */
export interface SrvRecord {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** One MX record (RFC 5321 §5). */
export interface MxRecord {
  readonly exchange: string
  readonly priority: number
}

/** How discovery looks into the network. What cannot be done is a PeerError: `unreachable` or `timed-out` where nobody answers. */
export interface Look {
  /** Empty where there are none. */
  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>
  /** Empty where there are none. */
  mx(domain: string, signal: AbortSignal): Promise<readonly MxRecord[]>
  /** What is at a https URL, as text; undefined where nothing is there. */
  page(url: string, signal: AbortSignal): Promise<string | undefined>
  /** Resolves once a server of this protocol has said hello and its certificate has proved its name. */
  hello(server: Endpoint, protocol: Protocol, signal: AbortSignal): Promise<void>
}
