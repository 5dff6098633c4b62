import { RefusedError, StoreError } from '../errors.ts'
import type { Reason } from '../reasons.ts'

/** Why something cannot be done, in the word that each protocol spells. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof RefusedError) return error.reason
  if (error instanceof StoreError) return error.retry || error.code === 'disk-full' ? 'try-later' : 'broken'
  return 'try-later'
}

/** What a client may be told: what went wrong, but no path of this machine. */
export function publicMessage(error: unknown): string {
  if (error instanceof RefusedError) return error.message
  if (!(error instanceof StoreError)) return 'something went wrong here'
  switch (error.code) {
    case 'damaged':
      return 'it is damaged here'
    case 'no-such-message':
    case 'missing':
      return 'it is not there any more'
    case 'disk-full':
      return 'the disk is full'
    case 'read-only':
      return 'the disk is read-only'
    case 'busy':
      return 'somebody else is writing'
    case 'newer-schema':
    case 'no-such-user':
    case 'io':
      return 'the store has failed'
  }
}

/** What went wrong, for our own log. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
