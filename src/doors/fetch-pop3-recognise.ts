import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
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
  session: {
    readonly connection: Pop3Connection
    readonly mail: UserMail
    readonly ledger: Ledger
    /** Nothing is written. */
    readonly dryRun: boolean
  },
): Promise<Known[]> {
  const { connection, mail, ledger, dryRun } = session
  const heads = await headersOf(
    connection,
    suspects.map(({ listed }) => listed.number),
  )
  const rows = await rowsByHead(suspects, mail)
  const found: { listed: Listed; entry: LedgerEntry; head: string }[] = []
  for (const [place, { listed, entries }] of suspects.entries()) {
    const head = heads[place]
    const hash = head === undefined ? undefined : rows.get(entries)?.get(head)?.pop()
    // Equal octets that came as two messages are two messages: each row is one of them.
    const row = hash === undefined ? undefined : ledger.adopt({ uniqueId: listed.uniqueId, nth: 0 }, hash)
    if (head !== undefined && row !== undefined) found.push({ listed, entry: row, head })
  }
  if (found.length === 0) return []
  const named = found.map(({ listed, entry, head }) => ({
    listed,
    entry,
    origin: { ...ledger.origin(listed, entry.hash), head },
  }))
  if (!dryRun)
    await mail.change((draft) => {
      for (const { entry, origin } of named) draft.know(origin, entry)
    })
  return named.map(({ listed, entry, origin }) => ({ listed, entry: { ...entry, ...origin } }))
}

/** For each list of rows (of one size), the hashes of those that have the same header. */
async function rowsByHead(
  suspects: readonly Suspect[],
  mail: UserMail,
): Promise<Map<readonly LedgerEntry[], Map<string, Hash[]>>> {
  const rows = new Map<readonly LedgerEntry[], Map<string, Hash[]>>()
  for (const entries of new Set(suspects.map((suspect) => suspect.entries))) {
    const byHead = new Map<string, Hash[]>()
    const noted = await mail.read((view) => entries.map((entry) => view.head(entry)))
    for (const [place, entry] of entries.entries()) {
      const head = noted[place] ?? (await readableHead(mail, entry))
      if (head === undefined) continue
      const same = byHead.get(head)
      if (same === undefined) byHead.set(head, [entry.hash])
      else same.push(entry.hash)
    }
    rows.set(entries, byHead)
  }
  return rows
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
