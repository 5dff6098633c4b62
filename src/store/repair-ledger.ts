import type { Hash, MessageId } from '../ids.ts'
import { openIndex } from './index-file.ts'
import { hash, number } from './sqlite-rows.ts'
import { SqliteStatements } from './sqlite-statements.ts'
import type { Origin } from './store.ts'

/** A row of the ledger, as `Draft.know` takes it. */
export interface LedgerRow {
  readonly origin: Origin
  readonly content: {
    readonly hash: Hash
    readonly size: number
    readonly stored: number
    readonly message?: MessageId
  }
}

/** All rows of one user's ledger, or those of one message, as the index has them. */
export function ledgerOf(folder: string, user: string, message?: MessageId): LedgerRow[] {
  const database = openIndex(folder, user)
  try {
    const columns = 'account, unique_id, hash, nth, listed, size, stored, message, head'
    const where = message === undefined ? '?1 is null' : 'message = ?1'
    const rows = new SqliteStatements(database).all(`select ${columns} from ledger where ${where}`, message ?? null)
    return rows.map((row): LedgerRow => {
      const { account, unique_id: uniqueId, listed, head } = row
      const content = { size: number(row['size']), stored: number(row['stored']), hash: hash(row['hash']) }
      return {
        origin: {
          account: String(account),
          uniqueId: String(uniqueId),
          nth: number(row['nth']),
          ...(listed !== null && { listed: number(listed) }),
          ...(typeof head === 'string' && { head }),
        },
        content: row['message'] === 0 ? content : { ...content, message: number(row['message']) as MessageId },
      }
    })
  } finally {
    database.close()
  }
}
