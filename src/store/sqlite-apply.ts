import type { JournalRecord } from './record.ts'
import type { SqliteLedger } from './sqlite-ledger.ts'
import type { SqliteStatements } from './sqlite-statements.ts'

/** What changes neither which messages there are nor where they are. */
export type PlainRecord = Exclude<
  JournalRecord,
  { t: 'mailbox' | 'message' | 'move' | 'remove' | 'hold' | 'release' | 'quota' }
>

/** Adds such a record to the index. */
export function applyRecord(sql: SqliteStatements, ledger: SqliteLedger, record: PlainRecord): void {
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
    case 'know':
      ledger.add(record, record)
      break
    case 'relist':
      ledger.relist(record)
      break
    case 'trouble': {
      const { account, uniqueId, attempts, why, next } = record
      if (attempts === 0) sql.run('delete from troubles where account = ? and unique_id = ?', account, uniqueId)
      else sql.run('insert or replace into troubles values (?, ?, ?, ?, ?)', account, uniqueId, attempts, why, next)
      break
    }
  }
}
