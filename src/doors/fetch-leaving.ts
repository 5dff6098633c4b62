import type { Leave } from '../accounts/leave.ts'

const day = 86_400_000

/** A message at the remote server, as far as it matters whether it may go there. */
export interface Held {
  /** Its size there, octets; undefined where the server does not say. */
  readonly octets: number | undefined
  /** Where it is home: when it came home and when it was received, milliseconds since 1970. */
  readonly home: { readonly stored: number; readonly received: number } | undefined
  /** When it was received, where the server tells and it is not home. */
  readonly received?: number | undefined
}

export interface LeavingOptions {
  readonly leave: Leave
  /** Milliseconds since 1970. */
  readonly now: number
  /** Octets that the provider gives; undefined: not known. */
  readonly room?: number | undefined
  /** Whether the clock can be believed (see `Witness`): where it cannot, nothing goes because of its age. */
  readonly clockSteady?: boolean | undefined
}

/** What may go, each with why; and, in `note`, why nothing can be said. */
export interface Leaving<T> {
  readonly go: readonly { readonly held: T; readonly why: string }[]
  readonly note?: string
}

/**
 * Decides what may be deleted at the remote server, of a listing in the server's order. Only what is home ever goes; that it is home
 * must be verified all the same before it does (law 3).
 */
export function leaving<T extends Held>(all: readonly T[], options: LeavingOptions): Leaving<T> {
  const { leave, now, room, clockSteady = true } = options
  if (leave === 'forever') return { go: [] }
  if (leave === 'delete') return { go: atHome(all).map((held) => ({ held, why: 'it is home' })) }
  if (typeof leave === 'number') {
    const old = atHome(all).filter(({ home }) => home.stored <= now - leave * day)
    if (!clockSteady && old.length > 0)
      return {
        go: [],
        note: `the clock has jumped lately: ${old.length} messages that seem old enough to go are left there for now`,
      }
    return { go: old.map((held) => ({ held, why: `it came home ${days(now - held.home.stored)} ago` })) }
  }
  if ('newest' in leave) {
    const old = atHome(byAge(all).slice(0, Math.max(0, all.length - leave.newest)))
    return { go: old.map((held) => ({ held, why: `there are ${leave.newest} newer ones` })) }
  }
  if ('percent' in leave && room === undefined)
    return {
      go: [],
      note: `how much room the provider gives is not known, so ${leave.percent} % of it is not either: give it with --room 1GB`,
    }
  const most = mostOctets(leave, room)
  let taken = octetsOf(all)
  const go: { held: T; why: string }[] = []
  for (const held of oldestFirst(all)) {
    if (taken <= most) break
    taken -= held.octets ?? 0
    go.push({ held, why: `all there takes more than ${most} octets, and it is among the oldest` })
  }
  return { go }
}

/**
 * Until when (milliseconds since 1970) nothing may go as long as there are these messages there and no others; Infinity: for good. Undefined
 * where that is a matter of more than of them, or something may go now.
 */
export function nothingGoesBefore(all: readonly Held[], { leave, room }: LeavingOptions): number | undefined {
  const home = atHome(all)
  if (leave === 'forever' || home.length === 0) return Infinity
  if (leave === 'delete') return undefined
  if (typeof leave === 'number')
    return home.reduce((least, each) => Math.min(least, each.home.stored), Infinity) + leave * day
  if ('newest' in leave) return all.length <= leave.newest ? Infinity : undefined
  const most = mostOctets(leave, room)
  return octetsOf(all) <= most ? Infinity : undefined
}

type AtHome<T> = T & { readonly home: NonNullable<Held['home']> }

/** Of a share in a room that is not known, nothing. */
function mostOctets(leave: { octets: number } | { percent: number }, room = 0): number {
  return 'octets' in leave ? leave.octets : Math.floor((room * leave.percent) / 100)
}

function octetsOf(all: readonly Held[]): number {
  return all.reduce((sum, { octets = 0 }) => sum + octets, 0)
}

function atHome<T extends Held>(all: readonly T[]): AtHome<T>[] {
  return all.filter((held): held is AtHome<T> => held.home !== undefined)
}

/** All, the oldest first. What is not home is as old as what follows it in the listing, unless the server tells; the last ones are new. */
function byAge<T extends Held>(all: readonly T[]): T[] {
  let following = Infinity
  const dated = all.toReversed().map((held) => {
    following = held.home?.received ?? held.received ?? following
    return { held, received: following }
  })
  return dated
    .toReversed()
    .toSorted((a, b) => (a.received === b.received ? 0 : a.received - b.received))
    .map(({ held }) => held)
}

/** Those that are home; of equal age, in the server's order. */
function oldestFirst<T extends Held>(all: readonly T[]): AtHome<T>[] {
  return atHome(all).toSorted((a, b) => a.home.received - b.home.received)
}

function days(milliseconds: number): string {
  const whole = Math.floor(milliseconds / day)
  return whole === 1 ? 'one day' : `${whole} days`
}
