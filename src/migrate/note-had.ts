import type { Hash } from '../ids.ts'
import type { UserMail } from '../store/store.ts'
import type { Had } from './found.ts'

/**
 * Writes into the ledger of an account what another program has fetched, in one change: it is not to be fetched, and never to be deleted
 * there. What the ledger knows already is left as it is. Gives how many rows were added; resolves once they are durable.
 */
export async function noteHad(mail: UserMail, account: string, had: readonly Had[]): Promise<number> {
  const missing = await mail.read((view) => unknown(had, view.ledger(account)))
  if (missing.size === 0) return 0
  return await mail.change((draft) => {
    // Once more, for another process may have fetched meanwhile.
    const now = unknown(had, draft.view.ledger(account))
    for (const [uniqueId, when] of now)
      draft.know(
        { account, uniqueId, nth: 0 },
        { hash: '' as Hash, size: 0, ...(when !== undefined && { stored: when }) },
      )
    return now.size
  })
}

/** The unique-ids that the ledger does not have, and when each was fetched. */
function unknown(
  had: readonly Had[],
  ledger: readonly { readonly uniqueId: string }[],
): Map<string, number | undefined> {
  const known = new Set(ledger.map(({ uniqueId }) => uniqueId))
  const missing = new Map<string, number | undefined>()
  for (const { uniqueId, or, when } of had)
    for (const name of or === undefined ? [uniqueId] : [uniqueId, or])
      if (name !== '' && !known.has(name)) missing.set(name, when)
  return missing
}
