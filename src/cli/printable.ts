import { columnsAfter, columnsOf } from '../search/columns.ts'

// C0 (but tab and line feed), DEL, C1, and what turns the direction of a text round (Unicode Standard Annex 9).
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu

/** Text without what could steer a terminal: mail must never send it an escape sequence. Lines and tabs stay. */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(unsafe, '')
}

/** The same on one line. */
export function singleLine(text: string): string {
  return printable(text.replace(/[\s\u2028\u2029]+/gu, ' ')).trim()
}

/** The text cut or filled to so many columns. */
export function fit(text: string, columns: number): string {
  const taken = columnsOf(text)
  if (taken <= columns) return text + ' '.repeat(columns - taken)
  const cut = text.slice(0, columnsAfter(text, 0, columns - 1))
  return `${cut}…${' '.repeat(Math.max(0, columns - 1 - columnsOf(cut)))}`
}

/** The text in lines of at most so many columns, cut between words where there are any. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let rest = text
  while (columnsOf(rest) > columns) {
    const room = columnsAfter(rest, 0, columns) || ((rest.codePointAt(0) ?? 0) > 0xffff ? 2 : 1)
    const space = rest.lastIndexOf(' ', room)
    const end = space > 0 ? space : room
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return rest === '' ? lines : [...lines, rest]
}

/**
 * The text in lines of at most so many columns, cut between words only, so that what is longer (a fingerprint, a URL) can be copied whole;
 * and so can what stands between backquotes. Lines after the first are indented. `columns` undefined: one line.
 */
export function wrapWords(text: string, columns: number | undefined, indent: number): string[] {
  if (columns === undefined || columnsOf(text) < columns) return [text]
  const lines: string[] = []
  let line = ''
  for (const [, space = '', word = ''] of text.matchAll(/( *)((?:`[^`]*`|[^ `]|`)+)/g)) {
    if (line.trim() !== '' && columnsOf(line + space + word) >= columns) {
      lines.push(line)
      line = ' '.repeat(indent) + word
    } else line += space + word
  }
  return [...lines, line]
}
