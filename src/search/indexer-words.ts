import type { StoreCode } from '../errors.ts'

/** What the indexer's thread is given at its start. */
export interface Start {
  readonly data: string
  readonly user: string
}

/** To the thread: catch up, and say so with this number; or end. */
export type Order = number | 'close'

/** From the thread: everything stored before that order is indexed, or why it is not. */
export interface Answer {
  readonly done: number
  /** Why the index had to be made anew. */
  readonly remade?: string
  readonly failed?: { readonly why: string; readonly code?: StoreCode; readonly retry?: boolean }
}
