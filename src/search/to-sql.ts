import { stateBits } from './message-facts.ts'
import { type Filter, type Query, type Term, wantedTerms } from './query.ts'
import { anyOf, type Match, matchOf, split, termToFts } from './to-fts.ts'

/** In which order messages are found. */
export type Order = 'newest' | 'oldest' | 'relevance'

/** A statement that gives ids and dates, and what is to be bound to it. */
export interface Sql {
  readonly text: string
  readonly values: readonly (string | number)[]
}

/**
 * How to find what matches. `few`: what does stands in `temp.matches`, and each of them is looked at. `many`: it stands there, and the
 * messages are walked through by date until enough of them are in it. `within`: the messages are a stretch by date, and only those of
 * its ids are gathered; `few within`: the same, and each of those is looked at.
 */
export type Way = 'few' | 'many' | 'within' | 'few within'

/** Where a message stands in the order by date. */
export interface Position {
  readonly date: number
  readonly id: number
}

/** Messages that stand side by side in the order by date. */
export interface Stretch {
  /** They come after this one; undefined: they are the first. */
  readonly after: Position | undefined
  /** They go up to this one, which is of them; undefined: to the end. */
  readonly upTo?: Position | undefined
  /** No id of theirs is less or more. */
  readonly ids?: { readonly least: number; readonly most: number }
}

/** What is known besides the query. */
export interface Circumstances {
  readonly order: Order
  /** At most so many; all where it is undefined. */
  readonly limit: number | undefined
  /** The ids of mailboxes named by `in:`. */
  readonly mailboxes: (names: readonly string[]) => readonly number[]
  /** How what is asked of every message is answered: see `Way`. Asked once for a statement, at most. */
  readonly wayOf: (match: Match) => Way
  /** Only of these messages; the order is by date. */
  readonly stretch?: Stretch
  /** Only of these messages. */
  readonly among?: readonly number[]
  /** Whether `temp.recent` tells of messages that the index does not know as they are. */
  readonly recent: boolean
}

/** How much more a word in the subject, the sender, the recipients, the text, the names of attachments counts. */
const weights = '10.0, 5.0, 2.0, 1.0, 2.0'

/** A query as SQL over `search.sqlite`. */
export function toSql(query: Query, circumstances: Circumstances): Sql {
  return new Statement(circumstances).whole(query)
}

/** What of a query can be seen of a message without a look at its words; the whole finds no more than this. */
export function cheapPart(query: Query): Query {
  return { kind: 'and', of: query.kind === 'and' ? query.of.filter(isCheap) : isCheap(query) ? [query] : [] }
}

function isCheap(query: Query): boolean {
  if (query.kind === 'not') return isCheap(query.of)
  return query.kind !== 'and' && query.kind !== 'or' && (query.kind !== 'term' || query.place === 'list')
}

class Statement {
  readonly #circumstances: Circumstances
  readonly #values: (string | number)[] = []

  constructor(circumstances: Circumstances) {
    this.#circumstances = circumstances
  }

