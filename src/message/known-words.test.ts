import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KnownWords } from './known-words.ts'

const newIn = (text: string, ...known: readonly string[]): string => {
  const words = new KnownWords()
  for (const each of known) words.add(each)
  return words.newLines(text)
}

test('only lines with a word that no text has had are left', () => {
  assert.equal(newIn('one two\nthree\ntwo, ONE!\nfour two', 'Two one'), 'three\nfour two')
  assert.equal(newIn('anything at all'), 'anything at all')
  assert.equal(newIn('', 'a'), '')
  assert.equal(newIn('… — “!”', 'a'), '')
  assert.equal(newIn('città — “uno”', 'uno città'), '')
})

test('of more words than there is room for at first, each is known', () => {
  const words = Array.from({ length: 50_000 }, (_, number) => `word${number}`)
  assert.equal(newIn(words.join('\n'), words.join(' ')), '')
  assert.equal(newIn(`${words.join('\n')}\nword50000`, words.join(' ')), 'word50000')
})

test('no line is left out that has a word which the index would find nowhere else', () => {
  const unit = fc.constantFrom(
    'a',
    'B',
    'é',
    'È',
    '1',
    '²',
    'ª',
    ' ',
    '-',
    '\u00a0',
    '“',
    '日',
    'ﾞ',
    '\u0301',
    '\n',
    '\u200d',
  )
  const text = fc.string({ unit, maxLength: 30 })
  // What FTS5's unicode61 takes for a word is in what this takes for one, whole.
  const tokens = (of: string): string[] => of.toLowerCase().match(/[\p{L}\p{N}\p{Co}\p{M}]+/gu) ?? []
  fc.assert(
    fc.property(text, text, (first, second) => {
      const left = newIn(second, first)
      const found = new Set([...tokens(first), ...tokens(left)])
      for (const word of tokens(second)) assert.ok(found.has(word), word)
    }),
    { numRuns: 2000 },
  )
})
