import { headersOnly } from '../intake/header-only.ts'
import { Intake } from '../intake/intake.ts'
import { givenAway, type Known, Ledger, type Listed } from '../intake/ledger.ts'
import type { LedgerEntry, Trouble, UserMail } from '../store/store.ts'
import { type Choice, choose, noRoomFor, type Waiting } from './fetch-choice.ts'
import { deleteAtRemote } from './fetch-pop3-delete.ts'
import { fetchHeaders } from './fetch-pop3-headers.ts'
import { Keeping } from './fetch-pop3-keep.ts'
import { homeOf, leavingOf, planOf } from './fetch-pop3-leaving.ts'
import type { Listing } from './fetch-pop3-listing.ts'
import { hasMoved, placeBefore, rememberPlace, strangersAmong } from './fetch-pop3-place.ts'
import { recognise } from './fetch-pop3-recognise.ts'
import { Retrieval } from './fetch-pop3-retrieval.ts'
import { goodbye, type Session } from './fetch-pop3-session.ts'
import { rememberUnchanged } from './fetch-pop3-unchanged.ts'
import { byOtherProtocol, type FetchOptions, placeOf, type Planned, type Remote } from './fetching.ts'
import { Pace } from './pace.ts'
import type { Pop3Connection } from './pop3-connection.ts'
import { rests } from './trouble.ts'

/** What is known here of an account. */
export interface Home {
  readonly entries: readonly LedgerEntry[]
  readonly before: readonly LedgerEntry[]
  readonly troubles: readonly Trouble[]
  /** Of which only the header is here. */
  readonly headers: readonly LedgerEntry[]
  /** Which maildrop it was. */
  readonly place: string | undefined
  /** What the user may still keep. */
  readonly fits: Choice['fits']
}

export async function readHome(mail: UserMail, account: string, fits: FetchOptions['fits']): Promise<Home> {
  return await mail.read((view) => ({
    entries: view.ledger(account),
    before: view.ledger(byOtherProtocol(account)),
    troubles: view.troubles(account),
    headers: view.ledger(headersOnly(account)).filter(({ listed }) => listed !== givenAway),
    place: placeBefore(view, account),
    fits: fits?.(view),
  }))
}

/** Does with a listing what is to be done with it, and says goodbye. With `dryRun`: only says what. */
export async function bringNews(
  listing: Listing,
  home: Home,
  connection: Pop3Connection,
  session: Session,
): Promise<readonly Planned[] | undefined> {
  const { remote, mail, options, tally } = session
  const now = options.now ?? Date.now
  const { entries, before, troubles, place } = home
  // By its unique-id alone, a header of one maildrop would stand for a message of another.
  const headers = hasMoved(place, remote) ? [] : home.headers
  tally.problems.push(...listing.problems)
  const ledger = new Ledger(remote.account, entries, before)
  const { known, wanted } = await divide(listing.messages, {
    connection,
    mail,
    ledger,
    remote,
    place,
    dryRun: options.dryRun === true,
  })

  const resting = new Map(options.backOff === true ? troubles.filter((trouble) => rests(trouble, now())).map(rest) : [])
  const { due, later } = choose(
    wanted,
    { ...options.choice, fits: options.choice?.fits ?? home.fits },
    {
      resting,
      // What went wrong before comes last, for it may end the session again (law 5).
      last: new Map(troubles.map(({ uniqueId, attempts }) => [uniqueId, attempts])),
    },
  )
  tally.failed = later.filter((one) => one.for === 'rest').length
  tally.waiting = later.length - tally.failed
  const full = noRoomFor(later)
  if (full !== undefined) {
    tally.noRoom = full
    tally.problems.push(full)
  }
  const headersHere = new Map(
    headers.flatMap(({ uniqueId, message }) => (message === undefined ? [] : [[uniqueId, message]])),
  )
  // One that was removed here is not to come again.
  const headersSeen = new Set(headers.map(({ uniqueId, listed }) => nameOfHeader(uniqueId, listed)))
  const headersDue = later.flatMap(({ message, header }) =>
    header && !headersSeen.has(nameOfHeader(message.uniqueId, message.octets)) ? [message] : [],
  )
  const policy = {
    leave: remote.leave,
    room: options.room,
    now: now(),
    clockSteady: options.clockSteady,
    resting,
  }

  if (options.dryRun === true) {
    tally.skipped = known.length
    const atHome = await homeOf(known, mail, remote)
    await goodbye(connection)
    return planOf({ due, later, headersDue, atHome, listing: listing.messages, policy, problems: tally.problems })
  }

  await forgetTroubles(troubles, { wanted, later, mail, remote })
  const intake = new Intake(mail)
  const { split, largest, onProgress, perMinute, signal } = options
  const keeping = new Keeping({ remote, mail, intake, ledger, split, headers: headersHere, now })
  const retrieval = new Retrieval({
    remote,
    connection,
    mail,
    intake,
    keeping,
    troubles,
    tally,
    now,
    largest,
    onProgress,
    pace: perMinute === undefined ? undefined : new Pace(perMinute, signal),
  })
  const fetched = await retrieval.fetch(due)
  tally.skipped = known.length + fetched.length - tally.new
  if (headersDue.length > 0) await fetchHeaders(headersDue, { connection, intake, remote, now, tally })

  const atHome = remote.leave === 'forever' ? [] : [...(await homeOf(known, mail, remote)), ...fetched]
  const { go, note, until } = leavingOf(listing.messages, atHome, policy)
  if (note !== undefined) tally.problems.push(note)
  const marked = await deleteAtRemote(
    go.map(({ held }) => held.atHome),
    { connection, mail, others: keeping.others, retrieval, tally },
  )
  if (marked === 0) await goodbye(connection)
  else {
    // RFC 1939 §6: only QUIT makes the deletions happen, and its answer tells whether they did.
    const quit = await connection.ask({ verb: 'QUIT' })
    if (quit.ok) tally.deleted = marked
    else tally.problems.push(`the server answered QUIT with -ERR ${quit.text}: messages deleted there may come back`)
  }
  const isCalm =
    tally.failed + tally.problems.length + marked + headersDue.length === 0 &&
    fetched.length === due.length &&
    later.every((one) => one.for === 'size')
  if (isCalm && listing.print !== undefined && until !== undefined) {
    const { waiting } = tally
    await rememberUnchanged({ print: listing.print, waiting, until: until === Infinity ? undefined : until }, session)
  }
  return undefined
}

