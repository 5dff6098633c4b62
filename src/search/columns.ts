/** How many columns of a terminal the text takes, near enough. */
export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += columnsOfCharacter(character.codePointAt(0) ?? 0)
  return columns
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

/** Marks take no column, but without end there may not be of them: so many for each column. */
const marks = 8

/** The place that lies so many columns after `at`, between two characters; the end of the text where that is nearer. */
export function columnsAfter(text: string, at: number, columns: number): number {
  let place = at
  let left = columns
  let leftMarks = columns * marks
  while (place < text.length) {
    const code = text.codePointAt(place) ?? 0
    const taken = columnsOfCharacter(code)
    if (taken > left || (taken === 0 && leftMarks-- <= 0)) break
    left -= taken
    place += code > 0xffff ? 2 : 1
  }
  return place
}

/** The place that lies so many columns before `at`, between two characters; the beginning of the text where that is nearer. */
export function columnsBefore(text: string, at: number, columns: number): number {
  let place = at
  /** Where marks do not lose their letter. */
  let start = at
  let left = columns
  let leftMarks = columns * marks
  while (place > 0) {
    const pair = place > 1 ? (text.codePointAt(place - 2) ?? 0) : 0
    const code = pair > 0xffff ? pair : text.charCodeAt(place - 1)
    const taken = columnsOfCharacter(code)
    if (taken > left || (taken === 0 && leftMarks-- <= 0)) break
    left -= taken
    place -= code > 0xffff ? 2 : 1
    if (taken > 0) start = place
  }
  return place === 0 ? 0 : start
}
