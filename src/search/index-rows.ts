import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { MessageId, ModSeq, UniqueId } from '../ids.ts'
import type { Message } from '../store/store.ts'
import { dateOf, type Document, textsOf } from './document.ts'
import { flagBits, idsBlob, threadTokens } from './message-facts.ts'
import { separated } from './words.ts'

/** What is to be done in the index, in one transaction. */
export interface Work {
  readonly documents: readonly Document[]
  /** What is elsewhere now, or flagged otherwise. */
  readonly changed: readonly Message[]
  readonly removed: readonly MessageId[]
  /** The journal is then read up to here. */
  readonly modseq?: ModSeq
}

/** How far the index is. */
export interface State {
  readonly modseq: ModSeq
  readonly anchor: { readonly id: MessageId; readonly uniqueId: UniqueId } | undefined
}

/** RFC 2919 §3 allows 255 octets. */
const listLimit = 1_000

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

  /** Whether its text is in the index. */
  isRead(id: MessageId): boolean {
    return this.#prepare('select 1 from messages where id = ? and problem is null').get(id) !== undefined
  }

  count(): number {
    return Number(this.#prepare('select messages from state').get()?.['messages'])
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
      let more = 0
      for (const id of work.removed) if (this.#remove(id)) more--
      for (const message of work.changed) this.#place(message)
      for (const document of work.documents) if (this.#add(document)) more++
      const last = work.documents.at(-1)?.message
      if (last !== undefined)
        this.#prepare('update state set anchor = ?, anchor_unique_id = ?').run(last.id, last.uniqueId)
      if (more !== 0) this.#prepare('update state set messages = messages + ?').run(more)
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

  /** Whether there was none of that id. */
  #add(document: Document): boolean {
    const { message, extract, problem } = document
    // Another process may have indexed it meanwhile. Octets never change, so that this need not be done again.
    const there = this.#prepare('select problem from messages where id = ?').get(message.id)
    if (there?.['problem'] === null) {
      this.#place(message)
      return false
    }
    // It had a problem, and may have it no longer.
    const known = there !== undefined && this.#remove(message.id)
    this.#prepare('insert into messages values (?, ?, ?, ?, ?, ?, ?, ?)').run(
      message.id,
      message.mailbox,
      flagBits(message.flags),
      dateOf(document),
      message.octets,
      extract?.hasAttachment === true ? 1 : 0,
      this.#list(extract?.listId.slice(0, listLimit) ?? ''),
      problem ?? null,
    )
    const subject = extract?.subject ?? ''
    const ids = extract === undefined ? new Uint8Array() : idsBlob(extract)
    this.#prepare('insert into heads values (?, ?, ?, ?)').run(message.id, subject, extract?.from ?? '', ids)
    const tokens = threadTokens(subject, ids)
    // Where it is there already it is the same: octets never change.
    if (tokens !== '') this.#prepare('insert into thread_tokens (rowid, tokens) values (?, ?)').run(message.id, tokens)
    this.#prepare(
      'insert into text (rowid, subject, sender, recipients, body, attachments) values (?, ?, ?, ?, ?, ?)',
    ).run(message.id, ...textsOf(document))
    return !known
  }

  /** Where a message is and how it is flagged. */
  #place({ id, mailbox, flags }: Message): void {
    this.#prepare('update messages set mailbox = ?, flags = ? where id = ?').run(mailbox, flagBits(flags), id)
  }

  /** The number of a List-Id, which a new one is given; 0 where there is none. */
  #list(name: string): number {
    if (name === '') return 0
    const known = this.#prepare('select id from lists where name = ?').get(name)?.['id']
    if (known !== undefined) return Number(known)
    const { lastInsertRowid } = this.#prepare('insert into lists (name) values (?)').run(name)
    this.#prepare('insert into list_words (rowid, name) values (?, ?)').run(lastInsertRowid, separated(name))
    return Number(lastInsertRowid)
  }

  /** Whether there was one. */
  #remove(id: MessageId): boolean {
    const { changes } = this.#prepare('delete from messages where id = ?').run(id)
    if (Number(changes) === 0) return false
    this.#prepare('delete from heads where id = ?').run(id)
    this.#prepare('delete from text where rowid = ?').run(id)
    this.#prepare('update state set anchor = null where anchor = ?').run(id)
    return true
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
