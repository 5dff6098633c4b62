import type { DatabaseSync } from 'node:sqlite'
import { MisuseError } from '../errors.ts'
import type { MailboxId, MessageId, ModSeq } from '../ids.ts'
import type { Message, View } from '../store/store.ts'
import { countOf } from './catch-up.ts'
import { flagBits } from './message-facts.ts'
import { type Query, termsOf, wantedTerms } from './query.ts'
import { Stretches } from './stretches.ts'
import { type Match, split } from './to-fts.ts'
import { cheapPart, type Circumstances, type Order, type Position, type Sql, toSql, type Way } from './to-sql.ts'

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
/** So many are soon gathered, wherever they are; */
const veryFewMatches = 1_000
/** that is thought of where as many messages would have to be looked through. */
const longStretch = 4_000
/** Where it is not said how many are wanted, they are read in pages. */
const usualWanted = 50

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
    const sql = this.#sql(this.#query, { order: 'oldest', limit: undefined, among: ids })
    return new Set(this.#rows(sql).map(({ id }) => id as MessageId))
  }

  *#run(limit: number | undefined): Iterable<Found | undefined> {
    const head = this.#database.prepare('select subject, sender from heads where id = ?')
    for (const { id, date } of this.#matching(limit)) {
      const message = this.#view.message(id as MessageId)
      if (message === undefined) {
        yield undefined
        continue
      }
      const { subject, sender } = head.get(message.id) ?? {}
      yield { message, date, subject: String(subject ?? ''), from: String(sender ?? '') }
    }
  }

  *#matching(limit: number | undefined): Iterable<Position> {
    let after: Position | undefined
    let left = limit ?? Infinity
    if (this.#inStretches()) {
      const stretches = this.#stretches(limit ?? usualWanted)
      let way: Way = 'within'
      for (let stretch = stretches.next(after); stretch !== undefined; stretch = stretches.next(after)) {
        const asked = { stretch, limit: left === Infinity ? undefined : left, wayOf: () => way }
        const found = this.#rows(this.#sql(this.#query, asked))
        yield* found
        left -= found.length
        after = stretch.upTo
        if (left <= 0 || after === undefined) return
        const enough = stretches.found(found.length, left)
        if (enough > longStretch && way === 'within') {
          if (this.#areVeryFew()) break
          way = 'few within'
        }
      }
    }
    const rest = after === undefined ? {} : { stretch: { after } }
    yield* this.#each(this.#sql(this.#query, { ...rest, limit: left === Infinity ? undefined : left }))
  }

  /** Whether what is wanted may be found among the first messages by date, before all that matches is gathered. */
  #inStretches(): boolean {
    if (this.#order === 'relevance' && wantedTerms(this.#query).some(({ place }) => place !== 'list')) return false
    const terms = termsOf(this.#query).filter(({ place }) => place !== 'list')
    // What a word may go on with is gathered whole, for however few messages it is asked.
    return terms.length > 0 && !terms.some(({ prefix }) => prefix)
  }

  #stretches(wanted: number): Stretches {
    const cheap = cheapPart(this.#query)
    const circumstances = { messages: countOf(this.#view), wanted, oldest: this.#order === 'oldest' }
    return new Stretches(this.#database, circumstances, (stretch, limit) => this.#sql(cheap, { stretch, limit }))
  }

  #areVeryFew(): boolean {
    const { match } = split(this.#query.kind === 'and' ? this.#query.of : [this.#query])
    if (match === undefined) return false
    const count = 'select count(*) as n from (select 1 from text where text match ? limit ?)'
    return Number(this.#database.prepare(count).get(match.loose, veryFewMatches)?.['n']) < veryFewMatches
  }

  #sql(query: Query, asked: Pick<Circumstances, 'limit'> & Partial<Circumstances>): Sql {
    return toSql(query, {
      order: this.#order,
      recent: this.#recent,
      mailboxes: (names) => mailboxesNamed(this.#view, names),
      wayOf: (match) => this.#gather(match),
      ...asked,
    })
  }

  #rows({ text, values }: Sql): Position[] {
    return this.#database
      .prepare(text)
      .all(...values)
      .map(positionOf)
  }

  *#each({ text, values }: Sql): Iterable<Position> {
    for (const row of this.#database.prepare(text).iterate(...values)) yield positionOf(row)
  }

  /** What matches is put down, once. */
  #gather(match: Match): Way {
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

function positionOf(row: Record<string, unknown>): Position {
  return { id: Number(row['id']), date: Number(row['date']) }
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
