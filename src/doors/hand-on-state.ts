import type { View } from '../store/store.ts'
import { planHandOn, rests, type Route } from './hand-on-book.ts'

/** How handing on along one route stands, for a person to see. */
export interface HandOnState {
  readonly target: string
  /** Messages that are there. */
  readonly handed: number
  /** Messages that have had no turn yet, or are under way. */
  readonly waiting: number
  /** Messages that the target would not take: they are tried again. */
  readonly refused: readonly RefusedMessage[]
  /** Why the target as a whole is left in peace for now. */
  readonly down: { readonly attempts: number; readonly why: string; readonly next: number } | undefined
  /** When something is to be tried next, milliseconds since 1970: 0 is at once; undefined: there is nothing to do. */
  readonly due: number | undefined
}

export interface RefusedMessage {
  /** The number of the message here. */
  readonly message: number
  readonly attempts: number
  /** The last reason. */
  readonly why: string
  /** When it is tried next, milliseconds since 1970. */
  readonly next: number
}

/** How handing on stands, by what a user's mail says of it. */
export function handOnState(view: View, route: Route, now: number): HandOnState {
  const { pending, troubles, down, underWay, handed } = planHandOn(view, route)
  const refused = pending.flatMap(({ id, uniqueId }): RefusedMessage[] => {
    const trouble = troubles.get(uniqueId)
    if (trouble === undefined) return []
    const { attempts, why, next } = trouble
    return [{ message: id, attempts, why, next }]
  })
  const times = refused.map(({ next }) => next)
  if (refused.length < pending.length || underWay.length > 0) times.push(0)
  const due = times.length === 0 ? undefined : Math.min(...times)
  const later = rests(down, now) && due !== undefined ? Math.max(due, down?.next ?? 0) : due
  return {
    target: route.target.name,
    handed,
    waiting: pending.length - refused.length,
    refused,
    down: down && { attempts: down.attempts, why: down.why, next: down.next },
    due: later,
  }
}
