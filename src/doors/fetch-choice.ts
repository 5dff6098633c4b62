/** A message that is not home yet, as far as it matters whether and when to fetch it. */
export interface Fetchable {
  readonly uniqueId: string
  /** The size that the server lists; undefined where it does not say. */
  readonly octets: number | undefined
}

/** What to fetch, of all that is new, and in what order; all is as usual where nothing is said. */
export interface Choice {
  /** Only these unique-ids, whatever else is said. */
  readonly only?: ReadonlySet<string> | undefined
  /** Larger ones (octets) wait until they are asked for. */
  readonly largest?: number | undefined
  /** Of those, the header comes home. */
  readonly beyond?: 'skip' | 'header' | undefined
  readonly first?: 'listed' | 'small' | 'new' | undefined
  /** No more octets than this; `whole`: so much is all there is for a day, so that one message may go beyond it. */
  readonly budget?: { readonly octets: number; readonly whole: boolean } | undefined
  /** So many octets fit into what the user may keep; `why`: for a person. */
  readonly fits?: { readonly octets: number; readonly why: string } | undefined
}

/** Why a message waits. */
export interface Waiting<T> {
  readonly message: T
  /** It is too large; it could not be had lately; there was enough for today; or there is no room for it here. */
  readonly for: 'size' | 'rest' | 'day' | 'room'
  readonly why: string
  /** Its header is wanted meanwhile. */
  readonly header: boolean
}

/** What `choose` says. */
export interface Chosen<T> {
  /** To be fetched, in this order. */
  readonly due: readonly T[]
  readonly later: readonly Waiting<T>[]
}

/**
 * Divides what is new. `resting`: why a message is to be left in peace for now; `last`: those that are to be tried behind all others,
 * for they may end the session (law 5), and how often each was tried: the one that was most often comes last of all.
 */
export function choose<T extends Fetchable>(
  wanted: readonly T[],
  choice: Choice,
  marks: { readonly resting: ReadonlyMap<string, string>; readonly last: ReadonlyMap<string, number> },
): Chosen<T> {
  const { only, largest = Infinity, beyond = 'skip', first = 'listed', budget, fits } = choice
  const later: Waiting<T>[] = []
  const due: T[] = []
  if (only !== undefined) return { due: wanted.filter(({ uniqueId }) => only.has(uniqueId)), later }
  for (const message of wanted) {
    const { uniqueId, octets = 0 } = message
    const rests = marks.resting.get(uniqueId)
    if (octets > largest) {
      const why = `it has ${octets} octets, and ${largest} are the most`
      later.push({ message, for: 'size', why, header: beyond === 'header' })
    } else if (rests !== undefined) later.push({ message, for: 'rest', why: rests, header: false })
    else due.push(message)
  }
  const place = (message: T): number => marks.last.get(message.uniqueId) ?? 0
  const ordered = (first === 'new' ? due.toReversed() : due).toSorted(
    (a, b) => place(a) - place(b) || (first === 'small' ? (a.octets ?? 0) - (b.octets ?? 0) : 0),
  )
  let room = fits?.octets ?? Infinity
  const fitting = ordered.filter((message) => {
    const { octets = 0 } = message
    if (octets <= room) {
      room -= octets
      return true
    }
    later.push({ message, for: 'room', why: `there is no room for it here: ${fits?.why}`, header: false })
    return false
  })
  if (budget === undefined) return { due: fitting, later }
  const within: T[] = []
  let left = budget.octets
  for (const message of fitting) {
    const before = left
    left -= message.octets ?? 0
    // In that order, so that one too large for what is left is the first tomorrow. Where others come before it each day, it goes today.
    const once = budget.whole && (within.length === 0 || (first !== 'listed' && before > 0))
    if (left >= 0 || once) within.push(message)
    else
      later.push({
        message,
        for: 'day',
        why: 'what may be fetched in a day is used up: it comes another day',
        header: false,
      })
  }
  return { due: within, later }
}

/** What to tell where there is no room here for some of what is new; undefined where there is for all. */
export function noRoomFor(later: readonly Waiting<unknown>[]): string | undefined {
  const waiting = later.filter((one) => one.for === 'room')
  const [first, ...others] = waiting
  if (first === undefined) return undefined
  const which = others.length === 0 ? 'one message waits' : `${waiting.length} messages wait`
  return `${which} at the server: ${first.why.replace('for it here', 'here')}`
}
