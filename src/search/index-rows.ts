import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { MessageId, ModSeq, UniqueId } from '../ids.ts'
import { dateOf, type Document, textsOf } from './document.ts'

/** What is to be done in the index, in one transaction. */
export interface Work {
  readonly documents: readonly Document[]
  readonly moved: readonly { readonly id: MessageId; readonly mailbox: number }[]
  readonly removed: readonly MessageId[]
  /** The journal is then read up to here. */
  readonly modseq?: ModSeq
}

/** How far the index is. */
export interface State {
  readonly modseq: ModSeq
  readonly anchor: { readonly id: MessageId; readonly uniqueId: UniqueId } | undefined
}

/** The rows of `search.sqlite`. */
export class IndexRows {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  state(): State {
    const row = this.#prepare('select modseq, anchor, anchor_unique_id from state').get()
    const anchor = row?.['anchor']
    return {
      modseq: Number(row?.['modseq'] ?? 0) as ModSeq,
      anchor:
        typeof anchor === 'number'
          ? { id: anchor as MessageId, uniqueId: String(row?.['anchor_unique_id']) as UniqueId }
          : undefined,
    }
  }

  has(id: MessageId): boolean {
    return this.#prepare('select 1 from messages where id = ?').get(id) !== undefined
  }

  count(): number {
    return Number(this.#prepare('select count(*) as n from messages').get()?.['n'])
  }

  ids(): MessageId[] {
    return this.#prepare('select id from messages')
      .all()
      .map((row) => Number(row['id']) as MessageId)
  }

  problems(): { id: MessageId; why: string }[] {
    const rows = this.#prepare('select id, problem from messages where problem is not null order by id').all()
    return rows.map((row) => ({ id: Number(row['id']) as MessageId, why: String(row['problem']) }))
  }

  /** Does the work, all or nothing. Doing it again changes nothing. */
  write(work: Work): void {
    this.#database.exec('begin immediate')
    try {
      for (const id of work.removed) this.#remove(id)
      for (const { id, mailbox } of work.moved) {
        this.#prepare('update messages set mailbox = ? where id = ?').run(mailbox, id)
      }
      for (const document of work.documents) this.#add(document)
      if (work.modseq !== undefined) {
        // Another process may have come further meanwhile.
        this.#prepare('update state set modseq = max(modseq, ?)').run(work.modseq)
      }
      this.#database.exec('commit')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback')
      throw error
    }
  }

  #add(document: Document): void {
    const { message, extract, problem } = document
    // Another process may have indexed it meanwhile, or it had a problem and has it no longer.
    this.#remove(message.id)
    this.#prepare('insert into messages values (?, ?, ?, ?, ?, ?, ?)').run(
      message.id,
      message.mailbox,
      dateOf(document),
      extract?.hasAttachment === true ? 1 : 0,
      extract?.subject ?? '',
      extract?.from ?? '',
      problem ?? null,
    )
    this.#prepare(
      'insert into text (rowid, subject, sender, recipients, body, attachments) values (?, ?, ?, ?, ?, ?)',
    ).run(message.id, ...textsOf(document))
    this.#prepare('update state set anchor = ?, anchor_unique_id = ?').run(message.id, message.uniqueId)
  }

  #remove(id: MessageId): void {
    const { changes } = this.#prepare('delete from messages where id = ?').run(id)
    if (Number(changes) === 0) return
    this.#prepare('delete from text where rowid = ?').run(id)
    this.#prepare('update state set anchor = null where anchor = ?').run(id)
  }

  #prepare(text: string): StatementSync {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.#database.prepare(text)
    // FTS5 notes what was deleted in rows beyond 2^53, and `run` tells the last row written, whatever the statement was.
    if (!text.startsWith('select')) statement.setReadBigInts(true)
    this.#statements.set(text, statement)
    return statement
  }
}
