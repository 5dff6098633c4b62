import type { SQLInputValue } from 'node:sqlite'
import type { Hash, MessageId } from '../ids.ts'
import { readJoined } from './joined-numbers.ts'
import type { RelistRecord } from './record.ts'
import { ofHash, type SqliteBodies } from './sqlite-bodies.ts'
import * as rows from './sqlite-rows.ts'
import type { SqliteStatements } from './sqlite-statements.ts'
import type { LedgerEntry, Origin } from './store.ts'

// A maildrop has tens of thousands of these, and every fetch reads them all: arrays, and text where that saves an object.
const columns = `w.unique_id, iif(b.hash is null, null, lower(hex(b.hash))), w.nth, w.listed, w.size, w.stored, m.id`
const joined = `w left join kept_bodies b on b.id = w.body left join messages m on m.id = w.message`
const ofAccount = 'account = (select id from accounts where name = ?)'
const row = 'into ways values (?, ?, ?, ?, ?, ?, ?, ?, ?)'
/** One way in: account, unique-id, number, hash. */
const ofWay = `account = (select id from accounts where name = ?4) and unique_id = ?2 and nth = ?3
  and body = (select id from kept_bodies where ${ofHash})`

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
  readonly #bodies: SqliteBodies
  /** The numbers of accounts that were met in this transaction. */
  readonly #accounts = new Map<string, number>()

  constructor(sql: SqliteStatements, bodies: SqliteBodies) {
    this.#sql = sql
    this.#bodies = bodies
  }

  of(account: string, after?: MessageId): LedgerEntry[] {
    if (after === undefined) return this.#entries(`w.${ofAccount}`, account)
    return this.#entries(`w.${ofAccount} and w.message > ?`, account, after)
  }

  size(account: string): number {
    return rows.number(this.#sql.get(`select count(*) as rows from ways where ${ofAccount}`, account)?.['rows'])
  }

  find(account: string, uniqueId: string, hash: Hash, nth: number): LedgerEntry | undefined {
    const sql = `select ${columns} from (select * from ways where ${ofWay}) ${joined}`
    const [found] = this.#sql.arrays(sql, rows.hashBytes(hash), uniqueId, nth, account)
    return found && rows.ledgerEntry(account, found)
  }

  cameBy(accounts: readonly string[]): Float64Array {
    const all = accounts.map((account) => {
      const sql =
        'select count(*), cast(group_concat(message) as blob) from ways where account = (select id from accounts where name = ?) and message > 0'
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
    const sql = `select head from ways where ${ofWay}`
    const head = this.#sql.get(sql, rows.hashBytes(hash), uniqueId, nth, account)?.['head']
    return typeof head === 'string' ? head : undefined
  }

  /** Adds a row, in place of one of the same way in. `body`: the number of its octets, where it is at hand. */
  add(
    { account, uniqueId, nth, listed, head }: Origin,
    { hash, size, stored, message }: Came,
    body: number = this.#bodies.know(hash, size),
  ): void {
    const key = [this.#account(account), uniqueId, body, nth]
    const values = [...key, listed ?? null, size, stored, message ?? 0, head ?? null]
    // What may replace a row keeps a journal of its own for each, which costs more than the row; and hardly ever is there one.
    if (this.#sql.run(`insert or ignore ${row}`, ...values).changes === 0)
      this.#sql.run(`insert or replace ${row}`, ...values)
  }

  relist({ listed, account, uniqueId, hash, nth }: RelistRecord): void {
    const sql = `update ways set listed = ?5 where ${ofWay}`
    this.#sql.run(sql, rows.hashBytes(hash), uniqueId, nth, account, listed)
  }

  /** What is in the file counts again. */
  forget(): void {
    this.#accounts.clear()
  }

  /** The number of an account, given where it has none yet. */
  #account(name: string): number {
    let number = this.#accounts.get(name)
    if (number !== undefined) return number
    this.#sql.run('insert or ignore into accounts (name) values (?)', name)
    number = rows.number(this.#sql.get('select id from accounts where name = ?', name)?.['id'])
    this.#accounts.set(name, number)
    return number
  }

  #entries(where: string, account: string, ...values: SQLInputValue[]): LedgerEntry[] {
    const sql = `select ${columns} from ways ${joined} where ${where}`
    return this.#sql.arrays(sql, account, ...values).map((one) => rows.ledgerEntry(account, one))
  }
}
