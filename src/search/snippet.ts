import { columnsAfter, columnsBefore } from './columns.ts'
import type { Term } from './query.ts'
import { type Word, wordsOf } from './words.ts'

/** How much is shown before the match, and in all, columns of a terminal: of some scripts a character takes two. */
const before = 60
const width = 200
/** So far, in columns, the nearest space is looked for, to cut there. Not every script has any. */
const near = 24

/** The words of a term, as they are compared. */
interface Needle {
  readonly words: readonly string[]
  readonly prefix: boolean
}

/** Some words of a text. */
export interface Snippet {
  /** One line, matches marked with [ ]. */
  readonly text: string
  /** Whether anything in it matches. */
  readonly matches: boolean
}

/** The words around the first match in a text, in one line; the beginning where nothing matches. */
export function snippetOf(text: string, terms: readonly Term[]): Snippet {
  const line = text.replace(/\s+/g, ' ').trim()
  const needles = needlesOf(terms)
  const words = new Words(line)
  let first = 0
  if (needles.length > 0) while (words.at(first) !== undefined && matchAt(words, first, needles) === 0) first++
  const found = needles.length === 0 ? undefined : words.at(first)
  const start = found === undefined ? 0 : startBefore(line, found.start)
  const end = endAfter(line, columnsAfter(line, start, width))
  let out = start > 0 ? '… ' : ''
  let at = start
  for (let index = first; found !== undefined; index++) {
    const from = words.at(index)
    if (from === undefined || from.start >= end) break
    const length = matchAt(words, index, needles)
    const to = words.at(index + length - 1)
    if (length === 0 || to === undefined) continue
    if (to.end > end) break
    out += `${line.slice(at, from.start)}[${line.slice(from.start, to.end)}]`
    at = to.end
    index += length - 1
  }
  const rest = line.slice(at, Math.max(at, end)) + (end < line.length ? ' …' : '')
  return { text: out + rest, matches: found !== undefined }
}

/** The words of a line by their number, read as far as they are asked for. */
class Words {
  readonly #rest: Iterator<Word>
  readonly #read: Word[] = []

  constructor(line: string) {
    this.#rest = wordsOf(line)[Symbol.iterator]()
  }

  at(index: number): Word | undefined {
    while (this.#read.length <= index) {
      const next = this.#rest.next()
      if (next.done === true) return undefined
      this.#read.push(next.value)
    }
    return this.#read[index]
  }
}

function needlesOf(terms: readonly Term[]): Needle[] {
  return terms
    .filter(({ place }) => place === 'anywhere')
    .map(({ text, prefix }) => ({ words: [...wordsOf(text.normalize('NFKC'))].map(({ folded }) => folded), prefix }))
    .filter(({ words }) => words.length > 0)
}

/** How many words the longest match has that begins at this word; 0 where none does. */
function matchAt(words: Words, index: number, needles: readonly Needle[]): number {
  let longest = 0
  for (const { words: needle, prefix } of needles) {
    const matches = needle.every((word, offset) => {
      const found = words.at(index + offset)?.folded
      if (found === undefined) return false
      return found === word || (prefix && offset === needle.length - 1 && found.startsWith(word))
    })
    if (matches) longest = Math.max(longest, needle.length)
  }
  return longest
}

/** Where the words before a match are to begin: a word's beginning if there is one near, else any character's. */
function startBefore(line: string, match: number): number {
  const at = columnsBefore(line, match, before)
  if (at === 0) return 0
  const space = line.indexOf(' ', at - 1)
  return space < 0 || space >= Math.min(columnsAfter(line, at, near), match) ? at : space + 1
}

/** Where the word at `at` ends, if that is near. */
function endAfter(line: string, at: number): number {
  const limit = columnsAfter(line, at, near)
  if (limit === line.length) return limit
  const space = line.indexOf(' ', at)
  return space < 0 || space > limit ? at : space
}
