import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Hash, MailboxId, MessageId, ModSeq, UniqueId } from '../ids.ts'
import type { JournalIndex } from './journal-index.ts'
import type { JournalRecord, MessageRecord } from './record.ts'
import type { BodyPlace, Seal } from './segment.ts'
import * as rows from './sqlite-rows.ts'
import type { Change, LedgerEntry, MaildropEntry, Mailbox, Message, Trouble } from './store.ts'

const messageColumns = `m.id, m.mailbox, m.uid, m.modseq, m.added, m.unique_id, m.size, m.octets, m.line_ends, m.received, m.flags, m.hidden, b.hash`
const messageTables = `messages m join bodies b on b.id = m.body`
// A maildrop has tens of thousands of these, and every fetch reads them all: arrays, and text where that saves an object.
const ledgerColumns = `l.unique_id, lower(hex(l.hash)), l.nth, l.listed, l.size, l.stored, m.id`
const ledgerTables = `ledger l left join messages m on m.id = l.message`

/** `index.sqlite` as the sum of the journal: read inside `attend`, written only by `apply` and `keepState`. */
export class SqliteIndex implements JournalIndex<BodyPlace> {
  modseq = 0 as ModSeq
  /** The segment that is written now, and up to where it is committed (octets). */
  segment = 0
  tail = 0
  seal: Seal = 0
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #nextMessage = 1
  /** What was applied since `beginGroup`, and what the state was then. */
  #group:
    | {
        readonly modseq: ModSeq
        readonly nextMessage: number
        readonly applied: [JournalRecord, BodyPlace | undefined][]
      }
    | undefined
  /** The mailboxes while records are applied, for each record changes one; `keepState` writes them. */
  #mailboxes: Map<MailboxId, Mailbox> | undefined

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Takes the state from the file; call it when a transaction has begun. */
  attend(): void {
    const state = this.#get('select seal, segment, tail, modseq, next_message from state')
    this.seal = rows.number(state?.['seal'])
    this.segment = rows.number(state?.['segment'])
    this.tail = rows.number(state?.['tail'])
    this.modseq = rows.number(state?.['modseq']) as ModSeq
    this.#nextMessage = rows.number(state?.['next_message'])
    this.#group = undefined
    this.#mailboxes = undefined
  }

  /** Puts the state into the file; call it before the transaction is committed. */
  keepState(): void {
    for (const { id, uidNext, messages } of this.#mailboxes?.values() ?? []) {
      this.#run('update mailboxes set uid_next = ?, messages = ? where id = ?', uidNext, messages, id)
    }
    const set = 'seal = ?, segment = ?, tail = ?, modseq = ?, next_message = ?'
    this.#run(`update state set ${set}`, this.seal, this.segment, this.tail, this.modseq, this.#nextMessage)
  }

