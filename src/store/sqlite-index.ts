import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { MisuseError } from '../errors.ts'
import type { Hash, HoldId, MailboxId, MessageId, ModSeq, Uid, UniqueId } from '../ids.ts'
import { readJoined } from './joined-numbers.ts'
import type { JournalIndex } from './journal-index.ts'
import { formOf, rowsOf } from './maildrop-rows.ts'
import type { JournalRecord, MessageRecord } from './record.ts'
import type { Seal } from './record-frame.ts'
import type { BodyPlace } from './segment.ts'
import { addToLedger, applyRecord } from './sqlite-apply.ts'
import { trashedFrom } from './holding.ts'
import { SqliteHolds } from './sqlite-holds.ts'
import { SqliteMailboxes } from './sqlite-mailboxes.ts'
import type { SettledRecord } from './settled-record.ts'
import { type PlaceColumns, readPlaces } from './sqlite-places.ts'
import { readMaildrop } from './sqlite-maildrop.ts'
import * as rows from './sqlite-rows.ts'
import { SqliteSettled } from './sqlite-settled.ts'
import { SqliteStatements } from './sqlite-statements.ts'
import type {
  Change,
  Device,
  Hold,
  LedgerEntry,
  Mailbox,
  MaildropRows,
  Message,
  MessageRange,
  Trouble,
} from './store.ts'

const messageColumns = `m.id, m.mailbox, m.uid, m.modseq, m.added, m.unique_id, m.size, m.octets, m.form, m.received, m.flags,
  m.hidden, m.stored, m.crc, m.trashed, m.trashed_from, m.surrogate, b.hash`
const messageTables = `messages m join bodies b on b.id = m.body`
// A maildrop has tens of thousands of these, and every fetch reads them all: arrays, and text where that saves an object.
const ledgerColumns = `l.unique_id, lower(hex(l.hash)), l.nth, l.listed, l.size, l.stored, m.id`
const placeColumns = `b.segment, b.start, b.size, b.at, b.length, b.coded,
  (select generation from generations g where g.segment = b.segment) as generation`
/** Where octets are that have not been met yet. */
export const nowhere = { segment: 0, start: 0 } as const
const ledgerTables = `ledger l left join messages m on m.id = l.message`

/** `index.sqlite` as the sum of the journal: read inside `attend`, written only by `apply` and `keepState`. */
export class SqliteIndex implements JournalIndex<BodyPlace> {
  modseq = 0 as ModSeq
  /** The segment that is written now, and up to where it is committed (octets). */
  segment = 0
  tail = 0
  seal: Seal = 0
  readonly settled: SqliteSettled
  readonly #sql: SqliteStatements
  #nextMessage = 1
  #quota: number | undefined
  /** What was applied since `beginGroup`, and what the state was then. */
  #group:
    | {
        readonly modseq: ModSeq
        readonly nextMessage: number
        readonly quota: number | undefined
        readonly applied: [JournalRecord, BodyPlace | undefined][]
      }
    | undefined
  readonly #mailboxes: SqliteMailboxes
  readonly #holds: SqliteHolds

