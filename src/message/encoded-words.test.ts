import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeWords } from './encoded-words.ts'

test('RFC 2047 §8: the examples', () => {
  const examples: Record<string, string> = {
    '(=?ISO-8859-1?Q?a?=)': '(a)',
    '(=?ISO-8859-1?Q?a?= b)': '(a b)',
    '(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)': '(ab)',
    '(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)': '(ab)',
    '(=?ISO-8859-1?Q?a_b?=)': '(a b)',
    '(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)': '(a b)',
  }
  for (const [encoded, decoded] of Object.entries(examples)) assert.equal(decodeWords(encoded), decoded)
})

test('a character split between two words is put together', () => {
  assert.equal(decodeWords('=?utf-8?q?=E6=97?= =?UTF-8?B?pQ==?='), '日')
})

test('RFC 2231 §5: a language after the charset', () => {
  assert.equal(decodeWords('=?US-ASCII*EN?Q?Keith_Moore?='), 'Keith Moore')
})

test('what is no encoded word stays as it is', () => {
  for (const text of ['plain', '=?utf-8?x?a?=', '=?utf-8?q?open', 'a =? b ?= c', '=??q?a?='])
    assert.equal(decodeWords(text), text)
})
