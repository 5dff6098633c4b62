import type { DatabaseSync } from 'node:sqlite'
import { MisuseError } from '../errors.ts'
import type { MailboxId, MessageId, ModSeq } from '../ids.ts'
import type { Message, View } from '../store/store.ts'
import { countOf } from './catch-up.ts'
import { flagBits } from './message-facts.ts'
import type { Query } from './query.ts'
import type { Match } from './to-fts.ts'
import { type Order, toSql, type Way } from './to-sql.ts'

/** A message that matches, and what is shown of it. */
export interface Found {
  readonly message: Message
  /** Of its Date field; when it was received, where that cannot be believed. */
  readonly date: number
  readonly subject: string
  readonly from: string
}

/** Fewer than this are looked at one by one. */
const fewMatches = 5_000
/** A word that this share of the messages has is found among the newest before all of those are gathered. */
const mostMatches = 0.3

/**
 * What one query finds, in the index and the mail as both are at this moment. What the index has not yet read of moves and flags,
 * the mail's journal says.
 */
export class Finding {
  readonly #database: DatabaseSync
  readonly #view: View
  readonly #query: Query
  readonly #order: Order
  readonly #recent: boolean
  /** What stands in `temp.matches`, and how many they are. */
  #matches: { readonly fts: string; readonly count: number } | undefined

  constructor(database: DatabaseSync, view: View, modseq: ModSeq, query: Query, order: Order) {
    this.#database = database
    this.#view = view
    this.#query = query
    this.#order = order
    this.#recent = modseq !== view.modseq
    if (this.#recent) this.#noteRecent(modseq)
  }

  /** The first so many. */
  first(limit: number): Found[] {
    if (limit <= 0) return []
    const found: Found[] = []
    let read = 0
    for (const one of this.#run(limit)) {
      read++
      if (one !== undefined) found.push(one)
    }
    // What was removed since was counted, too: it is rare, and then all are looked through.
    if (read === found.length || read < limit) return found
    found.length = 0
    for (const one of this.#run(undefined)) {
      if (one !== undefined) found.push(one)
      if (found.length >= limit) break
    }
    return found
  }

  /** All, one after the other, as long as more are wanted. */
  *all(): Iterable<Found> {
    for (const one of this.#run(undefined)) if (one !== undefined) yield one
  }

  /** Which of these match. */
  among(ids: readonly MessageId[]): Set<MessageId> {
    const { text, values } = toSql(this.#query, {
      order: 'oldest',
      limit: undefined,
      recent: this.#recent,
      among: ids,
      mailboxes: (names) => mailboxesNamed(this.#view, names),
      wayOf: (match) => (match.prefix ? this.#way(match, false) : 'each'),
    })
    const rows = this.#database.prepare(text).all(...values)
    return new Set(rows.map((row) => Number(row['id']) as MessageId))
  }

  *#run(limit: number | undefined): Iterable<Found | undefined> {
    const { text, values } = toSql(this.#query, {
      order: this.#order,
      limit,
      recent: this.#recent,
      mailboxes: (names) => mailboxesNamed(this.#view, names),
      wayOf: (match, cheap) => this.#way(match, cheap),
    })
    const head = this.#database.prepare('select subject, sender from heads where id = ?')
    for (const row of this.#database.prepare(text).iterate(...values)) {
      const message = this.#view.message(Number(row['id']) as MessageId)
      if (message === undefined) {
        yield undefined
        continue
      }
      const { subject, sender } = head.get(message.id) ?? {}
      yield { message, date: Number(row['date']), subject: String(subject ?? ''), from: String(sender ?? '') }
    }
  }

  /** What matches is put down once, unless that is nearly everything, of which the newest are soon found. */
  #way(match: Match, cheap: boolean): Way {
    if (cheap && !match.prefix && !match.phrase && this.#isMost(match)) return 'each'
    if (this.#matches?.fts !== match.fts) {
      this.#database.exec(
        'create temp table if not exists matches (id integer primary key) strict; delete from temp.matches',
      )
      const insert = 'insert into temp.matches select rowid from text where text match ?'
      const { changes } = this.#database.prepare(insert).run(match.fts)
      this.#matches = { fts: match.fts, count: Number(changes) }
    }
    return this.#matches.count < fewMatches ? 'few' : 'many'
  }

  #isMost({ fts }: Match): boolean {
    const most = Math.ceil(countOf(this.#view) * mostMatches)
    if (most < fewMatches) return false
    const count = 'select count(*) as n from (select 1 from text where text match ? limit ?)'
    return Number(this.#database.prepare(count).get(fts, most)?.['n']) >= most
  }

  /** Where a message is and how it is flagged, if that changed after what the index has read. */
  #noteRecent(modseq: ModSeq): void {
    this.#database.exec(
      `create temp table if not exists recent (id integer primary key, mailbox integer not null, flags integer not null) strict;
      delete from temp.recent`,
    )
    const note = this.#database.prepare('insert or replace into temp.recent values (?, ?, ?)')
    const indexed = this.#database.prepare('select 1 from messages where id = ?')
    for (const { id, message, added } of this.#view.changes(modseq)) {
      // What was added since may be in the index already, as it was then.
      if (message !== undefined && (!added || indexed.get(id) !== undefined))
        note.run(id, message.mailbox, flagBits(message.flags))
    }
  }
}

function mailboxesNamed(view: View, names: readonly string[]): MailboxId[] {
  const all = view.mailboxes()
  return names.flatMap((name) => {
    const found = all.filter((mailbox) => mailbox.name.toLowerCase() === name.toLowerCase())
    if (found.length > 0) return found.map(({ id }) => id)
    const known = all.map((mailbox) => mailbox.name).join(', ')
    throw new MisuseError('usage', `there is no mailbox ${JSON.stringify(name)} for in:; there are: ${known}`)
  })
}
