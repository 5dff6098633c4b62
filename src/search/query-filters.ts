import { MisuseError } from '../errors.ts'
import { hasWords } from './words.ts'

/** Where a term is looked for. `anywhere` leaves out what only names the message's list. */
export type Place = 'anywhere' | 'subject' | 'from' | 'to' | 'filename' | 'list'

/** A word, or a phrase: its words must stand side by side. */
export interface Term {
  readonly kind: 'term'
  readonly place: Place
  readonly text: string
  /** The last word may go on. */
  readonly prefix: boolean
}

/** What `is:` knows. */
export type State = 'read' | 'unread' | 'flagged' | 'answered' | 'draft'

/** What is asked of a message besides its words. Moments are milliseconds since 1970; a size is in octets. */
export type Filter =
  | { readonly kind: 'after' | 'before'; readonly moment: number }
  | { readonly kind: 'larger' | 'smaller'; readonly octets: number }
  | { readonly kind: 'attachment' }
  | { readonly kind: 'is'; readonly state: State }
  /** In one of these mailboxes. */
  | { readonly kind: 'in'; readonly mailboxes: readonly string[] }

const places = ['from', 'to', 'subject', 'filename', 'list'] as const
const others = ['after', 'before', 'larger', 'smaller', 'has', 'is', 'in'] as const
export type Operator = (typeof places)[number] | (typeof others)[number]

const states: readonly State[] = ['read', 'unread', 'flagged', 'answered', 'draft']

/** The operator of that name (in lower case), if there is one. */
export function operatorNamed(name: string | undefined): Operator | undefined {
  return [...places, ...others].find((known) => known === name)
}

/** What `name:value` asks for. Throws MisuseError `usage` that names what cannot be understood. */
export function readFilter(operator: Operator, value: string, prefix: boolean): Term | Filter {
  if (value === '' && !prefix) throw new MisuseError('usage', `${operator}: needs a value after the colon`)
  if (isPlace(operator)) {
    // A filter that is left out finds too much.
    if (!hasWords(value))
      throw new MisuseError(
        'usage',
        `${written(operator, value)} holds no letter and no digit, so there is nothing to look for in it`,
      )
    return { kind: 'term', place: operator, text: value, prefix }
  }
  if (prefix)
    throw new MisuseError(
      'usage',
      `${written(operator, value)}*: the * stands for more letters of a word, and ${operator}: takes no word; leave it out`,
    )
  switch (operator) {
    case 'after':
    case 'before':
      return { kind: operator, moment: dayOf(operator, value) }
    case 'larger':
    case 'smaller':
      return { kind: operator, octets: octetsOf(operator, value) }
    case 'is': {
      const state = states.find((known) => known === value.toLowerCase())
      if (state === undefined)
        throw new MisuseError('usage', `is:${value} is not known; ${states.map((one) => `is:${one}`).join(', ')} are`)
      return { kind: 'is', state }
    }
    case 'has':
      if (value.toLowerCase() !== 'attachment')
        throw new MisuseError('usage', `has:${value} is not known; has:attachment is`)
      return { kind: 'attachment' }
    case 'in':
      return { kind: 'in', mailboxes: [value] }
  }
}

function isPlace(operator: Operator): operator is (typeof places)[number] {
  return places.some((known) => known === operator)
}

/** A piece as it stands in a query. */
function written(operator: Operator, value: string): string {
  return `${operator}:${/\s/.test(value) ? `"${value}"` : value}`
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

/** A thousand octets are 1k, as for all sizes that Postino shows. */
const units = { '': 1, k: 1e3, m: 1e6, g: 1e9 } as const

function octetsOf(operator: string, value: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,3})?)([kmg]?)b?$/i.exec(value)
  const unit = (match?.[2]?.toLowerCase() ?? '') as keyof typeof units
  const octets = Math.round(Number(match?.[1]) * units[unit])
  if (!Number.isSafeInteger(octets))
    throw new MisuseError(
      'usage',
      `${operator}:${value} is not a size; write octets, or thousands or millions of them, like ${operator}:200k or ${operator}:5M`,
    )
  return octets
}
