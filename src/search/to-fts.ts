import type { Place, Query, Term } from './query.ts'
import { separated, wordsOf } from './words.ts'

const columns: Readonly<Record<Exclude<Place, 'list'>, string>> = {
  anywhere: '',
  subject: '{subject} : ',
  from: '{sender} : ',
  to: '{recipients} : ',
  filename: '{attachments} : ',
}

/** A term in FTS5's language. Whatever it holds, it is one quoted string, and so never a syntax error. */
export function termToFts({ place, text, prefix }: Term): string {
  // FTS5 reads a query as a C string: up to a NUL.
  const words = separated(text).replaceAll('\0', ' ').replaceAll('"', '""')
  return `${place === 'list' ? '' : columns[place]}"${words}"${prefix ? ' *' : ''}`
}

/** A question for the table `text`. */
export interface Match {
  /** In FTS5's own language. */
  readonly fts: string
  /** Whether it holds a word that may go on. */
  readonly prefix: boolean
  /** The same, but words that must stand side by side need only be there: who has them is soon seen, and not more can match. */
  readonly loose: string
}

/** A query that the table `text` alone can answer, as one question; undefined where it cannot. */
export function matchOf(query: Query): Match | undefined {
  if (query.kind === 'term') return query.place === 'list' ? undefined : termMatch(query)
  if (query.kind === 'or') {
    const parts = query.of.map(matchOf).filter((part) => part !== undefined)
    return parts.length === query.of.length ? joined(parts, 'OR') : undefined
  }
  if (query.kind !== 'and') return undefined
  const { match, rest } = split(query.of)
  return rest.length === 0 ? match : undefined
}

/** What must all hold, parted: what the table `text` can answer in one question, and the rest. */
export function split(all: readonly Query[]): { match: Match | undefined; rest: Query[] } {
  const wanted: Match[] = []
  const unwanted: Match[] = []
  const rest: Query[] = []
  const withoutWords: Query[] = []
  for (const one of all) {
    const match = matchOf(one)
    const not = one.kind === 'not' ? matchOf(one.of) : undefined
    if (match !== undefined) wanted.push(match)
    else if (not !== undefined) {
      unwanted.push(not)
      withoutWords.push(one)
    } else rest.push(one)
  }
  // FTS5's NOT stands between two: without anything wanted there is nothing to take it from.
  if (wanted.length === 0) return { match: undefined, rest: [...withoutWords, ...rest] }
  const found = joined(wanted, 'AND')
  if (unwanted.length === 0) return { match: found, rest }
  return { match: joined([found, joined(unwanted, 'OR')], 'NOT'), rest }
}

/** Any of these, as one question. */
export function anyOf(terms: readonly Term[]): Match | undefined {
  const parts = terms.filter(({ place }) => place !== 'list').map(termMatch)
  return parts.length === 0 ? undefined : joined(parts, 'OR')
}

function termMatch(term: Term): Match {
  const { place, text, prefix } = term
  const fts = termToFts(term)
  const words = Array.from(wordsOf(separated(text)), ({ folded }) => termToFts({ ...term, text: folded }))
  return { fts, prefix, loose: words.length > 1 && place !== 'list' && !prefix ? `(${words.join(' AND ')})` : fts }
}

function joined(parts: readonly Match[], by: 'AND' | 'OR' | 'NOT'): Match {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  return {
    fts: `(${parts.map(({ fts }) => fts).join(` ${by} `)})`,
    prefix: parts.some(({ prefix }) => prefix),
    // What is taken away must not be more than it is.
    loose: by === 'NOT' ? (first?.loose ?? '') : `(${parts.map(({ loose }) => loose).join(` ${by} `)})`,
  }
}
