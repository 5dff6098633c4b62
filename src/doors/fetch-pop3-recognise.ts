import { StoreError } from '../errors.ts'
import type { Known, Ledger, Listed, Suspect } from '../intake/ledger.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'
import { headersOf, notedHead } from './fetch-pop3-top.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/**
 * Recognises messages whose unique-ids the provider has changed, by size and TOP, and writes their new names into the ledger: nothing
 * is downloaded twice. What is not recognised for certain is fetched like anything new.
 */
export async function recognise(
  suspects: readonly Suspect[],
  session: { readonly connection: Pop3Connection; readonly mail: UserMail; readonly ledger: Ledger },
): Promise<Known[]> {
  const { connection, mail, ledger } = session
  const prints = await headersOf(
    connection,
    suspects.map(({ listed }) => listed.number),
  )
  const heads = new Map<LedgerEntry, string | undefined>()
  const found: { listed: Listed; entry: LedgerEntry; head: string }[] = []
  for (const [place, { listed, entries }] of suspects.entries()) {
    const head = prints[place]?.finish()
    if (head === undefined) continue
    for (const entry of entries) {
      if (!heads.has(entry)) heads.set(entry, await readableHead(mail, entry))
      if (heads.get(entry) !== head) continue
      // Equal octets that came as two messages are two messages: each row is one of them.
      const row = ledger.adopt(entry.hash)
      if (row === undefined) continue
      found.push({ listed, entry: row, head })
      break
    }
  }
  if (found.length === 0) return []
  const named = found.map(({ listed, entry, head }) => ({
    listed,
    entry,
    origin: { ...ledger.origin(listed, entry.hash), head },
  }))
  await mail.change((draft) => {
    for (const { entry, origin } of named) draft.know(origin, entry)
  })
  return named.map(({ listed, entry, origin }) => ({ listed, entry: { ...entry, ...origin } }))
}

/** A message at home that cannot be read is none to compare with. */
async function readableHead(mail: UserMail, entry: LedgerEntry): Promise<string | undefined> {
  try {
    return await notedHead(mail, entry)
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}
