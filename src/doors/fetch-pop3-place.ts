import type { Hash } from '../ids.ts'
import { givenAway, type Known } from '../intake/ledger.ts'
import type { UserMail, View } from '../store/store.ts'
import { headersOf, notedHead } from './fetch-pop3-top.ts'
import { placeOf, type Remote } from './fetching.ts'
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

/**
 * What of that which is known by unique-id and size is another message now: an account that logs in as somebody else, or elsewhere, may be
 * another maildrop, in which the same unique-ids stand for other mail. TOP tells; what it does not show to be the same is to be fetched. What
 * another program has is known by its unique-id alone.
 */
export async function strangersAmong(
  known: readonly Known[],
  { connection, mail }: { readonly connection: Pop3Connection; readonly mail: UserMail },
): Promise<Known[]> {
  const here = known.filter(({ entry }) => entry.hash !== '')
  const heads = await headersOf(
    connection,
    here.map(({ listed }) => listed.number),
  )
  const strangers: Known[] = []
  for (const [place, one] of here.entries()) {
    const head = heads[place]
    if (head === undefined || head !== (await notedHead(mail, one.entry))) strangers.push(one)
  }
  return strangers
}

/** Writes down which maildrop an account is, and that nothing listed is what these rows are about; in one, so that neither is without the other. */
export async function rememberPlace(
  { remote, mail }: { readonly remote: Remote; readonly mail: UserMail },
  strangers: readonly Known[],
): Promise<void> {
  const origin = { account: rowOf(remote.account), uniqueId: '', nth: 0, head: placeOf(remote) }
  await mail.change((draft) => {
    for (const { entry } of strangers) draft.relist(entry, givenAway)
    draft.know(origin, { hash: '' as Hash, size: 0 })
  })
}
