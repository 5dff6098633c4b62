// The scripts that are written without spaces between the words, and Hangul, whose words take endings.
const unspaced = String.raw`\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}`
const anyUnspaced = new RegExp(`[${unspaced}]`, 'u')
const eachUnspaced = new RegExp(`[${unspaced}]`, 'gu')
const token = new RegExp(String.raw`[${unspaced}]|(?:(?![${unspaced}])[\p{L}\p{N}\p{Co}\p{M}])+`, 'gu')
const spacedToken = /[\p{L}\p{N}\p{Co}\p{M}]+/gu
const tokenCharacter = /[\p{L}\p{N}\p{Co}]/u
const hasToken = (text: string): boolean => tokenCharacter.test(text)

/** A word of a text: where it stands, and how it compares. */
export interface Word {
  readonly folded: string
  readonly start: number
  readonly end: number
}

/** Of these, or what is not Latin-1, normalization or the scripts without spaces may make something else. */
const mayChange = /[\xa0\xa8\xaa\xaf\xb2-\xb5\xb8-\xba\xbc-\xbe\u0100-\uffff]/

/**
 * A text as the index takes it and as it is asked for: every Chinese, Japanese or Korean character a word of its own, so that a
 * part of a sentence is found as a phrase. Full-width and half-width forms are one.
 */
export function separated(text: string): string {
  if (!mayChange.test(text)) return text
  const normal = text.normalize('NFKC')
  return anyUnspaced.test(normal) ? normal.replace(eachUnspaced, ' $& ') : normal
}

/** The words of a text in order, compared like the index does: without case and diacritics. */
export function* wordsOf(text: string): Iterable<Word> {
  for (const match of text.matchAll(anyUnspaced.test(text) ? token : spacedToken)) {
    const [found] = match
    if (hasToken(found)) yield { folded: fold(found), start: match.index, end: match.index + found.length }
  }
}

// oxlint-disable-next-line no-control-regex -- ASCII is what is looked for
const ascii = /^[\u0000-\u007f]*$/

function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase()
  // The dots of kana, and the letters that make a syllable of Hangul, are no diacritics.
  if (anyUnspaced.test(text)) return text.normalize('NFKC').toLowerCase()
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
}

/** Whether there is anything in a text that the index could find. */
export function hasWords(text: string): boolean {
  return hasToken(text.normalize('NFKC'))
}
