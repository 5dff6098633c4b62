import type { MailboxId, MessageId } from '../ids.ts'
import type { MailboxRecord } from './record.ts'
import * as rows from './sqlite-rows.ts'
import type { SqliteStatements } from './sqlite-statements.ts'
import type { Mailbox } from './store.ts'

/** The mailboxes of an index. While records are applied they are in memory, for each record changes one; `keep` writes them. */
export class SqliteMailboxes {
  readonly #sql: SqliteStatements
  #changing: Map<MailboxId, Mailbox> | undefined

  constructor(sql: SqliteStatements) {
    this.#sql = sql
  }

  all(): Mailbox[] {
    if (this.#changing !== undefined) return [...this.#changing.values()]
    return this.#sql.all('select * from mailboxes order by id').map(rows.mailbox)
  }

  get(id: MailboxId): Mailbox | undefined {
    return this.#changing?.get(id) ?? this.all().find((mailbox) => mailbox.id === id)
  }

  add({ id, name, uidValidity }: MailboxRecord): void {
    this.#sql.run('insert into mailboxes values (?, ?, ?, 1, 0)', id, name, uidValidity)
    this.#changing?.set(id, { id, name, uidValidity, uidNext: 1, messages: 0 })
  }

  /** A message comes into a mailbox. */
  enter(id: MailboxId, uid: number): void {
    const mailbox = this.#load().get(id)
    if (mailbox === undefined) return
    const { messages, uidNext } = mailbox
    this.#changing?.set(id, { ...mailbox, messages: messages + 1, uidNext: Math.max(uidNext, uid + 1) })
  }

  /** A message leaves the mailbox that it is in. */
  leave(id: MessageId): void {
    const from = this.#sql.get('select mailbox from messages where id = ?', id)?.['mailbox']
    const mailbox = this.#load().get(from as MailboxId)
    if (mailbox !== undefined) this.#changing?.set(mailbox.id, { ...mailbox, messages: mailbox.messages - 1 })
  }

  /** Writes what has changed. */
  keep(): void {
    for (const { id, uidNext, messages } of this.#changing?.values() ?? [])
      this.#sql.run('update mailboxes set uid_next = ?, messages = ? where id = ?', uidNext, messages, id)
  }

  /** What is in the file counts again. */
  forget(): void {
    this.#changing = undefined
  }

  #load(): Map<MailboxId, Mailbox> {
    this.#changing ??= new Map(this.all().map((mailbox) => [mailbox.id, mailbox]))
    return this.#changing
  }
}
