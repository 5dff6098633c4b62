import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseQuery } from './query.ts'
import { snippetOf } from './snippet.ts'

const snippet = (text: string, query: string): string => snippetOf(text, parseQuery(query).terms)
const filler = 'lorem ipsum '.repeat(50)

test('every match is marked, folded as in the index', () => {
  assert.equal(snippet('Perché no?\n  PERCHE!', 'perche'), '[Perché] no? [PERCHE]!')
  assert.equal(snippet('la fattura del mese, la fattura', '"fattura del" fat*'), 'la [fattura del] mese, la [fattura]')
})

test('a long text is cut around the first match, between words', () => {
  const found = snippet(`${filler}the rare word ${filler}`, 'rare')
  assert.match(found, /^… (?:lorem |ipsum )+the \[rare\] word (?:lorem |ipsum )+…$/)
  assert.ok(found.length < 260)
})

test('where the text does not match, its beginning is shown', () => {
  assert.match(snippet(filler, 'from:mario'), /^lorem ipsum .* …$/)
  assert.equal(snippet('', 'mario'), '')
})

test('Japanese is marked as a phrase, half-width forms too', () => {
  assert.equal(snippet('明日の会議は十時です', '会議'), '明日の[会議]は十時です')
  assert.equal(snippet('ＡＢＣ カイギ', 'abc'), '[ＡＢＣ] カイギ')
})
