import type { StoreCode } from '../errors.ts'
import type { SettleReport } from '../store/settle.ts'

/** What the thread that settles is given at its start. */
export interface Start {
  readonly data: string
  readonly user: string
  /** Also the segment that is written now. */
  readonly all: boolean
  /** The share of one processor that it may use. */
  readonly share: number
}

/** To the thread: another share; or to leave off. */
export type Order = { readonly share: number } | 'stop'

/** From the thread, once: what was done, or why it was not. */
export interface Answer {
  readonly report?: SettleReport
  readonly failed?: { readonly why: string; readonly code?: StoreCode; readonly retry?: boolean }
}
