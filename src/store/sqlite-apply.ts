import type { SQLInputValue } from 'node:sqlite'
import type { JournalRecord } from './record.ts'
import * as rows from './sqlite-rows.ts'
import type { SqliteStatements } from './sqlite-statements.ts'

/** What changes neither which messages there are nor where they are. */
export type PlainRecord = Exclude<
  JournalRecord,
  { t: 'mailbox' | 'message' | 'move' | 'remove' | 'hold' | 'release' | 'quota' }
>

const ledgerRow = 'into ledger values (?, ?, ?, ?, ?, ?, ?, ?, ?)'

/** Adds a row to the ledger, in place of one of the same way in. `values`: as the columns stand in the schema. */
export function addToLedger(sql: SqliteStatements, ...values: SQLInputValue[]): void {
  // What may replace a row keeps a journal of its own for each, which costs more than the row; and hardly ever is there one.
  if (sql.run(`insert or ignore ${ledgerRow}`, ...values).changes === 0)
    sql.run(`insert or replace ${ledgerRow}`, ...values)
}

/** Adds such a record to the index. */
export function applyRecord(sql: SqliteStatements, record: PlainRecord): void {
  switch (record.t) {
    case 'flags': {
      const set = 'update messages set modseq = ?, flags = ? where id = ?'
      sql.run(set, record.modseq, record.flags.join(' '), record.id)
      break
    }
    case 'hide': {
      const set = 'update messages set modseq = ?, hidden = ? where id = ?'
      sql.run(set, record.modseq, record.hidden ? 1 : 0, record.id)
      break
    }
    case 'device':
      sql.run('insert into devices (name, since, created) values (?, ?, ?)', record.name, record.since, record.created)
      break
    case 'device-hide': {
      const device = '(select id from devices where name = ?)'
      sql.run(
        record.hidden
          ? `insert or ignore into device_hidden select ?, id from devices where name = ?`
          : `delete from device_hidden where message = ? and device = ${device}`,
        record.id,
        record.device,
      )
      break
    }
    case 'device-remove':
      sql.run('delete from device_hidden where device = (select id from devices where name = ?)', record.name)
      sql.run('delete from devices where name = ?', record.name)
      break
    case 'know': {
      const { account, uniqueId, hash, nth, listed = null, size, stored, message = 0, head = null } = record
      addToLedger(sql, account, uniqueId, rows.hashBytes(hash), nth, listed, size, stored, message, head)
      break
    }
    case 'relist': {
      const where = 'account = ? and unique_id = ? and hash = ? and nth = ?'
      const { listed, account, uniqueId, hash, nth } = record
      sql.run(`update ledger set listed = ? where ${where}`, listed, account, uniqueId, rows.hashBytes(hash), nth)
      break
    }
    case 'trouble': {
      const { account, uniqueId, attempts, why, next } = record
      if (attempts === 0) sql.run('delete from troubles where account = ? and unique_id = ?', account, uniqueId)
      else sql.run('insert or replace into troubles values (?, ?, ?, ?, ?)', account, uniqueId, attempts, why, next)
      break
    }
  }
}
