import type { Leave } from '../accounts/leave.ts'
import type { UserMail } from '../store/store.ts'
import type { Waiting } from './fetch-choice.ts'
import type { MayGo } from './fetch-imap-delete.ts'
import { imapUniqueId } from './fetch-imap-ledger.ts'
import type { AtBoth, Wanted } from './fetch-imap-listing.ts'
import type { Fetched } from './fetch-imap-retrieval.ts'
import { type Held, leaving, type LeavingOptions } from './fetch-leaving.ts'
import type { Planned } from './fetching.ts'
import type { ImapConnection } from './imap-connection.ts'

interface HeldThere extends Held {
  readonly uniqueId: string
  readonly mayGo: MayGo | undefined
}

/** What is there, and what of it is home. */
export interface There {
  readonly known: readonly AtBoth[]
  readonly fetched: readonly Fetched[]
  /** Not at home. */
  readonly rest: readonly Wanted[]
}

/** What may go, each with why. */
export async function mayGo(
  there: There,
  options: LeavingOptions & { readonly mail: UserMail },
): Promise<{ go: { mayGo: MayGo; why: string }[]; note: string | undefined }> {
  const { go, note } = leaving(await heldOf(there, options), options)
  return { go: go.flatMap(({ held, why }) => (held.mayGo === undefined ? [] : [{ mayGo: held.mayGo, why }])), note }
}

/** What a session would do. `due` counts as home: whether it goes is a matter of when it comes. */
export async function planOf(
  session: {
    readonly known: readonly AtBoth[]
    readonly due: readonly Wanted[]
    readonly later: readonly Waiting<Wanted>[]
    readonly headersHere: ReadonlyMap<string, unknown>
    readonly problems: string[]
  },
  options: LeavingOptions & { readonly mail: UserMail },
): Promise<Planned[]> {
  const { known, due, later, headersHere, problems } = session
  const coming = due.map(({ uniqueId, octets }): HeldThere => {
    return { uniqueId, octets, home: { stored: options.now, received: options.now }, mayGo: undefined }
  })
  const rest = later.map(({ message }) => message)
  const { go, note } = leaving([...(await heldOf({ known, fetched: [], rest }, options)), ...coming], options)
  if (note !== undefined) problems.push(note)
  return [
    ...due.map(({ uniqueId, octets }): Planned => ({ uniqueId, octets, what: 'fetch', why: 'it is new' })),
    ...later.map(({ message: { uniqueId, octets }, why, header }): Planned => {
      return { uniqueId, octets, what: header && !headersHere.has(uniqueId) ? 'header' : 'wait', why }
    }),
    ...go.map(({ held: { uniqueId, octets }, why }): Planned => ({ uniqueId, octets, what: 'delete', why })),
  ]
}

async function heldOf(
  { known, fetched, rest }: There,
  { mail, leave }: LeavingOptions & { readonly mail: UserMail },
): Promise<HeldThere[]> {
  // Only where the oldest go does it matter when each was received.
  const byAge = typeof leave === 'object'
  const before = await mail.read((view) =>
    known.map(({ mailbox, uid, octets, entry }): HeldThere => {
      const uniqueId = imapUniqueId(mailbox, uid)
      // What another program has had is not home.
      if (entry.hash === '') return { uniqueId, octets, home: undefined, mayGo: undefined }
      const received = byAge && entry.message !== undefined ? view.message(entry.message)?.received : undefined
      const home = { stored: entry.stored, received: received ?? entry.stored }
      return { uniqueId, octets, home, mayGo: { mailbox, uid, octets, entry, fetchedNow: false } }
    }),
  )
  const now = fetched.map(({ wanted: { mailbox, uid, uniqueId, octets }, entry, received, isNew }): HeldThere => {
    const home = { stored: entry.stored, received }
    return { uniqueId, octets, home, mayGo: { mailbox, uid, octets, entry, fetchedNow: isNew } }
  })
  const missing = rest.map(({ uniqueId, octets, received }): HeldThere => {
    return { uniqueId, octets, home: undefined, received, mayGo: undefined }
  })
  return [...before, ...now, ...missing]
}

/**
 * A share of the room there, as octets of what is listed: by what the server says of room and use (RFC 9208 §5.1), of which a part may be
 * in mailboxes that are not fetched. Without it, by the room that the account was told.
 */
export async function shareOf(
  leave: Leave,
  there: { readonly connection: ImapConnection; readonly listed: number; readonly room: number | undefined },
): Promise<Leave> {
  if (typeof leave !== 'object' || !('percent' in leave)) return leave
  const { connection, listed, room } = there
  const quota = await connection.run('to ask for the quota', (client) => client.getQuota('INBOX'))
  const { limit, usage } = (quota === false ? undefined : quota?.storage) ?? {}
  if (limit === undefined || limit === 0) return leave
  const elsewhere = Math.max(0, (usage ?? listed) - listed)
  return { octets: Math.max(0, Math.floor(((room ?? limit) * leave.percent) / 100) - elsewhere) }
}
