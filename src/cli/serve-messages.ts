import type { TallyChanges } from '../net/tally.ts'
import type { ListenAddress } from './listen-address.ts'
import type { Settings } from './serve-settings.ts'

/** What the first process says to a worker. */
export type ToWorker =
  /** Begin to serve. */
  | ({ readonly kind: 'begin' } & Beginning)
  /** What has changed with the others. */
  | { readonly kind: 'tally'; readonly changes: TallyChanges }
  /** The keys of TLS session tickets, in base64. */
  | { readonly kind: 'tickets'; readonly keys: string }
  /** New settings; answered by `renewed`. */
  | { readonly kind: 'renew'; readonly settings: Settings }
  /** Tell what you have counted, by `counted`. */
  | { readonly kind: 'count' }
  /** Finish what is open, and end. */
  | { readonly kind: 'stop' }

/** What a worker begins with. */
export interface Beginning {
  readonly settings: Settings
  /** The keys of TLS session tickets, in base64. */
  readonly tickets: string
  /** What the others count. */
  readonly tally: TallyChanges
  /** The name that its leases bear. */
  readonly leases: string
}

/** What a worker says to the first process. */
export type FromWorker =
  /** It is there, and waits for `begin`. */
  | { readonly kind: 'hello' }
  /** It listens. */
  | { readonly kind: 'ready'; readonly at: readonly ListenAddress[] }
  /** It cannot begin. */
  | { readonly kind: 'failed'; readonly why: string; readonly misuse: boolean }
  | { readonly kind: 'renewed' }
  /** How its connections have changed, for the limits. */
  | { readonly kind: 'tally'; readonly changes: TallyChanges }
  /** What it has counted, for the metrics, and the memory it takes (octets). */
  | { readonly kind: 'counted'; readonly changes: TallyChanges; readonly memory: number }

/** How long a worker gathers changes before it tells them, milliseconds. */
export const gathering = { tally: 50, counted: 1000 } as const
