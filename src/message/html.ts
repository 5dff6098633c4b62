import { decodeEntities } from './entities.ts'

/** Elements before and after which a new line begins. */
const blocks = new Set(
  (
    'address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption figure footer form ' +
    'frameset h1 h2 h3 h4 h5 h6 head header hr html legend li main menu nav noscript ol optgroup option p pre section select ' +
    'summary table tbody tfoot thead title tr ul'
  ).split(' '),
)
/** Elements around which an empty line stands. */
const paragraphs = new Set('blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul'.split(' '))
/** Elements that only separate words. */
const cells = new Set('td th button input img textarea'.split(' '))
/** Elements whose content is not text to read. */
const hidden = new Map([
  ['script', /<\/script/gi],
  ['style', /<\/style/gi],
  ['title', /<\/title/gi],
])

/** White space that HTML does not have, for the time being. */
const lineBreak = '\v'
const paragraphBreak = '\f'

/** The text that a person would read of an HTML document: blocks as lines, without scripts, styles and comments. */
export function textOfHtml(html: string): string {
  const out: string[] = []
  const tags = new TagReader(html)
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    const end = open < 0 ? html.length : open
    // In HTML a line end is a space.
    if (end > at) out.push(decodeEntities(html.slice(at, end).replace(/\s+/g, ' ')))
    if (open < 0) break
    at = tags.end(open)
    if (at === open + 1) out.push('<')
    const name = tags.name
    if (name === 'br') out.push('\n')
    else if (paragraphs.has(name)) out.push(paragraphBreak)
    else if (blocks.has(name)) out.push(lineBreak)
    else if (cells.has(name)) out.push(' ')
    const close = tags.opens ? hidden.get(name) : undefined
    if (close !== undefined) {
      close.lastIndex = at
      at = close.exec(html)?.index ?? html.length
    }
  }
  return out
    .join('')
    .replace(/[\u00ad\u200b\u2060\ufeff]/g, '')
    .replace(/[^\S\n\v\f]+/g, ' ')
    .replace(/ ?[\n\v\f][ \n\v\f]*/g, breakOf)
    .trim()
}

/** Of several breaks that meet, blocks and paragraphs make no more than one. */
function breakOf(breaks: string): string {
  if (breaks.includes(paragraphBreak)) return '\n\n'
  return breaks.indexOf('\n') === breaks.lastIndexOf('\n') ? '\n' : '\n\n'
}

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
    if (html.startsWith('<!--', open)) return this.#after('-->', open + 2)
    const second = html.charAt(open + 1)
    if (second === '!' || second === '?') return this.#after('>', open)
    this.opens = second !== '/'
    const start = open + (this.opens ? 1 : 2)
    let at = start
    if (/[a-zA-Z]/.test(html.charAt(at))) while (at - start < 20 && /[a-zA-Z0-9]/.test(html.charAt(at))) at++
    if (at === start) return this.opens ? open + 1 : this.#after('>', open)
    this.name = html.slice(start, at).toLowerCase()
    // A `>` in a quoted attribute value does not end the tag; a quote that is never closed is no quote.
    let value = false
    for (; at < html.length; at++) {
      const char = html.charAt(at)
      if (char === '>') return at + 1
      const close = value && (char === '"' || char === "'") ? this.#find(char, at + 1) : -1
      if (close >= 0) at = close
      value = char === '=' || (value && /\s/.test(char))
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
