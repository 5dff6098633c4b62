import type { ErrorCode } from '../../src/errors.ts'
import type { FetchOptions, Remote } from '../../src/doors/fetching.ts'
import type { Patience } from '../../src/doors/pop3-connection.ts'
import type { HostileBench } from './hostile-bench.ts'
import type { Hostility, RemoteMessage } from './hostility.ts'

/** What stays on the server in a run: each fault is met with each. `days`: half of the mail came home eight days ago, seven stay. */
export const leaves = ['forever', 'delete', 'days'] as const
export type LeaveName = (typeof leaves)[number]

/** One way in which a server, or the line to it, is wrong, and what is expected then. */
export interface Fault {
  /** What the server does, for people: `drops the connection in the middle of a message`. */
  readonly name: string
  /** What Postino does, for people. */
  readonly does: string
  /** In how many ways the server does it; made anew for each run. */
  readonly ways: () => readonly Hostility[]
  /** What may end the fetch; undefined: nothing does. Only that unless said. */
  readonly ends?: readonly (ErrorCode | undefined)[]
  /** What a person is told, as error or as problem, in every way; nothing where it is left out. */
  readonly says?: RegExp
  /** With these `leave`s nothing may have to be said, because the fault is never met. */
  readonly silentWith?: readonly LeaveName[]
  /** How many messages are home afterwards at least. */
  readonly home?: number
  readonly mail?: () => readonly RemoteMessage[]
  /** What happens before, with the server in order; usually nothing, or with `days` what that says. All of it is home then. */
  readonly before?: (bench: HostileBench) => Promise<void> | void
  /** The server is so for good: it is at the next good fetch, too. */
  readonly stays?: boolean
  /** All mail is home before. */
  readonly known?: boolean
  /** Where time must really run out; what is not said is long. */
  readonly patience?: Partial<Patience>
  /** The fetch waits for something that never comes. */
  readonly inVain?: boolean
  readonly options?: Pick<FetchOptions, 'largest' | 'longest'>
  readonly account?: Partial<Pick<Remote, 'tls' | 'host' | 'reach'>>
  /** What a server in order does that this account needs (TLS). */
  readonly manners?: Hostility
  /** Neither name nor password may reach the server. */
  readonly secret?: boolean
  /** The most octets that the server may get rid of. */
  readonly sent?: number
  /** How often it is killed; twice unless said. */
  readonly kills?: number
  /** About how long it takes (milliseconds), where that is too long to be tried often: only in a process of its own, which is killed once. */
  readonly took?: number
  /** How much memory it may take (octets), where that is more than usual. */
  readonly memory?: number
  /** Only with these; for what takes long. */
  readonly only?: readonly LeaveName[]
}

/** Faults of one kind. */
export interface FaultGroup {
  readonly title: string
  readonly faults: readonly Fault[]
}