  /** Begins a group of attempts, in the transaction that is open. */
  beginGroup(): void {
    this.#run('savepoint attempts')
    this.#group = { modseq: this.modseq, nextMessage: this.#nextMessage, applied: [] }
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
      this.#run('rollback to attempts')
      this.modseq = group.modseq
      this.#nextMessage = group.nextMessage
      this.#mailboxes = undefined
      for (const [record, body] of group.applied.splice(0).slice(0, before)) this.apply(record, body)
      throw error
    }
  }

  nextMessage(): number {
    return this.#nextMessage
  }

  nextMailbox(): number {
    return rows.number(this.#get('select coalesce(max(id), 0) + 1 as next from mailboxes')?.['next'])
  }

  body(hash: Hash): BodyPlace | undefined {
    const row = this.#get('select segment, start, size from bodies where hash = ?', rows.hashBytes(hash))
    return row && rows.place(row)
  }

  /** Where the octets of the messages from `id` on are, so many of them; one statement, so of one moment. */
  bodiesFrom(id: MessageId, limit: number): { id: MessageId; hash: Hash; place: BodyPlace }[] {
    const sql = `select m.id, lower(hex(b.hash)), b.segment, b.start, b.size
      from messages m join bodies b on b.id = m.body where m.id >= ? order by m.id limit ?`
    return this.#arrays(sql, id, limit).map(rows.bodyOf)
  }

  uniqueIdTaken(uniqueId: UniqueId): boolean {
    return this.#get('select 1 from messages where unique_id = ?', uniqueId) !== undefined
  }

  mailboxes(): Mailbox[] {
    if (this.#mailboxes !== undefined) return [...this.#mailboxes.values()]
    return this.#all('select * from mailboxes order by id').map(rows.mailbox)
  }

  mailbox(name: string): Mailbox | undefined {
    const spelt = /^inbox$/i.test(name) ? 'INBOX' : name
    return this.mailboxes().find((mailbox) => mailbox.name === spelt)
  }

  mailboxById(id: MailboxId): Mailbox | undefined {
    return this.#mailboxes?.get(id) ?? this.mailboxes().find((mailbox) => mailbox.id === id)
  }

  message(id: MessageId): Message | undefined {
    const row = this.#get(`select ${messageColumns} from ${messageTables} where m.id = ?`, id)
    return row && rows.message(row)
  }

  messages(options: { mailbox?: MailboxId; after?: MessageId; limit?: number } = {}): Message[] {
    const { mailbox, after = 0, limit = -1 } = options
    const where = mailbox === undefined ? '?1 is null' : 'm.mailbox = ?1'
    const sql = `select ${messageColumns} from ${messageTables} where ${where} and m.id > ?2 order by m.id limit ?3`
    return this.#all(sql, mailbox ?? null, after, limit).map(rows.message)
  }

  maildrop(): readonly MaildropEntry[] {
    const sql = `select id, unique_id, octets, line_ends from messages
      where mailbox = (select id from mailboxes where name = 'INBOX') and hidden = 0 order by id`
    return this.#arrays(sql).map(rows.maildropEntry)
  }

  changes(since: ModSeq, limit = -1): Change[] {
    const changed = `select ${messageColumns} from ${messageTables} where m.modseq > ? order by m.modseq, m.id limit ?`
    const removed = `select id, modseq from removed where modseq > ? order by modseq, id limit ?`
    const all = [
      ...this.#all(changed, since, limit).map((row) => rows.change(row, since)),
      ...this.#all(removed, since, limit).map((row): Change => ({
        ...rows.removal(row),
        message: undefined,
        added: false,
      })),
    ].toSorted((a, b) => a.modseq - b.modseq || a.id - b.id)
    return limit < 0 ? all : all.slice(0, limit)
  }

  ledger(account: string): LedgerEntry[] {
    return this.#ledgerRows('l.account = ?', account)
  }

  origin(account: string, uniqueId: string, hash: Hash, nth: number): LedgerEntry | undefined {
    const where = 'l.account = ? and l.unique_id = ? and l.hash = ? and l.nth = ?'
    return this.#ledgerRows(where, account, uniqueId, rows.hashBytes(hash), nth)[0]
  }

  troubles(account: string): Trouble[] {
    return this.#all('select * from troubles where account = ? order by unique_id', account).map(rows.trouble)
  }

  apply(record: JournalRecord, body?: BodyPlace): void {
    this.#group?.applied.push([record, body])
    this.modseq = record.modseq
    switch (record.t) {
      case 'mailbox':
        this.#run('insert into mailboxes values (?, ?, ?, 1, 0)', record.id, record.name, record.uidValidity)
        this.#mailboxes?.set(record.id, {
          id: record.id,
          name: record.name,
          uidValidity: record.uidValidity,
          uidNext: 1,
          messages: 0,
        })
        break
      case 'message':
        this.#add(record, body)
        break
      case 'flags':
        this.#run(
          'update messages set modseq = ?, flags = ? where id = ?',
          record.modseq,
          record.flags.join(' '),
          record.id,
        )
        break
      case 'hide':
        this.#run(
          'update messages set modseq = ?, hidden = ? where id = ?',
          record.modseq,
          record.hidden ? 1 : 0,
          record.id,
        )
        break
      case 'move':
        this.#leave(record.id)
        this.#enter(record.mailbox, record.uid)
        this.#run(
          'update messages set modseq = ?, mailbox = ?, uid = ? where id = ?',
          record.modseq,
          record.mailbox,
          record.uid,
          record.id,
        )
        break
      case 'remove':
        this.#leave(record.id)
        this.#run('delete from messages where id = ?', record.id)
        this.#run('insert into removed values (?, ?)', record.id, record.modseq)
        break
      case 'relist': {
        const where = 'account = ? and unique_id = ? and hash = ? and nth = ?'
        this.#run(
          `update ledger set listed = ? where ${where}`,
          record.listed,
          record.account,
          record.uniqueId,
          rows.hashBytes(record.hash),
          record.nth,
        )
        break
      }
      case 'trouble': {
        const { account, uniqueId, attempts, why, next } = record
        if (attempts === 0) this.#run('delete from troubles where account = ? and unique_id = ?', account, uniqueId)
        else this.#run('insert or replace into troubles values (?, ?, ?, ?, ?)', account, uniqueId, attempts, why, next)
        break
      }
    }
  }

  #add(record: MessageRecord, body: BodyPlace | undefined): void {
    const hash = rows.hashBytes(record.hash)
    // A body that comes again was damaged where it was: it counts where it is now.
    const place = 'on conflict (hash) do update set segment = excluded.segment, start = excluded.start'
    const insert = `insert into bodies (hash, segment, start, size) values (?, ?, ?, ?) ${place} returning id`
    const row =
      body === undefined
        ? this.#get('select id from bodies where hash = ?', hash)
        : this.#get(insert, hash, body.segment, body.start, body.size)
    const bodyId = rows.number(row?.['id'])
    const { id, mailbox, uid, modseq, uniqueId, size, octets, received, origin } = record
    const lineEnds = record.lineEnds === 'crlf' ? 0 : 1
    this.#run(
      'insert into messages values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)',
      id,
      mailbox,
      uid,
      modseq,
      modseq,
      uniqueId,
      size,
      octets,
      lineEnds,
      received,
      record.flags.join(' '),
      bodyId,
    )
    this.#enter(mailbox, uid)
    this.#nextMessage = Math.max(this.#nextMessage, id + 1)
    if (origin === undefined) return
    const note = 'insert or replace into ledger values (?, ?, ?, ?, ?, ?, ?, ?)'
    this.#run(note, origin.account, origin.uniqueId, hash, origin.nth, origin.listed ?? null, size, record.stored, id)
  }

  #enter(id: MailboxId, uid: number): void {
    const mailbox = this.#loadMailboxes().get(id)
    if (mailbox === undefined) return
    const { messages, uidNext } = mailbox
    this.#mailboxes?.set(id, { ...mailbox, messages: messages + 1, uidNext: Math.max(uidNext, uid + 1) })
  }

  #leave(id: MessageId): void {
    const from = this.#get('select mailbox from messages where id = ?', id)?.['mailbox']
    const mailbox = this.#loadMailboxes().get(from as MailboxId)
    if (mailbox !== undefined) this.#mailboxes?.set(mailbox.id, { ...mailbox, messages: mailbox.messages - 1 })
  }

  #loadMailboxes(): Map<MailboxId, Mailbox> {
    this.#mailboxes ??= new Map(this.mailboxes().map((mailbox) => [mailbox.id, mailbox]))
    return this.#mailboxes
  }

  #ledgerRows(where: string, account: string, ...values: SQLInputValue[]): LedgerEntry[] {
    const sql = `select ${ledgerColumns} from ${ledgerTables} where ${where}`
    return this.#arrays(sql, account, ...values).map((row) => rows.ledgerEntry(account, row))
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #get(sql: string, ...values: SQLInputValue[]): rows.Row | undefined {
    return this.#statement(sql).get(...values)
  }

  #all(sql: string, ...values: SQLInputValue[]): rows.Row[] {
    return this.#statement(sql).all(...values)
  }

  /** The same with an array a row: less to make where there are many. */
  #arrays(sql: string, ...values: SQLInputValue[]): rows.Values[] {
    const statement = this.#statement(sql)
    statement.setReturnArrays(true)
    // What `setReturnArrays` does is not in the type.
    return statement.all(...values) as unknown as rows.Values[]
  }

  #run(sql: string, ...values: SQLInputValue[]): ReturnType<StatementSync['run']> {
    return this.#statement(sql).run(...values)
  }
}