  constructor(database: DatabaseSync) {
    this.#sql = new SqliteStatements(database)
    this.#mailboxes = new SqliteMailboxes(this.#sql)
    this.settled = new SqliteSettled(this.#sql)
    this.#holds = new SqliteHolds(this.#sql)
  }

  /** Takes the state from the file; call it when a transaction has begun. */
  attend(): void {
    const state = this.#sql.get('select seal, segment, tail, modseq, next_message, quota from state')
    this.seal = rows.number(state?.['seal'])
    this.segment = rows.number(state?.['segment'])
    this.tail = rows.number(state?.['tail'])
    this.modseq = rows.number(state?.['modseq']) as ModSeq
    this.#nextMessage = rows.number(state?.['next_message'])
    const quota = state?.['quota']
    this.#quota = quota === null ? undefined : rows.number(quota)
    this.#group = undefined
    this.#mailboxes.forget()
    this.#holds.forget()
  }

  /** Puts the state into the file; call it before the transaction is committed. */
  keepState(): void {
    this.#mailboxes.keep()
    const set = 'seal = ?, segment = ?, tail = ?, modseq = ?, next_message = ?, quota = ?'
    const { seal, segment, tail, modseq } = this
    this.#sql.run(`update state set ${set}`, seal, segment, tail, modseq, this.#nextMessage, this.#quota ?? null)
  }

  /** Begins a group of attempts, in the transaction that is open. */
  beginGroup(): void {
    this.#sql.run('savepoint attempts')
    this.#group = { modseq: this.modseq, nextMessage: this.#nextMessage, quota: this.#quota, applied: [] }
  }

  /**
   * Runs `work`; when it throws, takes back what it applied. That is rare, so it is what costs: everything since `beginGroup` is
   * rolled back, and what the attempts before this one applied is applied again. The others pay for no savepoint of their own.
   */
  attempt<T>(work: () => T): T {
    const group = this.#group
    const before = group?.applied.length ?? 0
    try {
      return work()
    } catch (error) {
      if (group === undefined || group.applied.length === before) throw error
      this.#sql.run('rollback to attempts')
      this.modseq = group.modseq
      this.#nextMessage = group.nextMessage
      this.#quota = group.quota
      this.#mailboxes.forget()
      this.#holds.forget()
      for (const [record, body] of group.applied.splice(0).slice(0, before)) this.apply(record, body)
      throw error
    }
  }

  nextMessage(): number {
    return this.#nextMessage
  }

  nextMailbox(): number {
    return rows.number(this.#sql.get('select coalesce(max(id), 0) + 1 as next from mailboxes')?.['next'])
  }

  nextHold(): HoldId {
    return this.#holds.next()
  }

  heldBy(hold: HoldId): MessageId[] {
    return this.#holds.by(hold)
  }

  octets(): number {
    return this.#mailboxes.octets()
  }

  quota(): number | undefined {
    return this.#quota
  }

  holds(): Hold[] {
    return this.#holds.all()
  }

  holdsOn(id: MessageId): Hold[] {
    return this.#holds.on(id)
  }

  body(hash: Hash): BodyPlace | undefined {
    const row = this.#sql.get(`select ${placeColumns} from bodies b where b.hash = ?`, rows.hashBytes(hash))
    return row && rows.place(row)
  }

  /** Where a message's octets are, and their hash. */
  bodyOf(id: MessageId): ReturnType<typeof rows.bodyOf> | undefined {
    const sql = `select lower(hex(b.hash)), ${placeColumns}
      from messages m join bodies b on b.id = m.body where m.id = ?`
    return this.#sql.arrays(sql, id).map(rows.bodyOf)[0]
  }

  placesFrom(id: MessageId, limit: number): PlaceColumns {
    return readPlaces(this.#sql, id, limit)
  }

  uniqueIdTaken(uniqueId: UniqueId): boolean {
    return this.#sql.get('select 1 from messages where unique_id = ?', uniqueId) !== undefined
  }

  mailboxes(): Mailbox[] {
    return this.#mailboxes.all()
  }

  mailbox(name: string): Mailbox | undefined {
    const spelt = /^inbox$/i.test(name) ? 'INBOX' : name
    return this.mailboxes().find((mailbox) => mailbox.name === spelt)
  }

  mailboxById(id: MailboxId): Mailbox | undefined {
    return this.#mailboxes.get(id)
  }

  message(id: MessageId): Message | undefined {
    const row = this.#sql.get(`select ${messageColumns} from ${messageTables} where m.id = ?`, id)
    return row && rows.message(row)
  }

  messages(options: MessageRange = {}): Message[] {
    const { mailbox, after = 0, before = Number.MAX_SAFE_INTEGER, limit = -1, newest = false } = options
    const of = mailbox === undefined ? '' : ` and ${this.#mailboxColumn(mailbox, limit)} = ?4`
    const order = newest ? 'order by m.id desc' : 'order by m.id'
    const sql = `select ${messageColumns} from ${messageTables} where m.id > ?1 and m.id < ?2${of} ${order} limit ?3`
    const found = this.#sql
      .all(sql, after, before, limit, ...(mailbox === undefined ? [] : [mailbox]))
      .map(rows.message)
    return newest ? found.reverse() : found
  }

  /**
   * How the mailbox is to be looked for. With a + before it SQLite goes through the messages in order and passes over the others; else
   * it sorts all that the mailbox has, which for a page of a large one takes long.
   */
  #mailboxColumn(id: MailboxId, limit: number): string {
    const all = this.mailboxes()
    const own = this.mailboxById(id)?.messages ?? 0
    const messages = all.reduce((sum, mailbox) => sum + mailbox.messages, 0)
    return limit >= 0 && limit * messages < own * own ? '+m.mailbox' : 'm.mailbox'
  }

  /** The last change's number, without a transaction around it. */
  latest(): ModSeq {
    return rows.number(this.#sql.get('select modseq from state')?.['modseq']) as ModSeq
  }

  maildrop(device?: string, storedFrom = 0): MaildropRows {
    const { id, since } = device === undefined ? { id: undefined, since: 1 } : this.#device(device)
    const mailboxes = this.mailboxes()
    const inbox = mailboxes.find(({ name }) => name === 'INBOX')
    if (inbox === undefined) return rowsOf([])
    const messages = mailboxes.reduce((sum, mailbox) => sum + mailbox.messages, 0)
    return readMaildrop(this.#sql, { inbox, messages, device: id, since, storedFrom })
  }

  devices(): Device[] {
    const hidden = '(select count(*) from device_hidden where device = devices.id) as hidden'
    return this.#sql.all(`select name, since, created, ${hidden} from devices order by name`).map(rows.device)
  }

  hasDevice(name: string): boolean {
    return this.#sql.get('select 1 from devices where name = ?', name) !== undefined
  }

  isHiddenFrom(device: string, id: MessageId): boolean {
    const sql = 'select 1 from device_hidden where message = ? and device = ?'
    return this.#sql.get(sql, id, this.#device(device).id) !== undefined
  }

  trashed(before: number): MessageId[] {
    return this.#sql.arrays('select id from messages where trashed < ? order by id', before).map(rows.messageId)
  }

  hidden(device?: string): MessageId[] {
    const found =
      device === undefined
        ? this.#sql.arrays('select id from messages where hidden = 1 order by id')
        : this.#sql.arrays('select message from device_hidden where device = ? order by 1', this.#device(device).id)
    return found.map(rows.messageId)
  }

  changes(since: ModSeq, limit = -1): Change[] {
    const changed = `select ${messageColumns} from ${messageTables} where m.modseq > ? order by m.modseq, m.id limit ?`
    const removed = `select id, modseq from removed where modseq > ? order by modseq, id limit ?`
    const all = [
      ...this.#sql.all(changed, since, limit).map((row) => rows.change(row, since)),
      ...this.#sql.all(removed, since, limit).map((row): Change => ({
        ...rows.removal(row),
        message: undefined,
        added: false,
      })),
    ].toSorted((a, b) => a.modseq - b.modseq || a.id - b.id)
    return limit < 0 ? all : all.slice(0, limit)
  }

  ledger(account: string, after?: MessageId): LedgerEntry[] {
    if (after === undefined) return this.#ledgerRows('l.account = ?', account)
    return this.#ledgerRows('l.account = ? and l.message > ?', account, after)
  }

  ledgerSize(account: string): number {
    return rows.number(this.#sql.get('select count(*) as rows from ledger where account = ?', account)?.['rows'])
  }

  origin(account: string, uniqueId: string, hash: Hash, nth: number): LedgerEntry | undefined {
    const where = 'l.account = ? and l.unique_id = ? and l.hash = ? and l.nth = ?'
    return this.#ledgerRows(where, account, uniqueId, rows.hashBytes(hash), nth)[0]
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

  troubles(account: string): Trouble[] {
    return this.#sql.all('select * from troubles where account = ? order by unique_id', account).map(rows.trouble)
  }

  apply(record: JournalRecord, body?: BodyPlace): void {
    this.#group?.applied.push([record, body])
    this.modseq = record.modseq
    switch (record.t) {
      case 'mailbox':
        this.#mailboxes.add(record)
        break
      case 'message':
        this.#add(record, body)
        break
      case 'move':
        this.#enterFrom(record.id, record.mailbox, record.uid)
        this.#sql.run(
          'update messages set modseq = ?, mailbox = ?, uid = ?, trashed = ?, trashed_from = ? where id = ?',
          record.modseq,
          record.mailbox,
          record.uid,
          record.trashed ?? null,
          trashedFrom(record) ?? null,
          record.id,
        )
        this.#holds.reach(record.id, { mailbox: this.#mailboxes.get(record.mailbox)?.name })
        break
      case 'remove':
        this.#mailboxes.leave(record.id)
        this.#sql.run('delete from messages where id = ?', record.id)
        this.#sql.run('delete from device_hidden where message = ?', record.id)
        this.#sql.run('delete from held where message = ?', record.id)
        this.#sql.run('insert or replace into removed values (?, ?)', record.id, record.modseq)
        break
      case 'hold':
      case 'release':
        this.#holds.apply(record, this.#mailboxes.all())
        break
      case 'quota':
        this.#quota = record.octets
        break
      case 'know':
        applyRecord(this.#sql, record)
        if (record.message !== undefined) this.#holds.reach(record.message, { account: record.account })
        break
      case 'flags':
      case 'hide':
      case 'device':
      case 'device-hide':
      case 'device-remove':
      case 'relist':
      case 'trouble':
        applyRecord(this.#sql, record)
    }
  }

  /** Which file of a segment counts: 0, the one that was written first; then how often it was settled. */
  segmentGeneration(segment: number): number {
    return this.settled.generation(segment)
  }

  /** Takes in what a settled segment says beside the journal. `run`: where the run of its batch begins. */
  applySettled(record: SettledRecord, run: number | undefined): void {
    switch (record.t) {
      case 'run':
        if (run !== undefined) this.settled.addRun(record, this.segment, run)
        break
      case 'part':
        if (run !== undefined) this.settled.addPart(record, this.segment, run)
        break
      case 'kept':
        if (run !== undefined) this.settled.addBody(record, this.segment, run)
        break
      case 'gone':
        this.modseq = record.modseq
        this.settled.addGone(record)
        this.#mailboxes.pass(record.mailbox, record.uid)
        this.#nextMessage = Math.max(this.#nextMessage, record.id + 1)
        break
      case 'end':
        break
    }
  }

  /** Messages whose octets no segment has; they are taken out, as if they had never been. */
  dropPlaceless(): MessageId[] {
    const sql = 'select id from messages where body in (select id from bodies where segment = ?)'
    const found = this.#sql.arrays(sql, nowhere.segment).map(rows.messageId)
    for (const id of found) {
      this.#mailboxes.leave(id)
      this.#sql.run('delete from messages where id = ?', id)
    }
    this.#sql.run('delete from bodies where segment = ?', nowhere.segment)
    return found
  }

  #enterFrom(id: MessageId, mailbox: MailboxId, uid: Uid): void {
    const size = this.#mailboxes.leave(id)
    // Of a message that is gone since, a settled segment says nothing but this.
    if (size === undefined) this.#mailboxes.pass(mailbox, uid)
    else this.#mailboxes.enter(mailbox, uid, size)
  }

  #add(record: MessageRecord, body: BodyPlace | undefined): void {
    const hash = rows.hashBytes(record.hash)
    const bodyId = this.#bodyId(hash, body)
    const { id, mailbox, uid, modseq, uniqueId, size, octets, received, origin } = record
    const { dots = true, surrogate, lineEnds, crc } = record
    this.#sql.run(
      'insert into messages values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, null, ?, null)',
      id,
      mailbox,
      uid,
      modseq,
      modseq,
      uniqueId,
      size,
      octets,
      formOf({ dots, surrogate, lineEnds }),
      received,
      record.flags.join(' '),
      bodyId,
      record.stored,
      crc ?? null,
      surrogate ?? null,
    )
    this.#mailboxes.enter(mailbox, uid, octets)
    this.#holds.reach(id, { mailbox: this.#mailboxes.get(mailbox)?.name, account: origin?.account })
    this.#nextMessage = Math.max(this.#nextMessage, id + 1)
    if (origin === undefined) return
    addToLedger(
      this.#sql,
      origin.account,
      origin.uniqueId,
      hash,
      origin.nth,
      origin.listed ?? null,
      size,
      record.stored,
      id,
      origin.head ?? null,
    )
  }

  /** The row of a body, made where it is new. */
  #bodyId(hash: Uint8Array, body: BodyPlace | undefined): number {
    if (body !== undefined) {
      const { segment, start, size } = body
      const insert = 'insert or ignore into bodies (hash, segment, start, size) values (?, ?, ?, ?)'
      const { changes, lastInsertRowid } = this.#sql.run(insert, hash, segment, start, size)
      if (changes === 1) return Number(lastInsertRowid)
      // A body that comes again was damaged where it was: it counts where it is now.
      const set = 'segment = ?, start = ?, at = null, length = null, coded = null'
      this.#sql.run(`update bodies set ${set} where hash = ?`, segment, start, hash)
    }
    return rows.number(this.#sql.get('select id from bodies where hash = ?', hash)?.['id'])
  }

  #device(name: string): { id: number; since: number } {
    const row = this.#sql.get('select id, since from devices where name = ?', name)
    if (row === undefined) throw new MisuseError('usage', `there is no device ${JSON.stringify(name)}`)
    return { id: rows.number(row['id']), since: rows.number(row['since']) }
  }

  #ledgerRows(where: string, account: string, ...values: SQLInputValue[]): LedgerEntry[] {
    const sql = `select ${ledgerColumns} from ${ledgerTables} where ${where}`
    return this.#sql.arrays(sql, account, ...values).map((row) => rows.ledgerEntry(account, row))
  }
}
