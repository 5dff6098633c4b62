import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { oddities } from './generate-odd.ts'
import { demoCorpus, generateMessage, generateMessages, rareIndex, rareWord } from './generate.ts'
import type { Corpus, Profile } from './generate.ts'

function digest(corpus: Corpus): string {
  const hash = createHash('sha256')
  for (const message of generateMessages(corpus)) hash.update(message)
  return hash.digest('hex')
}

const profiles: readonly Profile[] = ['realistic', 'small', 'odd', 'demo']

test('the same seed gives the same octets, another seed others', () => {
  for (const profile of profiles) {
    const first = digest({ seed: 1, count: 40, profile })
    assert.equal(digest({ seed: 1, count: 40, profile }), first)
    assert.notEqual(digest({ seed: 2, count: 40, profile }), first)
  }
})

test('a message made alone is the one that its corpus has there', () => {
  const corpus: Corpus = { seed: 3, count: 30, profile: 'realistic' }
  const all = [...generateMessages(corpus)]
  assert.deepEqual(generateMessage(corpus, 17), all[17])
})

test('every line ends with CRLF, and no CR or LF stands alone', () => {
  for (const profile of profiles) {
    for (const message of generateMessages({ seed: 4, count: 60, profile })) {
      const text = Buffer.from(message).toString('latin1')
      assert.match(text, /\r\n$/)
      assert.doesNotMatch(text, /[^\r]\n|\r[^\n]/)
    }
  }
})

test('messages and Message-IDs are unlike each other', () => {
  for (const profile of profiles) {
    const messages = new Set<string>()
    const identifiers = new Set<string>()
    for (const message of generateMessages({ seed: 5, count: 200, profile })) {
      messages.add(createHash('sha256').update(message).digest('hex'))
      // The message without a header names itself in its text.
      identifiers.add(/(?:^Message-ID: |Only a body, )(<[^<>\s]+\.example>)/m.exec(latin1(message))?.[1] ?? 'none')
    }
    assert.equal(messages.size, 200)
    assert.equal(identifiers.size, 200)
    assert.ok(!identifiers.has('none'))
  }
})

test('sizes are as the profile promises', () => {
  const sizes = (profile: Profile, count: number): number[] =>
    [...generateMessages({ seed: 1, count, profile })].map((message) => message.length)
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const realistic = sizes('realistic', 2000)
  assert.ok(mean(realistic) > 45_000 && mean(realistic) < 75_000, `${mean(realistic)}`)
  const usual = realistic.filter((size) => size >= 3000 && size <= 30_000).length
  assert.ok(usual > 1600, `${usual} of 2000 are 3 to 30 KB`)
  for (const size of sizes('small', 300)) assert.ok(size > 1500 && size < 2500, `${size}`)
})

test('the rare word is in one message of a corpus', () => {
  for (const profile of ['realistic', 'small', 'demo'] as const) {
    const corpus: Corpus = { seed: 6, count: 100, profile }
    const found: number[] = []
    let index = 0
    for (const message of generateMessages(corpus)) {
      if (latin1(message).includes(rareWord)) found.push(index)
      index++
    }
    assert.deepEqual(found, [rareIndex(100)])
  }
})

test('the demo has a message of 20 MB, Japanese, HTML, attachments and odd ones', () => {
  let biggest = 0
  let text = ''
  for (const message of generateMessages(demoCorpus)) {
    biggest = Math.max(biggest, message.length)
    text += latin1(message.subarray(0, 20_000))
  }
  assert.ok(biggest > 20_000_000 && biggest < 21_000_000)
  for (const mark of ['text/html', 'attachment', 'ISO-2022-JP', 'boundary="never"', 'x-pkcs7-signature', '=?UTF-8?']) {
    assert.ok(text.includes(mark), mark)
  }
})

test('the odd profile shows each oddity, and the hand-made Japanese is Japanese', () => {
  const count = Object.keys(oddities).length
  const all = [...generateMessages({ seed: 8, count, profile: 'odd' })]
  const japanese = all.find((message) => latin1(message).includes('charset=ISO-2022-JP'))
  assert.ok(japanese)
  const text = new TextDecoder('iso-2022-jp', { fatal: true }).decode(japanese)
  assert.match(text, /日本語のメール Postino テスト/)
  const subject = /=\?ISO-2022-JP\?B\?([^?]*)\?=/.exec(text)?.[1] ?? ''
  assert.equal(new TextDecoder('iso-2022-jp').decode(Buffer.from(subject, 'base64')), '日本語のメール')
  assert.ok(all.some((message) => latin1(message).includes('\r\n.\r\n')))
})

function latin1(message: Uint8Array): string {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString('latin1')
}
