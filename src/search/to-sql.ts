import type { Place, Query, Term } from './query.ts'
import { separated } from './words.ts'

/** A statement that gives ids, newest first, and what is to be bound to it. */
export interface Sql {
  readonly text: string
  readonly values: readonly (string | number)[]
}

const columns: Readonly<Record<Place, string>> = {
  anywhere: '',
  subject: '{subject} : ',
  from: '{sender} : ',
  to: '{recipients} : ',
}

/** A query as SQL over `search.sqlite`. `mailboxes`: the ids to which `in:` restricts it; none where it does not. */
export function toSql(query: Query, mailboxes: readonly number[] | undefined): Sql {
  const values: (string | number)[] = []
  const conditions: string[] = []
  const match = query.terms.map(toFts).join(' ')
  const condition = (text: string, ...bound: (string | number)[]): void => {
    conditions.push(text)
    values.push(...bound)
  }
  if (match !== '') condition('text match ?', match)
  if (query.after !== undefined) condition('m.date >= ?', query.after)
  if (query.before !== undefined) condition('m.date < ?', query.before)
  if (query.hasAttachment) condition('m.attachment = 1')
  if (mailboxes !== undefined) condition(`m.mailbox in (${mailboxes.map(() => '?').join(', ')})`, ...mailboxes)
  const from = match === '' ? 'messages m' : 'text cross join messages m on m.id = text.rowid'
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''
  return {
    text: `select m.id, m.date, m.subject, m.sender from ${from} ${where} order by m.date desc, m.id desc`,
    values,
  }
}

/** A term in FTS5's language. Whatever it holds, it is one quoted string, and so never a syntax error. */
function toFts(term: Term): string {
  // FTS5 reads a query as a C string: up to a NUL.
  const text = separated(term.text).replaceAll('\0', ' ').replaceAll('"', '""')
  return `${columns[term.place]}"${text}"${term.prefix ? ' *' : ''}`
}
