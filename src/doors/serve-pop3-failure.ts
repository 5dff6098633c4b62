import { RefusedError, StoreError } from '../errors.ts'
import type { Say } from '../pop3/texts.ts'
import type { Reason } from '../reasons.ts'
import { MaildropRefused } from './open-maildrop.ts'

/** Why something cannot be done, in the word that each protocol spells. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof RefusedError) return error.reason
  if (error instanceof StoreError) return error.retry || error.code === 'disk-full' ? 'try-later' : 'broken'
  return 'try-later'
}

/** What a client may be told of a refusal: its own words, or what could not be done and why. */
export function sayRefused(error: unknown, what: (why: Say) => Say): Say {
  if (error instanceof MaildropRefused) return error.say
  if (error instanceof RefusedError) return () => error.message
  return what(sayWhy(error))
}

/** What a client may be told: what went wrong, but no path of this machine. */
function sayWhy(error: unknown): Say {
  if (!(error instanceof StoreError)) return (texts) => texts.whyUnknown
  switch (error.code) {
    case 'damaged':
      return (texts) => texts.whyDamaged
    case 'no-such-message':
    case 'missing':
      return (texts) => texts.whyGone
    case 'disk-full':
      return (texts) => texts.whyDiskFull
    case 'read-only':
      return (texts) => texts.whyReadOnly
    case 'busy':
      return (texts) => texts.whyBusy
    case 'newer-schema':
    case 'no-such-user':
    case 'over-quota':
    case 'held':
    case 'io':
      return (texts) => texts.whyFailed
  }
}

/** What went wrong, for our own log. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
