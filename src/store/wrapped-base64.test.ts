import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { octetsFor, WrappedBase64, wrappedSize, type Wrapping } from './wrapped-base64.ts'

const wrappings: fc.Arbitrary<Wrapping> = fc.record({
  lineLength: fc.oneof(fc.constantFrom(0, 4, 60, 64, 72, 76), fc.integer({ min: 1, max: 90 })),
  lineEnd: fc.constantFrom('crlf' as const, 'lf' as const),
})

/** The text by the slow way. */
function textOf(octets: Uint8Array, { lineLength, lineEnd }: Wrapping): string {
  const text = Buffer.from(octets).toString('base64')
  if (lineLength === 0) return text
  const lines = text.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []
  return lines.join(lineEnd === 'crlf' ? '\r\n' : '\n')
}

/** What an encoder gives for octets that come in pieces of these lengths. */
function written(encoder: WrappedBase64, octets: Uint8Array, lengths: readonly number[]): string {
  const texts: Buffer[] = []
  let at = 0
  for (const length of lengths) {
    texts.push(encoder.write(octets.subarray(at, at + length)))
    at += length
  }
  texts.push(encoder.write(octets.subarray(at)), encoder.end())
  return Buffer.concat(texts).toString('latin1')
}

const pieces = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 8 })

test('octets become the same text in whatever pieces they come', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), wrappings, pieces, (octets, wrapping, lengths) => {
      const text = textOf(octets, wrapping)
      assert.equal(written(new WrappedBase64(octets.length, wrapping), octets, lengths), text)
      assert.equal(wrappedSize(octets.length, wrapping), text.length)
    }),
  )
})

test('a range of the text needs only the octets that are named for it', () => {
  const fractions = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), wrappings, pieces, fractions, (octets, wrapping, lengths, ends) => {
      const text = textOf(octets, wrapping)
      const [from = 0, to = 0] = ends.map((end) => Math.round(end * text.length)).toSorted((a, b) => a - b)
      const needed = octetsFor(octets.length, wrapping, { from, to })
      assert.ok(needed.to - needed.from <= ((to - from) / 4) * 3 + 6)
      const encoder = new WrappedBase64(octets.length, wrapping, { from, to })
      assert.equal(written(encoder, octets.subarray(needed.from, needed.to), lengths), text.slice(from, to))
    }),
    { numRuns: 500 },
  )
})

test('the text of octets of any length, cut anywhere, is what Node.js writes', () => {
  const octets = Buffer.from(Array.from({ length: 300_001 }, (_, index) => (index * 167) & 255))
  const wrapping: Wrapping = { lineLength: 76, lineEnd: 'crlf' }
  const text = textOf(octets, wrapping)
  assert.equal(written(new WrappedBase64(octets.length, wrapping), octets, [1, 65_536, 65_537, 100_000]), text)
})
