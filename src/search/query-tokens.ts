import { MisuseError } from '../errors.ts'
import { type Operator, operatorNamed } from './query-filters.ts'
import { hasWords } from './words.ts'

/** What a query is written in. */
export type Token = Piece | Bracket | { readonly kind: 'close' | 'or' | 'and' | 'not' }

/** `name:` or nothing, and a word or a quoted phrase. */
export interface Piece {
  readonly kind: 'piece'
  readonly negated: boolean
  readonly operator: Operator | undefined
  readonly value: string
  readonly prefix: boolean
}

export interface Bracket {
  readonly kind: 'open'
  readonly negated: boolean
}

const keywords: ReadonlyMap<string, 'or' | 'and' | 'not'> = new Map([
  ['OR', 'or'],
  ['AND', 'and'],
  ['NOT', 'not'],
])

const minuses = /-+/y
const name = /([a-z]+):\s*/iy
const quoted = /"([^"]*)"?(\*?)/y
const bare = /[^\s"()]+/y
const space = /\s*/y

/** The pieces of a query. Throws MisuseError where one cannot be meant. */
export function tokensOf(text: string): Token[] {
  // Telephones and word processors make such quotes of the plain one.
  const plain = text.replace(/[“”„]/g, '"')
  const tokens: Token[] = []
  for (let at = skip(plain, 0); at < plain.length; at = skip(plain, at)) {
    if (plain[at] === ')') {
      tokens.push({ kind: 'close' })
      at++
      continue
    }
    const dashes = read(minuses, plain, at)?.[0] ?? ''
    const behind = plain[at + dashes.length] ?? ' '
    // A dash between words is punctuation, as one alone is.
    if (dashes !== '' && /[\s)]/.test(behind)) {
      at += dashes.length
      continue
    }
    const start = at + dashes.length
    if (dashes.length > 1) refuseDashes(plain, at, start)
    const negated = dashes !== ''
    if (plain[start] === '(') {
      tokens.push({ kind: 'open', negated })
      at = start + 1
      continue
    }
    const { token, end } = pieceAt(plain, start, negated)
    tokens.push(token)
    at = end
  }
  return tokens
}

function pieceAt(plain: string, start: number, negated: boolean): { token: Token; end: number } {
  const named = read(name, plain, start)
  const operator = operatorNamed(named?.[1]?.toLowerCase())
  // `foo:bar` is no operator of ours: it is words.
  const at = operator === undefined ? start : start + (named?.[0].length ?? 0)
  if (operator !== undefined && plain[at] === '(')
    throw new MisuseError(
      'usage',
      `${operator}: takes one word or "phrase", no bracket; write (${operator}:one OR ${operator}:two)`,
    )
  const phrase = read(quoted, plain, at)
  if (phrase !== undefined) {
    const [whole, value = '', star] = phrase
    const token: Piece = { kind: 'piece', negated, operator, value: value.trim(), prefix: star === '*' }
    return { token, end: at + whole.length }
  }
  const word = read(bare, plain, at)?.[0] ?? ''
  const keyword = operator === undefined && !negated ? keywords.get(word) : undefined
  if (keyword !== undefined) return { token: { kind: keyword }, end: at + word.length }
  const prefix = word.endsWith('*')
  const value = prefix ? word.slice(0, -1) : word
  return { token: { kind: 'piece', negated, operator, value, prefix }, end: at + word.length }
}

/** `--depth` is what programs call an option: without it, or as it stands? */
function refuseDashes(plain: string, at: number, start: number): void {
  const word = read(bare, plain, start)?.[0] ?? ''
  if (word !== '' && !hasWords(word)) return
  throw new MisuseError(
    'usage',
    `${plain.slice(at, start)}${word}: write one - before what is not to be there, or "${word}" for the word itself`,
  )
}

function skip(plain: string, at: number): number {
  return at + (read(space, plain, at)?.[0].length ?? 0)
}

function read(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}
