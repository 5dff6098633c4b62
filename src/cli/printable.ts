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

/** How many columns of a terminal the text takes, near enough. */
export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += columnsOfCharacter(character.codePointAt(0) ?? 0)
  return columns
}

/** The text cut or filled to so many columns. */
export function fit(text: string, columns: number): string {
  const taken = columnsOf(text)
  if (taken <= columns) return text + ' '.repeat(columns - taken)
  let cut = ''
  let left = columns - 1
  for (const character of text) {
    left -= columnsOfCharacter(character.codePointAt(0) ?? 0)
    if (left < 0) break
    cut += character
  }
  return `${cut}…${' '.repeat(Math.max(0, columns - 1 - columnsOf(cut)))}`
}

/** Wide are East Asian scripts and emoji (Unicode Standard Annex 11); nothing take the marks that join the letter before. */
function columnsOfCharacter(code: number): number {
  if (code < 0x300) return 1
  if (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(String.fromCodePoint(code))) return 0
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  return wide ? 2 : 1
}