/** What is known and what is new, also where the provider has changed the unique-ids. */
async function divide(
  listing: readonly Listed[],
  session: {
    connection: Pop3Connection
    mail: UserMail
    ledger: Ledger
    remote: Remote
    place: string | undefined
    dryRun: boolean
  },
): Promise<{ known: readonly Known[]; wanted: readonly Listed[] }> {
  const { mail, ledger, remote, place, dryRun } = session
  let { known, wanted } = ledger.divide(listing)
  if (place !== placeOf(remote) && listing.length > 0) {
    const strangers = hasMoved(place, remote) ? await strangersAmong(known, { ...session, place }) : []
    if (strangers.length > 0) {
      ledger.release(strangers)
      const other = new Set(strangers.map(({ listed }) => listed))
      known = known.filter(({ listed }) => !other.has(listed))
      const ours = new Set([...wanted, ...other])
      wanted = listing.filter((listed) => ours.has(listed))
    }
    if (!dryRun) await rememberPlace(known, session)
  }
  // By its size, a message that another program has is known from the next one that gets its unique-id.
  const unsized = known.filter(
    ({ entry, listed }) => entry.hash === '' && entry.listed === undefined && listed.octets !== undefined,
  )
  if (unsized.length > 0 && !dryRun)
    await mail.change((draft) => {
      for (const { entry, listed } of unsized) draft.relist(entry, listed.octets ?? 0)
    })
  // Where all that is home goes, nothing known is what one expects to see: then more must speak for it.
  const suspects = ledger.suspects({ known, wanted }, remote.leave === 'delete' ? 20 : 1)
  if (suspects.length === 0) return { known, wanted }
  const recognised = await recognise(suspects, session)
  const again = new Set(recognised.map(({ listed }) => listed))
  return { known: [...known, ...recognised], wanted: wanted.filter((listed) => !again.has(listed)) }
}

/** What is not there any more, or too large to be tried again, is no trouble. */
async function forgetTroubles(
  troubles: readonly Trouble[],
  session: { wanted: readonly Listed[]; later: readonly Waiting<Listed>[]; mail: UserMail; remote: Remote },
): Promise<void> {
  const { wanted, later, mail, remote } = session
  const tried = new Set(wanted.map(({ uniqueId }) => uniqueId))
  for (const one of later) if (one.for === 'size') tried.delete(one.message.uniqueId)
  const over = troubles.filter(({ uniqueId }) => !tried.has(uniqueId))
  if (over.length === 0) return
  await mail.change((draft) => {
    for (const { uniqueId } of over) draft.trouble(remote.account, uniqueId, undefined)
  })
}

/** The same unique-id beside another size is another message. */
function nameOfHeader(uniqueId: string, octets: number | undefined): string {
  return `${octets} ${uniqueId}`
}

function rest({ uniqueId, why, next }: Trouble): [string, string] {
  return [uniqueId, `it could not be fetched (${why}); it is tried again after ${new Date(next).toISOString()}`]
}
