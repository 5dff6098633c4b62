import { MisuseError } from '../errors.ts'
import type { MessageId } from '../ids.ts'

/** The ids of messages that a command names, each once. Throws MisuseError. */
export function messageIds(words: readonly string[]): MessageId[] {
  return [...new Set(words)].map(
    (word) => wholeNumber(word, 'the id of a message, as `postino list` shows it') as MessageId,
  )
}

/** A whole number from 1; `what`: what it is, for a person. Throws MisuseError. */
export function wholeNumber(word: string, what: string): number {
  if (/^[1-9]\d{0,14}$/.test(word)) return Number(word)
  throw new MisuseError('usage', `${word} is not ${what}`)
}
