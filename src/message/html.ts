import { decodeEntities } from './entities.ts'

/** What stands between two pieces of text; of several that meet, the greatest. */
const nothing = 0
const space = 1
/** A new line begins. */
const line = 2
/** The same, by `<br>`: two of them leave an empty line. */
const broken = 3
/** An empty line stands between. */
const paragraph = 4

/** What elements put before and after them; those that are not here, nothing. */
const breaks = new Map<string, number>()
const elements: readonly (readonly [gap: number, names: string])[] = [
  [
    line,
    'address article aside body caption center dd details dialog dir div dt fieldset figcaption figure footer form frameset head ' +
      'header hr html legend li main menu nav noscript optgroup option section select summary tbody tfoot thead title tr',
  ],
  [space, 'td th button input img textarea'],
  [broken, 'br'],
  [paragraph, 'blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul'],
]
for (const [gap, names] of elements) for (const name of names.split(' ')) breaks.set(name, gap)

/** Elements whose content is not text to read. */
const hidden = new Map([
  ['script', /<\/script/gi],
  ['style', /<\/style/gi],
  ['title', /<\/title/gi],
])

/** What shows nothing, and would part words where it stands. */
const invisible = /[\u00ad\u200b\u2060\ufeff]/g
const anyInvisible = /[\u00ad\u200b\u2060\ufeff]/
/** White space that is not one blank. */
const oddSpace = / \s+|[^\S ]\s*/g

/** The text that a person would read of an HTML document: blocks as lines, without scripts, styles and comments. */
export function textOfHtml(html: string): string {
  const text = new Text()
  const tags = new TagReader(html)
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    const end = open < 0 ? html.length : open
    if (end > at) text.add(html.slice(at, end))
    if (open < 0) break
    at = tags.end(open)
    if (at === open + 1) text.add('<')
    const { name } = tags
    if (name === '') continue
    text.part(breaks.get(name) ?? nothing)
    const close = tags.opens ? hidden.get(name) : undefined
    if (close !== undefined) {
      close.lastIndex = at
      at = close.exec(html)?.index ?? html.length
    }
  }
  return text.out
}

/** A text that is put together of runs, with what stands between them. */
class Text {
  out = ''
  #gap = nothing

  /** What stood between the last run and the next. */
  part(gap: number): void {
    if (gap === broken && this.#gap >= broken) this.#gap = paragraph
    else if (gap > this.#gap) this.#gap = gap
  }

  /** A run of text as it stands in the document. In HTML a line end is a space. */
  add(raw: string): void {
    let run = decodeEntities(raw)
    if (anyInvisible.test(run)) run = run.replace(invisible, '')
    run = run.replace(oddSpace, ' ')
    const from = run.charCodeAt(0) === 0x20 ? 1 : 0
    if (from === 1) this.part(space)
    if (run.length === from) return
    const ends = run.charCodeAt(run.length - 1) === 0x20
    if (this.out !== '') this.out += gaps[this.#gap] ?? ''
    this.out += from === 0 && !ends ? run : run.slice(from, ends ? -1 : undefined)
    this.#gap = ends ? space : nothing
  }
}

const gaps: readonly string[] = ['', ' ', '\n', '\n', '\n\n']

const anySpace = /\s/

const greater = 0x3e
const equals = 0x3d
const quote = 0x22
const apostrophe = 0x27

/** Finds where tags end. Each search that found nothing is not made again, so that the whole takes linear time. */
class TagReader {
  readonly #html: string
  readonly #absent = new Set<string>()
  /** The last tag's name in lower case; empty where it was none. */
  name = ''
  /** Whether the last tag was an opening one. */
  opens = false

  constructor(html: string) {
    this.#html = html
  }

  /** Where what `<` begins has ended: `open + 1` where it begins nothing. */
  end(open: number): number {
    const html = this.#html
    this.name = ''
    this.opens = false
    const second = html.charCodeAt(open + 1)
    if (second === 0x21 && html.startsWith('--', open + 2)) return this.#after('-->', open + 2)
    // What begins with ! or ? is no element.
    if (second === 0x21 || second === 0x3f) return this.#after('>', open)
    this.opens = second !== 0x2f
    const start = open + (this.opens ? 1 : 2)
    let at = start
    if (isLetter(html.charCodeAt(at))) while (at - start < 20 && isLetterOrDigit(html.charCodeAt(at))) at++
    if (at === start) return this.opens ? open + 1 : this.#after('>', open)
    this.name = html.slice(start, at).toLowerCase()
    return this.#endOfTag(at)
  }

  /** A `>` in a quoted attribute value does not end the tag; a quote that is never closed is no quote. */
  #endOfTag(from: number): number {
    const html = this.#html
    let value = false
    for (let at = from; at < html.length; at++) {
      const code = html.charCodeAt(at)
      if (code === greater) return at + 1
      if (code === equals) {
        value = true
        continue
      }
      if (!value) continue
      if (code === quote || code === apostrophe) {
        const close = this.#find(code === quote ? '"' : "'", at + 1)
        if (close >= 0) at = close
        value = false
      } else value = isSpace(code)
    }
    return html.length
  }

  #after(text: string, from: number): number {
    const found = this.#find(text, from)
    return found < 0 ? this.#html.length : found + text.length
  }

  #find(text: string, from: number): number {
    if (this.#absent.has(text)) return -1
    const found = this.#html.indexOf(text, from)
    if (found < 0) this.#absent.add(text)
    return found
  }
}

function isLetter(code: number): boolean {
  return (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a
}

function isLetterOrDigit(code: number): boolean {
  return isLetter(code) || (code >= 0x30 && code <= 0x39)
}

/** As \s has it. */
function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || (code >= 0x80 && anySpace.test(String.fromCharCode(code)))
}
