import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeCharset, oneLine, printable } from './charset.ts'

const octets = (...values: number[]): Uint8Array => Uint8Array.from(values)

test('labels that the Encoding Standard does not know are understood', () => {
  assert.equal(decodeCharset(octets(0x93, 0xfa), 'cp932'), '日')
  assert.equal(decodeCharset(octets(0xe9), 'cp-1252'), 'é')
  assert.equal(decodeCharset(octets(0xe9), 'ISO8859_1'), 'é')
  assert.equal(decodeCharset(octets(0xe8), 'x-iso-8859-5-thing'), 'ш')
  assert.equal(decodeCharset(octets(0xc3, 0xa9), 'UTF8'), 'é')
  assert.equal(decodeCharset(octets(0xc3, 0xa9), '"utf-8'), 'é')
})

test('without a label that helps, octets are UTF-8 if they can be, windows-1252 if not', () => {
  for (const label of [undefined, '', 'us-ascii', 'unknown-8bit', 'x'.repeat(1000)]) {
    assert.equal(decodeCharset(octets(0xc3, 0xa9), label), 'é')
    assert.equal(decodeCharset(octets(0xe9, 0x80), label), 'é€')
  }
})

test('octets that are not of the charset they claim are still text', () => {
  assert.equal(decodeCharset(octets(0x41, 0xff, 0x42), 'utf-8'), 'A\ufffdB')
  assert.equal(typeof decodeCharset(octets(0x1b, 0x24, 0x42, 0xff), 'iso-2022-jp'), 'string')
})

test('what a terminal would obey is taken out', () => {
  assert.equal(oneLine(' a\r\n\tb\u001b[2Jc\u009b '), 'a b [2Jc')
  assert.equal(printable('a\r\nb\rc\td\u001b[2J\u0000'), 'a\nb\nc\td[2J')
})

test('of more marks on one letter than any writing has, thirty are left, whichever mark it is', () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const mark = String.fromCodePoint(code)
    if (/\p{M}/u.test(mark)) assert.equal(printable(`e${mark.repeat(40)}`), `e${mark.repeat(30)}`, code.toString(16))
  }
})