  whole(query: Query): Sql {
    const { order, limit, recent, among, wayOf, stretch } = this.#circumstances
    const { match, rest } = split(query.kind === 'and' ? query.of : [query])
    const ranks = order === 'relevance' ? anyOf(wantedTerms(query)) : undefined
    let ranking = ''
    let from = among === undefined ? 'messages m indexed by messages_by_date' : 'messages m'
    let by = order === 'oldest' ? 'm.date, m.id' : 'm.date desc, m.id desc'
    const where: string[] = []
    if (ranks !== undefined && match !== undefined && rest.length === 0 && limit !== undefined) {
      // Only of those that come so far is the date looked up.
      const scores = `select rowid as id, bm25(text, ${weights}) as score from text where text match ${this.#bound(match.fts)}`
      const last = `select score from s order by score limit 1 offset ${limit - 1}`
      ranking = `with s as materialized (${scores}) `
      from = 's cross join messages m on m.id = s.id'
      where.push(`s.score <= ifnull((${last}), 1e999)`)
      by = `s.score, ${by}`
    } else if (ranks !== undefined && match !== undefined) {
      from = 'text cross join messages m on m.id = text.rowid'
      where.push(`text match ${this.#bound(match.fts)}`)
      by = `bm25(text, ${weights}), ${by}`
    } else if (ranks !== undefined) {
      // Words that stand only on one side of an OR: who has none of them is found all the same, and comes last.
      const scores = `select rowid as id, bm25(text, ${weights}) as score from text where text match ${this.#bound(ranks.fts)}`
      ranking = `with s as materialized (${scores}) `
      from = 'messages m left join s on s.id = m.id'
      by = `s.score nulls last, ${by}`
    } else if (match !== undefined) {
      const way = among === undefined ? wayOf(match) : 'within'
      if (way === 'few') from = 'temp.matches t cross join messages m on m.id = t.id'
      else if (way === 'many') where.push('+m.id in (select id from temp.matches)')
      else if (way === 'within') where.push(this.#matches(match))
      else {
        from = 'text cross join messages m on m.id = text.rowid'
        where.push(`text match ${this.#bound(match.fts)}${this.#between('text.rowid')}`)
      }
    }
    if (stretch !== undefined) where.push(...this.#within(stretch))
    if (among !== undefined) where.push(`m.id in (select value from json_each(${this.#bound(JSON.stringify(among))}))`)
    // The order of the text is that of what is bound.
    where.push(...rest.map((one) => this.#condition(one)))
    const changes = recent ? ' left join temp.recent r on r.id = m.id' : ''
    const filter = where.length === 0 ? '' : ` where ${where.join(' and ')}`
    const most = limit === undefined ? '' : ` limit ${limit}`
    const text = `${ranking}select m.id, m.date from ${from}${changes}${filter} order by ${by}${most}`
    return { text, values: this.#values }
  }

  #condition(query: Query): string {
    if (query.kind === 'term') return this.#term(query)
    if (query.kind === 'not') return `not ${this.#condition(query.of)}`
    if (query.kind === 'or') return `(${this.#alternatives(query.of).join(' or ')})`
    if (query.kind !== 'and') return this.#filter(query)
    const { match, rest } = split(query.of)
    const asked = match === undefined ? [] : [this.#matches(match)]
    return `(${[...asked, ...rest.map((one) => this.#condition(one))].join(' and ')})`
  }

  /** Alternatives that are words only are one question. */
  #alternatives(all: readonly Query[]): string[] {
    const words = all.filter((one) => matchOf(one) !== undefined)
    const match = words.length === 0 ? undefined : matchOf({ kind: 'or', of: words })
    const asked = match === undefined ? [] : [this.#matches(match)]
    return [...asked, ...all.filter((one) => !words.includes(one)).map((one) => this.#condition(one))]
  }

  #term(term: Term): string {
    const match = matchOf(term)
    if (match !== undefined) return this.#matches(match)
    return `+m.list in (select rowid from list_words where list_words match ${this.#bound(termToFts(term))})`
  }

  /** Whether a message answers a question, within others. With the +, messages are not looked up by what is in it. */
  #matches(match: Match): string {
    const text = `from text where text match ${this.#bound(match.fts)}`
    // Of a few messages each is asked; but a word that may go on would be gathered anew for each.
    if (this.#circumstances.among !== undefined && !match.prefix) return `exists (select 1 ${text} and rowid = m.id)`
    return `+m.id in (select rowid ${text}${this.#between('rowid')})`
  }

  /** Written out: a number that is bound is a real to SQLite, and FTS5 takes only integers for an end of what it goes through. */
  #between(rowid: string): string {
    const ids = this.#circumstances.stretch?.ids
    return ids === undefined ? '' : ` and ${rowid} between ${ids.least} and ${ids.most}`
  }

  #within({ after, upTo }: Stretch): string[] {
    const further = this.#circumstances.order === 'oldest' ? '>' : '<'
    const compared = (by: string, { date, id }: Position): string =>
      `(m.date, m.id) ${by} (${this.#bound(date)}, ${this.#bound(id)})`
    return [
      ...(after === undefined ? [] : [compared(further, after)]),
      ...(upTo === undefined ? [] : [compared(further === '<' ? '>=' : '<=', upTo)]),
    ]
  }

  #filter(filter: Filter): string {
    const { recent } = this.#circumstances
    const now = (column: string): string => (recent ? `ifnull(r.${column}, m.${column})` : `m.${column}`)
    switch (filter.kind) {
      case 'after':
        return `m.date >= ${this.#bound(filter.moment)}`
      case 'before':
        return `m.date < ${this.#bound(filter.moment)}`
      case 'larger':
        return `m.octets > ${this.#bound(filter.octets)}`
      case 'smaller':
        return `m.octets < ${this.#bound(filter.octets)}`
      case 'attachment':
        return 'm.attachment = 1'
      case 'is':
        switch (filter.state) {
          case 'read':
            return `${now('flags')} & ${stateBits.seen} <> 0`
          case 'unread':
            return `${now('flags')} & ${stateBits.seen} = 0`
          case 'flagged':
            return `${now('flags')} & ${stateBits.flagged} <> 0`
          case 'answered':
            return `${now('flags')} & ${stateBits.answered} <> 0`
          case 'draft':
            return `${now('flags')} & ${stateBits.draft} <> 0`
        }
      // oxlint-disable-next-line no-fallthrough -- each state has returned
      case 'in': {
        const ids = this.#circumstances.mailboxes(filter.mailboxes).map((id) => this.#bound(id))
        return `${now('mailbox')} in (${ids.join(', ')})`
      }
    }
  }

  #bound(value: string | number): string {
    this.#values.push(value)
    return '?'
  }
}
