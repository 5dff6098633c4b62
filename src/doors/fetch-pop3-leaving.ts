import type { Known, Listed } from '../intake/ledger.ts'
import type { UserMail } from '../store/store.ts'
import type { Waiting } from './fetch-choice.ts'
import { type Held, leaving, type Leaving, type LeavingOptions, nothingGoesBefore } from './fetch-leaving.ts'
import type { AtHome } from './fetch-pop3-retrieval.ts'
import type { Planned, Remote } from './fetching.ts'

/** What came home in earlier sessions; what only another program has is not home. */
export async function homeOf(known: readonly Known[], mail: UserMail, remote: Remote): Promise<AtHome[]> {
  const home = known.filter(({ entry }) => entry.hash !== '')
  // Only where the oldest go does it matter when each was received.
  const byAge = typeof remote.leave === 'object'
  return await mail.read((view) =>
    home.map(({ listed, entry }): AtHome => {
      const { hash, size, stored, message } = entry
      const received = byAge && message !== undefined ? view.message(message)?.received : undefined
      return { listed, hash, size, stored, received: received ?? stored, entry }
    }),
  )
}

interface HeldHere extends Held {
  readonly atHome: AtHome
}

export interface Policy extends LeavingOptions {
  /** Messages that are to be left in peace for now. */
  readonly resting: ReadonlyMap<string, string>
}

/** What may go of a listing; and, where that is nothing, `until`: see `nothingGoesBefore`. */
export function leavingOf(
  listing: readonly Listed[],
  atHome: readonly AtHome[],
  policy: Policy,
): Leaving<HeldHere> & { readonly until?: number | undefined } {
  if (policy.leave === 'forever') return { go: [], until: Infinity }
  const byNumber = new Map(atHome.map((one) => [one.listed.number, one]))
  const held = listing.map(({ number, octets, uniqueId }) => {
    const one = policy.resting.has(uniqueId) ? undefined : byNumber.get(number)
    return { octets, home: one && { stored: one.stored, received: one.received }, atHome: one }
  })
  const { go, note } = leaving(held, policy)
  // Only what is home goes.
  const here = go.flatMap(({ held: one, why }) =>
    one.atHome === undefined ? [] : [{ held: { ...one, atHome: one.atHome }, why }],
  )
  if (note !== undefined) return { go: here, note }
  return here.length === 0 ? { go: here, until: nothingGoesBefore(held, policy) } : { go: here }
}

/** What a session would do. */
export function planOf(session: {
  readonly due: readonly Listed[]
  readonly later: readonly Waiting<Listed>[]
  /** Of those that wait, which only their header is to come of. */
  readonly headersDue: readonly Listed[]
  readonly atHome: readonly AtHome[]
  readonly listing: readonly Listed[]
  readonly policy: Policy
  readonly problems: string[]
}): Planned[] {
  const { due, later, headersDue, atHome, listing, policy, problems } = session
  const { now } = policy
  const headers = new Set(headersDue)
  const coming = due.map((listed): AtHome => {
    // Its octets are not here yet; whether it goes is a matter of when it comes.
    return { listed, hash: '' as AtHome['hash'], size: 0, stored: now, received: now, entry: undefined }
  })
  const { go, note } = leavingOf(listing, [...atHome, ...coming], policy)
  if (note !== undefined) problems.push(note)
  const line = ({ uniqueId, octets }: Listed, what: Planned['what'], why: string): Planned => ({
    uniqueId,
    octets,
    what,
    why,
  })
  return [
    ...due.map((listed) => line(listed, 'fetch', 'it is new')),
    ...later.map(({ message, why }) => line(message, headers.has(message) ? 'header' : 'wait', why)),
    ...go.map(({ held, why }) => line(held.atHome.listed, 'delete', why)),
  ]
}
