import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { headersOnly } from '../intake/header-only.ts'
import { givenAway, type Known } from '../intake/ledger.ts'
import type { LedgerEntry, UserMail, View } from '../store/store.ts'
import { headersOf, notedHead } from './fetch-pop3-top.ts'
import { isSameLogIn, placeOf, type Remote } from './fetching.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/** The name in the ledger of the one row that says which maildrop the unique-ids of an account are of. */
function rowOf(account: string): string {
  return `place:${account}`
}

/** The maildrop that an account was when it was fetched from; undefined where nobody wrote it down yet. */
export function placeBefore(view: View, account: string): string | undefined {
  const row = view.origin(rowOf(account), '', '' as Hash, 0)
  return row && view.head(row)
}

/** Whether an account may be another maildrop than it was: it logs in as somebody else, or elsewhere. */
export function hasMoved(place: string | undefined, remote: Remote): place is string {
  return place !== undefined && place !== placeOf(remote)
}

/**
 * What of that which is known by unique-id and size is another message now: in another maildrop the same unique-ids stand for other mail. TOP
 * tells; what it does not show to be the same is to be fetched. Of what another program has, no header is known: it is what it was only where
 * the same log-in goes by another port.
 */
export async function strangersAmong(
  known: readonly Known[],
  session: {
    readonly connection: Pop3Connection
    readonly mail: UserMail
    readonly remote: Remote
    /** Which maildrop it was. */
    readonly place: string
  },
): Promise<Known[]> {
  const { connection, mail, remote, place: before } = session
  const here = known.filter(({ entry }) => entry.hash !== '')
  const heads = await headersOf(
    connection,
    here.map(({ listed }) => listed.number),
  )
  const strangers = isSameLogIn(before, placeOf(remote)) ? [] : known.filter(({ entry }) => entry.hash === '')
  for (const [place, one] of here.entries()) {
    const head = heads[place]
    if (head === undefined || head !== (await notedHead(mail, one.entry).catch(unreadable))) strangers.push(one)
  }
  return strangers
}

/**
 * Writes down which maildrop an account is. Where it was another (`place`), nothing that will be listed is what its rows are about, but those
 * that are `known` to be the same: also what is not listed today would be taken for what it was. In one, so that neither is without the other.
 */
export async function rememberPlace(
  known: readonly Known[],
  session: { readonly mail: UserMail; readonly remote: Remote; readonly place: string | undefined },
): Promise<void> {
  const { mail, remote, place } = session
  const { account } = remote
  const now = placeOf(remote)
  const same = new Set(known.map(({ entry }) => keyOf(entry)))
  const stays = (row: LedgerEntry, before: string): boolean =>
    row.listed === givenAway || same.has(keyOf(row)) || (row.hash === '' && isSameLogIn(before, now))
  await mail.change((draft) => {
    if (hasMoved(place, remote)) {
      const rows = [...draft.view.ledger(account), ...draft.view.ledger(headersOnly(account))]
      for (const row of rows) if (!stays(row, place)) draft.relist(row, givenAway)
    }
    draft.know({ account: rowOf(account), uniqueId: '', nth: 0, head: now }, { hash: '' as Hash, size: 0 })
  })
}

function keyOf({ account, uniqueId, hash, nth }: LedgerEntry): string {
  return JSON.stringify([account, uniqueId, hash, nth])
}

/** A copy that cannot be read shows nothing to be the same. */
function unreadable(error: unknown): undefined {
  if (!(error instanceof StoreError)) throw error
}
