import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { columnsOf } from './columns.ts'
import { parseQuery, wantedTerms } from './query.ts'
import { snippetOf } from './snippet.ts'

const snippet = (text: string, query: string): string => snippetOf(text, wantedTerms(parseQuery(query))).text
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
  // As in the index, other dots make another character, and a syllable is no beginning of another.
  assert.equal(snippet('はがきを書かない', 'か'), 'はがきを書[か]ない')
  assert.equal(snippet('설날 서울', '서*'), '설날 [서]울')
})

test('where no space is found, the match has words around it all the same, counted in columns', () => {
  const sentence = '明日の会議は十時に始まります。'
  const found = snippet(`${sentence.repeat(40)}新幹線${sentence.repeat(40)}`, '新幹線')
  const [, start = '', end = ''] = /^… (.*)\[新幹線\](.*) …$/.exec(found) ?? []
  assert.equal(start, sentence.repeat(40).slice(-30))
  assert.ok(end.length >= 60 && sentence.repeat(40).startsWith(end))
  assert.ok(columnsOf(found) <= 210, `${columnsOf(found)} columns`)
  // A space just before the match is no reason to begin there.
  assert.match(snippet(`${sentence.repeat(40)} 新幹線`, '新幹線'), /^… .{29} \[新幹線\]$/)
})

test('no character is cut in two, and there is an end to it', () => {
  const halved = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
  const character = fc.constantFrom('𠮷', '😀', 'a', ' ', '本', 'e\u0301', '\u0301')
  fc.assert(
    fc.property(fc.array(character, { maxLength: 300 }), fc.array(character, { maxLength: 300 }), (before, after) => {
      const found = snippet(`${before.join('')} rare ${after.join('')}`, 'rare')
      assert.doesNotMatch(found, halved)
      assert.match(found, /\[rare/)
      assert.ok(columnsOf(found) <= 240)
    }),
  )
  assert.ok(snippet(`${'\u0301'.repeat(100_000)} rare ${'\u0301'.repeat(100_000)}`, 'rare').length < 3000)
})
