import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { generateMessages } from '../../test/corpus/generate.ts'
import { dictionarySize, learnDictionary } from './dictionary.ts'

const params = { [constants.ZSTD_c_compressionLevel]: 6 }

function samples(count: number, seed = 3): Buffer[] {
  return [...generateMessages({ seed, count, profile: 'small' })].map((octets) => Buffer.from(octets))
}

/** Text in which nothing comes twice. */
function numbered(word: string): string {
  return Array.from({ length: 60 }, (_, at) => `${word}${at * 7919};`).join('')
}

test('mail that was not looked at is a quarter smaller with what was learnt from other mail', () => {
  const dictionary = learnDictionary(samples(600))
  assert.ok(dictionary !== undefined && dictionary.length <= dictionarySize)
  let without = 0
  let within = 0
  for (const message of samples(50, 4)) {
    const compressed = zstdCompressSync(message, { params, dictionary })
    assert.ok(zstdDecompressSync(compressed, { dictionary }).equals(message))
    within += compressed.length
    without += zstdCompressSync(message, { params }).length
  }
  assert.ok(within < 0.75 * without, `${within} instead of ${without} octets`)
})

test('the same samples give the same dictionary', () => {
  assert.deepEqual(learnDictionary(samples(100)), learnDictionary(samples(100)))
})

test('the stretch that most samples have comes last, and none again and again', () => {
  const often = numbered('often')
  const seldom = numbered('seldom')
  const texts = Array.from({ length: 40 }, (_, at) => `${at}:${'.-'.charAt(at % 2)}${often}${at < 4 ? seldom : ''}\n`)
  const dictionary = learnDictionary(texts.map((text) => Buffer.from(text)))?.toString() ?? ''
  assert.ok(often.includes(dictionary.slice(-200)), dictionary.slice(-200))
  assert.ok(dictionary.includes('seldom'))
  assert.ok(dictionary.length < 3 * (often.length + seldom.length), `${dictionary.length} octets`)
})

test('RFC 8878 §5: mail that looks like the beginning of a dictionary does not become one', () => {
  const beginning = Buffer.concat([Buffer.of(0x37, 0xa4, 0x30, 0xec), Buffer.from(numbered('line').slice(0, 252))])
  const dictionary = learnDictionary([beginning, beginning, beginning])
  assert.ok(dictionary !== undefined)
  const compressed = zstdCompressSync(beginning, { params, dictionary })
  assert.ok(zstdDecompressSync(compressed, { dictionary }).equals(beginning))
  assert.ok(compressed.length < 40)
})

test('where nothing is learnt there is no dictionary', () => {
  assert.equal(learnDictionary([]), undefined)
  assert.equal(learnDictionary([Buffer.from('x'), Buffer.alloc(0)]), undefined)
  assert.equal(learnDictionary([Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * at) >> 3))]), undefined)
})

test('of samples without end, only so many are looked at', { timeout: 60_000 }, () => {
  const large = Buffer.alloc(1 << 20, 'all work and no play makes Jack a dull boy; ')
  const dictionary = learnDictionary(Array.from({ length: 50_000 }, () => large))
  assert.ok(dictionary !== undefined && dictionary.length <= dictionarySize)
})
