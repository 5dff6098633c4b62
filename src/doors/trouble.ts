import type { Trouble } from '../store/store.ts'

const minute = 60_000
const day = 86_400_000

/**
 * The trouble after one more failure: tried again after five minutes, then after twice as long each time, up to a day. `free`: so many
 * failures come first that cost no waiting.
 */
export function worse(
  before: Trouble | undefined,
  why: string,
  now: number,
  { free = 0, random = Math.random }: { readonly free?: number; readonly random?: () => number } = {},
): Omit<Trouble, 'account' | 'uniqueId'> {
  const attempts = (before?.attempts ?? 0) + 1
  const pause = attempts <= free ? 0 : Math.min(5 * minute * 2 ** (attempts - free - 1), day)
  return { attempts, why, next: Math.round(now + pause * (0.8 + 0.4 * random())) }
}

/** Whether to leave it in peace still. A time that is too far ahead was set by a clock that was wrong. */
export function rests(trouble: Trouble | undefined, now: number): trouble is Trouble {
  return trouble !== undefined && trouble.next > now && trouble.next <= now + 1.2 * day
}
