import { StoreError } from '../errors.ts'
import type { View } from '../store/store.ts'

/** Octets that may come in before the user has as many as may be kept; undefined: any. */
export function roomLeft(view: View): number | undefined {
  const quota = view.quota()
  return quota === undefined ? undefined : Math.max(0, quota - view.octets())
}

/** Throws StoreError `over-quota` where there is no room for a message of so many octets. */
export function mustFit(view: View, user: string, octets: number): void {
  const room = roomLeft(view)
  if (room === undefined || octets <= room) return
  const has = `${user} has ${view.octets()} of ${view.quota()} octets that may be kept`
  throw new StoreError(
    'over-quota',
    `there is no room for ${octets} octets more: ${has}; delete some mail and empty the trash, or give more with \`postino quota ${user} AMOUNT\``,
  )
}

export function isOverQuota(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'over-quota'
}
