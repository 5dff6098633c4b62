import { MisuseError } from '../errors.ts'
import { hasWords } from './words.ts'

const termLimit = 100
const lengthLimit = 10_000

/** Where a term is looked for. */
export type Place = 'anywhere' | 'subject' | 'from' | 'to'

/** A word, or a phrase: its words must stand side by side. */
export interface Term {
  readonly place: Place
  readonly text: string
  /** The last word may go on. */
  readonly prefix: boolean
}

/** What was asked for. A message must match all of it. */
export interface Query {
  readonly terms: readonly Term[]
  /** From this moment on, milliseconds since 1970. */
  readonly after: number | undefined
  /** Before this moment. */
  readonly before: number | undefined
  readonly hasAttachment: boolean
  /** In one of these mailboxes; in any where there are none. */
  readonly mailboxes: readonly string[]
}

/** One piece of the text: `name:` or nothing, and a word or a quoted phrase. */
interface Piece {
  readonly operator: Operator | undefined
  readonly value: string
  readonly prefix: boolean
}

const operators = ['from', 'to', 'subject', 'after', 'before', 'has', 'in'] as const
type Operator = (typeof operators)[number]

/**
 * Reads a query: words, "phrases", `from:` `to:` `subject:` `after:` `before:` `has:attachment` `in:`. A word that ends in `*`
 * stands for all that begin so. Throws MisuseError `usage` that names what cannot be understood.
 */
export function parseQuery(text: string): Query {
  if (text.length > lengthLimit)
    throw new MisuseError(
      'usage',
      `the query is too long: ${text.length} characters, at most ${lengthLimit} are allowed`,
    )
  const terms: Term[] = []
  const mailboxes: string[] = []
  let after: number | undefined
  let before: number | undefined
  let hasAttachment = false
  for (const { operator, value, prefix } of pieces(text)) {
    if (operator !== undefined && value === '')
      throw new MisuseError('usage', `${operator}: needs a value after the colon`)
    if (operator !== undefined && prefix && !isPlace(operator))
      throw new MisuseError(
        'usage',
        `${written(operator, value)}*: the * stands for more letters of a word, and ${operator}: takes no word; leave it out`,
      )
    switch (operator) {
      case 'after':
        after = Math.max(after ?? -Infinity, dayOf(operator, value))
        break
      case 'before':
        before = Math.min(before ?? Infinity, dayOf(operator, value))
        break
      case 'has':
        if (value.toLowerCase() !== 'attachment')
          throw new MisuseError('usage', `has:${value} is not known; has:attachment is`)
        hasAttachment = true
        break
      case 'in':
        mailboxes.push(value)
        break
      case 'from':
      case 'to':
      case 'subject':
      case undefined:
        // Punctuation alone is in no index: among words it is left out, but a filter that is left out finds too much.
        if (operator !== undefined && !hasWords(value))
          throw new MisuseError(
            'usage',
            `${written(operator, value)} holds no letter and no digit, so there is nothing to look for in it`,
          )
        if (hasWords(value)) terms.push({ place: operator ?? 'anywhere', text: value, prefix })
        break
    }
  }
  if (terms.length > termLimit)
    throw new MisuseError('usage', `the query has ${terms.length} words, at most ${termLimit} are allowed`)
  if (terms.length === 0 && after === undefined && before === undefined && !hasAttachment && mailboxes.length === 0)
    throw new MisuseError('usage', `there is nothing to search for in ${JSON.stringify(text)}`)
  return { terms, after, before, hasAttachment, mailboxes }
}

/** Whether what follows this name is looked for as words. */
function isPlace(operator: Operator): boolean {
  return operator === 'from' || operator === 'to' || operator === 'subject'
}

/** A piece as it stands in a query. */
function written(operator: Operator, value: string): string {
  return `${operator}:${/\s/.test(value) ? `"${value}"` : value}`
}

function* pieces(text: string): Iterable<Piece> {
  // Telephones and word processors make such quotes of the plain one.
  const plain = text.replace(/[“”„]/g, '"')
  const start = /\s*(?:([a-z]+):)?/iy
  const piece = /\s*(?:"([^"]*)"?(\*?)|([^\s"]*))/y
  for (let at = 0; at < plain.trimEnd().length; at = piece.lastIndex) {
    start.lastIndex = at
    const name = start.exec(plain)?.[1]?.toLowerCase()
    const operator = operators.find((known) => known === name)
    // `foo:bar` is no operator of ours: it is words.
    piece.lastIndex = operator === undefined ? at : start.lastIndex
    const [, phrase, star, word = ''] = piece.exec(plain) ?? []
    if (phrase !== undefined) yield { operator, value: phrase.trim(), prefix: star === '*' }
    else if (word.endsWith('*')) yield { operator, value: word.slice(0, -1), prefix: true }
    else yield { operator, value: word, prefix: false }
  }
}

/** The moment, in the time zone of this machine, at which a day, a month or a year begins. */
function dayOf(operator: string, value: string): number {
  const match = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(value)
  const [year, month, day] = [Number(match?.[1]), Number(match?.[2] ?? 1), Number(match?.[3] ?? 1)]
  const date = new Date(2000, 0, 1)
  date.setFullYear(year, month - 1, day)
  if (match === null || date.getMonth() !== month - 1 || date.getDate() !== day)
    throw new MisuseError(
      'usage',
      `${operator}:${value} is not a date; write YYYY, YYYY-MM or YYYY-MM-DD, like ${operator}:2026-03-31`,
    )
  return date.getTime()
}
