import type { StoreCode } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { BodiesReport, Place, Share } from './check-bodies.ts'
import type { CheckReport } from './check.ts'

/** What the thread that checks is given at its start. */
export interface Start {
  /** One user's. */
  readonly folder: string
  readonly user: string
  /** Only the bodies, or everything. */
  readonly what: 'bodies' | 'all'
  /** What lies before this place was checked already. */
  readonly from?: Place | undefined
  readonly share?: Share | undefined
  /** What seemed wrong before. */
  readonly suspects?: readonly Hash[] | undefined
  /** So many octets a second at the most; as fast as it can unless said. */
  readonly rate?: number | undefined
}

/** To the thread: wait, go on, or leave off. */
export type Order = 'wait' | 'go on' | 'leave off'

/** From the thread. `passed`: so many octets more, all up to `at`. */
export type Answer =
  | { readonly passed: number; readonly at: Place | undefined }
  /** Something seems wrong; whether it is, the report will tell. */
  | { readonly suspect: Hash }
  | { readonly bodies: BodiesReport }
  | { readonly report: CheckReport }
  | { readonly failed: { readonly why: string; readonly code?: StoreCode | undefined; readonly retry?: boolean } }
