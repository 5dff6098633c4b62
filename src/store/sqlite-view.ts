import type { DatabaseSync } from 'node:sqlite'
import { MisuseError } from '../errors.ts'
import type { Hash, HoldId, MailboxId, MessageId, ModSeq, UniqueId } from '../ids.ts'
import { rowsOf } from './maildrop-rows.ts'
import type { Seal } from './record-frame.ts'
import type { BodyPlace } from './segment.ts'
import { placeColumns, SqliteBodies } from './sqlite-bodies.ts'
import { SqliteHolds } from './sqlite-holds.ts'
import { SqliteLedger } from './sqlite-ledger.ts'
import { SqliteMailboxes } from './sqlite-mailboxes.ts'
import { readMaildrop } from './sqlite-maildrop.ts'
import { type PlaceColumns, readPlaces } from './sqlite-places.ts'
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
  View,
} from './store.ts'

const messageColumns = `m.id, m.mailbox, m.uid, m.modseq, m.added, m.unique_id, m.size, m.octets, m.form, m.received, m.flags,
  m.hidden, m.stored, m.crc, m.trashed, m.trashed_from, m.surrogate, b.hash`
const messageTables = `messages m join kept_bodies b on b.id = m.body`

/** `index.sqlite` as it is read, inside a transaction that begins with `attend`. What changes it is in `SqliteIndex`. */
export abstract class SqliteView implements View {
  modseq = 0 as ModSeq
  /** The segment that is written now, and up to where it is committed (octets). */
  segment = 0
  tail = 0
  seal: Seal = 0
  readonly settled: SqliteSettled
  protected readonly sql: SqliteStatements
  protected readonly counts: SqliteMailboxes
  protected readonly legal: SqliteHolds
  protected readonly ways: SqliteLedger
  protected readonly bodies: SqliteBodies
  protected next = 1
  protected allowed: number | undefined

  constructor(database: DatabaseSync) {
    this.sql = new SqliteStatements(database)
    this.counts = new SqliteMailboxes(this.sql)
    this.legal = new SqliteHolds(this.sql)
    this.bodies = new SqliteBodies(this.sql)
    this.ways = new SqliteLedger(this.sql, this.bodies)
    this.settled = new SqliteSettled(this.sql, this.bodies, this.ways)
  }

  /** Takes the state from the file; call it when a transaction has begun. */
  attend(): void {
    const state = this.sql.get('select seal, segment, tail, modseq, next_message, quota from state')
    this.seal = rows.number(state?.['seal'])
    this.segment = rows.number(state?.['segment'])
    this.tail = rows.number(state?.['tail'])
    this.modseq = rows.number(state?.['modseq']) as ModSeq
    this.next = rows.number(state?.['next_message'])
    const quota = state?.['quota']
    this.allowed = quota === null ? undefined : rows.number(quota)
    this.forget()
  }

  nextMessage(): number {
    return this.next
  }

  nextMailbox(): number {
    return rows.number(this.sql.get('select coalesce(max(id), 0) + 1 as next from mailboxes')?.['next'])
  }

  nextHold(): HoldId {
    return this.legal.next()
  }

  heldBy(hold: HoldId): MessageId[] {
    return this.legal.by(hold)
  }

  octets(): number {
    return this.counts.octets()
  }

  quota(): number | undefined {
    return this.allowed
  }

  holds(): Hold[] {
    return this.legal.all()
  }

  holdsOn(id: MessageId): Hold[] {
    return this.legal.on(id)
  }

  body(hash: Hash): BodyPlace | undefined {
    return this.bodies.place(hash)
  }

  /** Where a message's octets are, and their hash. */
  bodyOf(id: MessageId): ReturnType<typeof rows.bodyOf> | undefined {
    const sql = `select lower(hex(b.hash)), ${placeColumns}
      from messages m join kept_bodies b on b.id = m.body where m.id = ?`
    return this.sql.arrays(sql, id).map(rows.bodyOf)[0]
  }

  placesFrom(id: MessageId, limit: number): PlaceColumns {
    return readPlaces(this.sql, id, limit)
  }

  uniqueIdTaken(uniqueId: UniqueId): boolean {
    // The index has only these of its characters: of some programs the first, of others the last are the same in all.
    const key = (of: string): string => `substr(${of}, 5, 2) || substr(${of}, -5)`
    const sql = `select 1 from messages where ${key('unique_id')} = ${key('?1')} and +unique_id = ?1`
    return this.sql.get(sql, uniqueId) !== undefined
  }

  mailboxes(): Mailbox[] {
    return this.counts.all()
  }

