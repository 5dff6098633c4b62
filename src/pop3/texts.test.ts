import assert from 'node:assert/strict'
import { test } from 'node:test'
import { languages, matchLanguage } from './languages.ts'
import { plainAscii } from './plain-ascii.ts'
import { english } from './texts-en.ts'
import type { Texts } from './texts.ts'

/** Whatever a text is asked about. */
const sample: { readonly [Key in keyof Texts]?: Parameters<Extract<Texts[Key], (...all: never[]) => string>> } = {
  noClearLogin: [true],
  inUse: ['192.0.2.1', 90],
  partlyRemoved: [1, 2, 'whatever'],
  cannotRead: [1, 'whatever'],
}

function all(texts: Texts): Map<string, string> {
  const said = new Map<string, string>()
  for (const [key, value] of Object.entries(texts) as [keyof Texts, unknown][]) {
    if (typeof value === 'string') said.set(key, value)
    else if (typeof value === 'function')
      said.set(key, String(Reflect.apply(value, undefined, sample[key] ?? [2, 300])))
  }
  return said
}

test('every language says everything, in its own words, in one line without a "["', () => {
  for (const texts of languages) {
    const said = all(texts)
    assert.deepEqual([...said.keys()], [...all(english).keys()])
    for (const [key, text] of said) {
      assert.match(text, /^[^\p{Cc}[\]<>]+$/u, `${texts.tag} ${key}`)
      assert.ok(Buffer.byteLength(text) <= 200, `${texts.tag} ${key} leaves no room`)
      if (texts !== english && !['octets', 'count'].includes(key)) {
        assert.notEqual(text, all(english).get(key), `${texts.tag} ${key} is not translated`)
      }
    }
  }
  assert.equal(new Set(languages.map(({ tag }) => tag)).size, languages.length)
})

test('English is ASCII, and every other language can be read in it', () => {
  for (const text of all(english).values()) assert.match(text, /^[\x20-\x7e]+$/)
  for (const texts of languages) {
    for (const text of all(texts).values()) assert.doesNotMatch(plainAscii(text), /\?/, text)
  }
  assert.equal(plainAscii('perché l’«œuf» größer – 日'), 'perche l\'"oeuf" grosser - ?')
})

test('one and many are told apart', () => {
  assert.deepEqual(
    languages.map((texts) => [texts.count(1, 1), texts.count(0, 0), texts.count(2, 2)]),
    [
      ['1 message (1 octet)', '0 messages (0 octets)', '2 messages (2 octets)'],
      ['1 messaggio (1 ottetto)', '0 messaggi (0 ottetti)', '2 messaggi (2 ottetti)'],
      ['1 Nachricht (1 Oktett)', '0 Nachrichten (0 Oktette)', '2 Nachrichten (2 Oktette)'],
      ['1 message (1 octet)', '0 message (0 octet)', '2 messages (2 octets)'],
      ['1 mensaje (1 octeto)', '0 mensajes (0 octetos)', '2 mensajes (2 octetos)'],
    ],
  )
  assert.equal(english.inUse('192.0.2.1', 1), 'another session has this maildrop, from 192.0.2.1 for 1 second')
  assert.equal(english.inUse('192.0.2.1', 600), 'another session has this maildrop, from 192.0.2.1 for 10 minutes')
  assert.equal(english.loginDelay(86_400), 'too soon after the last log-in: try again in 24 hours')
})

test('a language range finds what is closest, and no more', () => {
  const tags = (range: string): string | undefined => matchLanguage(range, languages)?.tag
  for (const range of ['it', 'IT', 'it-IT', 'it-Latn-CH-x-siena']) assert.equal(tags(range), 'it', range)
  assert.equal(tags('*'), 'en')
  for (const range of ['mul', 'i', 'ita', '', '-', 'it-', 'it_IT', 'it-ottocaratteri', 'x-it', '**', 'it-*']) {
    assert.equal(tags(range), undefined, range)
  }
  const swiss = { ...english, tag: 'de-CH' }
  assert.equal(matchLanguage('de', [english, swiss]), swiss)
  assert.equal(matchLanguage('de-AT', [english, swiss]), swiss)
  assert.equal(matchLanguage('*', []), undefined)
})
