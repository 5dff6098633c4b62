import type { SQLInputValue } from 'node:sqlite'
import type { Hash, MessageId } from '../ids.ts'
import { readJoined } from './joined-numbers.ts'
import type { RelistRecord } from './record.ts'
import * as rows from './sqlite-rows.ts'
import type { SqliteStatements } from './sqlite-statements.ts'
import type { LedgerEntry, Origin } from './store.ts'

// A maildrop has tens of thousands of these, and every fetch reads them all: arrays, and text where that saves an object.
const columns = `l.unique_id, lower(hex(l.hash)), l.nth, l.listed, l.size, l.stored, m.id`
const tables = `ledger l left join messages m on m.id = l.message`
const row = 'into ledger values (?, ?, ?, ?, ?, ?, ?, ?, ?)'

/** What came by a way in. */
export interface Came {
  readonly hash: Hash
  readonly size: number
  readonly stored: number
  /** Undefined: it was never here. */
  readonly message?: MessageId | undefined
}

/** The ledger of an index: which unique-id of which account came in as which message. */
export class SqliteLedger {
  readonly #sql: SqliteStatements

  constructor(sql: SqliteStatements) {
    this.#sql = sql
  }

  of(account: string, after?: MessageId): LedgerEntry[] {
    if (after === undefined) return this.#entries('l.account = ?', account)
    return this.#entries('l.account = ? and l.message > ?', account, after)
  }

  size(account: string): number {
    return rows.number(this.#sql.get('select count(*) as rows from ledger where account = ?', account)?.['rows'])
  }

  find(account: string, uniqueId: string, hash: Hash, nth: number): LedgerEntry | undefined {
    const where = 'l.account = ? and l.unique_id = ? and l.hash = ? and l.nth = ?'
    return this.#entries(where, account, uniqueId, rows.hashBytes(hash), nth)[0]
  }

  cameBy(accounts: readonly string[]): Float64Array {
    const all = accounts.map((account) => {
      const sql = 'select count(*), cast(group_concat(message) as blob) from ledger where account = ? and message > 0'
      const [[count, ids] = []] = this.#sql.arrays(sql, account)
      const column = new Float64Array(rows.number(count))
      if (column.length > 0) readJoined(rows.octets(ids), column, 0)
      return column
    })
    const joined = new Float64Array(all.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const column of all) {
      joined.set(column, at)
      at += column.length
    }
    return joined.sort()
  }

  head({ account, uniqueId, hash, nth }: LedgerEntry): string | undefined {
    const sql = 'select head from ledger where account = ? and unique_id = ? and hash = ? and nth = ?'
    const head = this.#sql.get(sql, account, uniqueId, rows.hashBytes(hash), nth)?.['head']
    return typeof head === 'string' ? head : undefined
  }

  /** Adds a row, in place of one of the same way in. */
  add({ account, uniqueId, nth, listed, head }: Origin, { hash, size, stored, message }: Came): void {
    const key = [account, uniqueId, rows.hashBytes(hash), nth]
    const values = [...key, listed ?? null, size, stored, message ?? 0, head ?? null]
    // What may replace a row keeps a journal of its own for each, which costs more than the row; and hardly ever is there one.
    if (this.#sql.run(`insert or ignore ${row}`, ...values).changes === 0)
      this.#sql.run(`insert or replace ${row}`, ...values)
  }

  relist({ listed, account, uniqueId, hash, nth }: RelistRecord): void {
    const where = 'account = ? and unique_id = ? and hash = ? and nth = ?'
    this.#sql.run(`update ledger set listed = ? where ${where}`, listed, account, uniqueId, rows.hashBytes(hash), nth)
  }

  #entries(where: string, account: string, ...values: SQLInputValue[]): LedgerEntry[] {
    const sql = `select ${columns} from ${tables} where ${where}`
    return this.#sql.arrays(sql, account, ...values).map((one) => rows.ledgerEntry(account, one))
  }
}
