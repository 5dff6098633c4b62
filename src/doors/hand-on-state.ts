import type { View } from '../store/store.ts'
import { countHanded, type HandOnPlan, planHandOn, type Route } from './hand-on-book.ts'
import { rests } from './trouble.ts'

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

/** A message that the target would not take. */
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
  const plan = planHandOn(view, route)
  const { pending, troubles, down } = plan
  const refused = pending.flatMap(({ id, uniqueId }): RefusedMessage[] => {
    const trouble = troubles.get(uniqueId)
    if (trouble === undefined) return []
    const { attempts, why, next } = trouble
    return [{ message: id, attempts, why, next }]
  })
  return {
    target: route.target.name,
    handed: countHanded(view, route),
    waiting: pending.length - refused.length,
    refused,
    down: down && { attempts: down.attempts, why: down.why, next: down.next },
    due: dueOf(plan, now),
  }
}

/** When something is to be tried next: see `HandOnState.due`. Far cheaper than the whole state. */
export function handOnDue(view: View, route: Route, now: number): number | undefined {
  return dueOf(planHandOn(view, route), now)
}

function dueOf({ pending, troubles, down, underWay }: HandOnPlan, now: number): number | undefined {
  const times = pending.map(({ uniqueId }) => troubles.get(uniqueId)?.next ?? 0)
  if (underWay.length > 0) times.push(0)
  if (times.length === 0) return undefined
  const first = times.reduce((a, b) => Math.min(a, b))
  return rests(down, now) ? Math.max(first, down.next) : first
}