  mailbox(name: string): Mailbox | undefined {
    const spelt = /^inbox$/i.test(name) ? 'INBOX' : name
    return this.mailboxes().find((mailbox) => mailbox.name === spelt)
  }

  mailboxById(id: MailboxId): Mailbox | undefined {
    return this.counts.get(id)
  }

  message(id: MessageId): Message | undefined {
    const row = this.sql.get(`select ${messageColumns} from ${messageTables} where m.id = ?`, id)
    return row && rows.message(row)
  }

  messages(options: MessageRange = {}): Message[] {
    const { mailbox, after = 0, before = Number.MAX_SAFE_INTEGER, limit = -1, newest = false } = options
    const of = mailbox === undefined ? '' : ` and ${this.#mailboxColumn(mailbox, limit)} = ?4`
    const order = newest ? 'order by m.id desc' : 'order by m.id'
    const sql = `select ${messageColumns} from ${messageTables} where m.id > ?1 and m.id < ?2${of} ${order} limit ?3`
    const found = this.sql.all(sql, after, before, limit, ...(mailbox === undefined ? [] : [mailbox])).map(rows.message)
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
    return rows.number(this.sql.get('select modseq from state')?.['modseq']) as ModSeq
  }

  maildrop(device?: string, storedFrom = 0): MaildropRows {
    const { id, since } = device === undefined ? { id: undefined, since: 1 } : this.#device(device)
    const mailboxes = this.mailboxes()
    const inbox = mailboxes.find(({ name }) => name === 'INBOX')
    if (inbox === undefined) return rowsOf([])
    const messages = mailboxes.reduce((sum, mailbox) => sum + mailbox.messages, 0)
    return readMaildrop(this.sql, { inbox, messages, device: id, since, storedFrom })
  }

  devices(): Device[] {
    const hidden = '(select count(*) from device_hidden where device = devices.id) as hidden'
    return this.sql.all(`select name, since, created, ${hidden} from devices order by name`).map(rows.device)
  }

  hasDevice(name: string): boolean {
    return this.sql.get('select 1 from devices where name = ?', name) !== undefined
  }

  isHiddenFrom(device: string, id: MessageId): boolean {
    const sql = 'select 1 from device_hidden where message = ? and device = ?'
    return this.sql.get(sql, id, this.#device(device).id) !== undefined
  }

  trashed(before: number): MessageId[] {
    return this.sql.arrays('select id from messages where trashed < ? order by id', before).map(rows.messageId)
  }

  hidden(device?: string): MessageId[] {
    const found =
      device === undefined
        ? this.sql.arrays('select id from messages where hidden = 1 order by id')
        : this.sql.arrays('select message from device_hidden where device = ? order by 1', this.#device(device).id)
    return found.map(rows.messageId)
  }

  changes(since: ModSeq, limit = -1): Change[] {
    const changed = `select ${messageColumns} from ${messageTables} where m.modseq > ? order by m.modseq, m.id limit ?`
    const removed = `select id, modseq from removed where modseq > ? order by modseq, id limit ?`
    const all = [
      ...this.sql.all(changed, since, limit).map((row) => rows.change(row, since)),
      ...this.sql.all(removed, since, limit).map((row): Change => ({
        ...rows.removal(row),
        message: undefined,
        added: false,
      })),
    ].toSorted((a, b) => a.modseq - b.modseq || a.id - b.id)
    return limit < 0 ? all : all.slice(0, limit)
  }

  ledger(account: string, after?: MessageId): LedgerEntry[] {
    return this.ways.of(account, after)
  }

  ledgerSize(account: string): number {
    return this.ways.size(account)
  }

  origin(account: string, uniqueId: string, hash: Hash, nth: number): LedgerEntry | undefined {
    return this.ways.find(account, uniqueId, hash, nth)
  }

  cameBy(accounts: readonly string[]): Float64Array {
    return this.ways.cameBy(accounts)
  }

  head(entry: LedgerEntry): string | undefined {
    return this.ways.head(entry)
  }

  troubles(account: string): Trouble[] {
    return this.sql.all('select * from troubles where account = ? order by unique_id', account).map(rows.trouble)
  }

  /** Which file of a segment counts: 0, the one that was written first; then how often it was settled. */
  segmentGeneration(segment: number): number {
    return this.settled.generation(segment)
  }

  /** What is in the file counts again. */
  protected forget(): void {
    this.counts.forget()
    this.legal.forget()
    this.ways.forget()
  }

  #device(name: string): { id: number; since: number } {
    const row = this.sql.get('select id, since from devices where name = ?', name)
    if (row === undefined) throw new MisuseError('usage', `there is no device ${JSON.stringify(name)}`)
    return { id: rows.number(row['id']), since: rows.number(row['since']) }
  }
}
