import { MisuseError } from '../errors.ts'
import { type Filter, readFilter, type Term } from './query-filters.ts'
import { type Piece, type Token, tokensOf } from './query-tokens.ts'
import { hasWords } from './words.ts'

export type { Filter, Place, Term } from './query-filters.ts'

const conditionLimit = 100
const lengthLimit = 10_000
/** Brackets, and NOTs, may stand so deep in one another. */
const depthLimit = 20

/** What was asked for, as a tree. */
export type Query = Term | Filter | All | Any | Negated

/** All of two or more must match. */
export interface All {
  readonly kind: 'and'
  readonly of: readonly Query[]
}

/** Any of two or more must match. */
export interface Any {
  readonly kind: 'or'
  readonly of: readonly Query[]
}

export interface Negated {
  readonly kind: 'not'
  readonly of: Query
}

/**
 * Reads a query: words, "phrases", filters (`from:` …), `OR`, `NOT` or a minus, brackets. What stands side by side must all match,
 * and binds closer than OR. Throws MisuseError `usage` that names what cannot be understood.
 */
export function parseQuery(text: string): Query {
  if (text.length > lengthLimit)
    throw new MisuseError(
      'usage',
      `the query is too long: ${text.length} characters, at most ${lengthLimit} are allowed`,
    )
  const tokens = tokensOf(text)
  const conditions = tokens.filter(({ kind }) => kind === 'piece').length
  if (conditions > conditionLimit)
    throw new MisuseError(
      'usage',
      `the query has ${conditions} words and filters, at most ${conditionLimit} are allowed`,
    )
  const found = new Parser(tokens).whole()
  if (found === undefined) throw new MisuseError('usage', `there is nothing to search for in ${JSON.stringify(text)}`)
  return found
}

/** All words of a query, wherever they stand. */
export function termsOf(query: Query): Term[] {
  if (query.kind === 'term') return [query]
  if (query.kind === 'and' || query.kind === 'or') return query.of.flatMap(termsOf)
  return query.kind === 'not' ? termsOf(query.of) : []
}

/** The words by which a message can have been found: none that stand only under a NOT. */
export function wantedTerms(query: Query, wanted = true): Term[] {
  if (query.kind === 'term') return wanted ? [query] : []
  if (query.kind === 'and' || query.kind === 'or') return query.of.flatMap((one) => wantedTerms(one, wanted))
  return query.kind === 'not' ? wantedTerms(query.of, !wanted) : []
}

/** Reads tokens by recursive descent. A part that is undefined was nothing but punctuation. */
class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  whole(): Query | undefined {
    const found = this.#any(0)
    if (this.#next !== undefined)
      throw new MisuseError('usage', 'no bracket is open for the ); what is to be found as it stands is put in quotes')
    return found
  }

  get #next(): Token | undefined {
    return this.#tokens[this.#at]
  }

  /** `a b OR c d` */
  #any(depth: number): Query | undefined {
    const parts = [this.#every(depth)]
    while (this.#next?.kind === 'or') {
      this.#at++
      parts.push(this.#every(depth))
    }
    const [only] = parts
    if (parts.length === 1) return only
    return { kind: 'or', of: parts.map((part) => part ?? fail('OR needs something to look for on both sides')) }
  }

  /** `a b`, up to an OR or the end of the bracket. */
  #every(depth: number): Query | undefined {
    const parts: Query[] = []
    for (;;) {
      const token = this.#next
      if (token === undefined || token.kind === 'or' || token.kind === 'close') break
      if (token.kind !== 'and') {
        const part = this.#one(depth)
        if (part !== undefined) parts.push(part)
        continue
      }
      this.#at++
      const after = this.#next?.kind
      if (parts.length === 0 || after === undefined || after === 'or' || after === 'and' || after === 'close')
        fail('AND needs something to look for on both sides')
    }
    const joined = withoutSplitMailboxes(parts)
    return joined.length > 1 ? { kind: 'and', of: joined } : joined[0]
  }

  /** A word, a filter or a bracket, perhaps under a NOT. */
  #one(depth: number): Query | undefined {
    if (depth >= depthLimit) fail(`brackets and NOTs may stand at most ${depthLimit} deep in one another`)
    const token = this.#next
    this.#at++
    if (token?.kind === 'piece') {
      const condition = conditionOf(token)
      return condition && negatedIf(token.negated, condition)
    }
    if (token?.kind === 'open') {
      const within = this.#any(depth + 1)
      if (this.#next?.kind !== 'close')
        fail('a bracket is not closed; what is to be found as it stands is put in quotes')
      this.#at++
      return negatedIf(token.negated, within ?? fail('there is nothing to search for in a bracket'))
    }
    // NOT
    const after = this.#next?.kind
    const of = after === 'not' || after === 'piece' || after === 'open' ? this.#one(depth + 1) : undefined
    return { kind: 'not', of: of ?? fail('NOT needs something to look for behind it') }
  }
}

function negatedIf(negated: boolean, query: Query): Query {
  return negated ? { kind: 'not', of: query } : query
}

function conditionOf(piece: Piece): Query | undefined {
  if (piece.operator !== undefined) return readFilter(piece.operator, piece.value, piece.prefix)
  // Punctuation alone is in no index: among words it is left out.
  return hasWords(piece.value)
    ? { kind: 'term', place: 'anywhere', text: piece.value, prefix: piece.prefix }
    : undefined
}

/** Several `in:` side by side mean any of them: no message is in two mailboxes. */
function withoutSplitMailboxes(parts: readonly Query[]): Query[] {
  const names = parts.flatMap((part) => (part.kind === 'in' ? part.mailboxes : []))
  let given = false
  return parts.flatMap((part): Query[] => {
    if (part.kind !== 'in') return [part]
    if (given) return []
    given = true
    return [{ kind: 'in', mailboxes: names }]
  })
}

function fail(why: string): never {
  throw new MisuseError('usage', why)
}
