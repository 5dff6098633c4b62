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
    // What damage has taken the name of comes again with it.
    const same = 'on conflict (id) do update set name = excluded.name, uid_validity = excluded.uid_validity'
    this.#sql.run(`insert into mailboxes values (?, ?, ?, 1, 0, 0) ${same}`, id, name, uidValidity)
    const counts = this.#changing?.get(id) ?? { uidNext: 1, messages: 0, octets: 0 }
    this.#changing?.set(id, { ...counts, id, name, uidValidity })
  }

  /** A message of so many octets comes into a mailbox. */
  enter(id: MailboxId, uid: number, size: number): void {
    const mailbox = this.#load().get(id)
    if (mailbox === undefined) return
    const { messages, octets } = mailbox
    const uidNext = Math.max(mailbox.uidNext, uid + 1)
    this.#changing?.set(id, { ...mailbox, messages: messages + 1, octets: octets + size, uidNext })
  }

  /** A message was in a mailbox by this number, and is gone: the number is not given again. */
  pass(id: MailboxId, uid: number): void {
    const mailbox = this.#load().get(id)
    if (mailbox !== undefined) this.#changing?.set(id, { ...mailbox, uidNext: Math.max(mailbox.uidNext, uid + 1) })
  }

  /** A message leaves the mailbox that it is in; gives its octets. Undefined: there is no such message. */
  leave(id: MessageId): number | undefined {
    const row = this.#sql.get('select mailbox, octets from messages where id = ?', id)
    const mailbox = this.#load().get(row?.['mailbox'] as MailboxId)
    if (mailbox === undefined) return undefined
    const size = rows.number(row?.['octets'])
    const { messages, octets } = mailbox
    this.#changing?.set(mailbox.id, { ...mailbox, messages: messages - 1, octets: octets - size })
    return size
  }

  /** Octets of all messages. */
  octets(): number {
    let sum = 0
    for (const mailbox of this.#changing?.values() ?? this.all()) sum += mailbox.octets
    return sum
  }

  /** Writes what has changed. */
  keep(): void {
    const set = 'update mailboxes set uid_next = ?, messages = ?, octets = ? where id = ?'
    for (const { id, uidNext, messages, octets } of this.#changing?.values() ?? [])
      this.#sql.run(set, uidNext, messages, octets, id)
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
