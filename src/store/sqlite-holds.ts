import type { HoldId, MessageId } from '../ids.ts'
import { holdsAll, holdsMailbox, holdsReached, type Reached } from './holding.ts'
import type { HoldRecord, ReleaseRecord } from './record.ts'
import * as rows from './sqlite-rows.ts'
import type { SqliteStatements } from './sqlite-statements.ts'
import type { Hold, Mailbox } from './store.ts'

// Only of a message that is there: the ledger knows others.
const take = 'insert or ignore into held select id, ?2 from messages where id = ?1'

/**
 * The legal holds of an index. What a hold is on is written down message by message while it is in force, so that moving a message
 * does not take it out of one, and asking costs one look.
 */
export class SqliteHolds {
  readonly #sql: SqliteStatements
  #inForce: readonly Hold[] | undefined

  constructor(sql: SqliteStatements) {
    this.#sql = sql
  }

  all(): Hold[] {
    return this.#sql.all('select * from holds order by id').map(rows.hold)
  }

  next(): HoldId {
    return rows.number(this.#sql.get('select coalesce(max(id), 0) + 1 as next from holds')?.['next']) as HoldId
  }

  /** Those in force on this message. */
  on(id: MessageId): Hold[] {
    const sql = 'select 1 from held where message = ? and hold = ?'
    return this.#active().filter((hold) => holdsAll(hold) || this.#sql.get(sql, id, hold.id) !== undefined)
  }

  /** What a hold in force is on, but for one that is on all the mail. */
  by(hold: HoldId): MessageId[] {
    return this.#sql.arrays('select message from held where hold = ? order by message', hold).map(rows.messageId)
  }

  /** A message came, was moved, or has one more name in the ledger. */
  reach(id: MessageId, reached: Reached): void {
    for (const hold of this.#active()) if (holdsReached(hold, reached)) this.#sql.run(take, id, hold.id)
  }

  apply(record: HoldRecord | ReleaseRecord, mailboxes: readonly Mailbox[]): void {
    this.#inForce = undefined
    if (record.t === 'release') {
      const { hold, note, by, released } = record
      const set = 'update holds set note = ?, released_by = ?, released = ? where id = ?'
      this.#sql.run(set, note, by, released, hold)
      this.#sql.run('delete from held where hold = ?', hold)
      return
    }
    const { hold, mailbox = null, accounts, message, why, by, placed, also = [] } = record
    const names = accounts === undefined ? null : JSON.stringify(accounts)
    const insert = 'insert or replace into holds values (?, ?, ?, ?, ?, ?, ?, null, null, null)'
    this.#sql.run(insert, hold, mailbox, names, message ?? null, why, by, placed)
    for (const id of message === undefined ? also : [message]) this.#sql.run(take, id, hold)
    for (const { id } of mailboxes.filter(({ name }) => holdsMailbox(record, name)))
      this.#sql.run('insert or ignore into held select id, ? from messages where mailbox = ?', hold, id)
    const came = `insert or ignore into held
      select m.id, ? from ledger l join messages m on m.id = l.message where l.account = ?`
    for (const account of accounts ?? []) this.#sql.run(came, hold, account)
  }

  /** What is in the file counts again. */
  forget(): void {
    this.#inForce = undefined
  }

  #active(): readonly Hold[] {
    return (this.#inForce ??= this.#sql.all('select * from holds where note is null order by id').map(rows.hold))
  }
}
