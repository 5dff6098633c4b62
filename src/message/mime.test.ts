import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe } from './describe.ts'
import { Extractor, allParts } from './extract.ts'
import { MessageReader, depthLimit, parseMessage, partLimit } from './mime.ts'
import type { Part } from './part.ts'
import { readable } from './readable.ts'

const octetsOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

/** Pieces that make a message of sorts, in whatever order they come. */
const piece = fc.oneof(
  fc.constantFrom(
    '\r\n',
    '\n',
    '\r\n\r\n',
    '--a',
    '--b',
    '--a--',
    '--',
    '-',
    ' ',
    '\r',
    'From: x <y@z>\n',
    'Subject: =?utf-8?q?=C3?=\n',
    'Content-Type: multipart/mixed; boundary=a\n',
    'Content-Type: multipart/digest; boundary="b"\r\n',
    '\n\n--a\n',
    '\n--b\r\n',
    'Content-Type: message/rfc822\n\n',
    'Content-Type: text/html\n\n<p',
    'Content-Transfer-Encoding: base64\n',
    '=?',
    ';',
    '=',
  ),
  fc.string({ unit: 'binary', maxLength: 10 }),
)
const message = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'))

function outline(part: Part): unknown {
  return [part.type, part.start, part.body, part.end, part.octets && [...part.octets], part.parts.map(outline)]
}

test('chunking changes nothing', () => {
  fc.assert(
    fc.property(message, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 50 }), (octets, size, keep) => {
      const reader = new MessageReader({ keep, gather: 1 })
      for (let at = 0; at < octets.length; at += size) reader.push(octets.subarray(at, at + size))
      assert.deepEqual(outline(reader.finish()), outline(parseMessage(octets, { keep })))
    }),
    { numRuns: 2000 },
  )
})

test('no octets throw, and every part lies within the one around it', () => {
  fc.assert(
    fc.property(fc.oneof(message, fc.uint8Array({ maxLength: 500 })), (octets) => {
      describe(octets)
      const extractor = new Extractor()
      extractor.push(octets)
      extractor.finish()
      assert.ok(readable(octets).endsWith('\n'))
      const inside = (part: Part): void => {
        assert.ok(part.start <= part.body && part.body <= part.end && part.end <= octets.length)
        for (const inner of part.parts) {
          assert.ok(inner.start >= part.body && inner.end <= part.end)
          inside(inner)
        }
      }
      inside(parseMessage(octets))
    }),
    { numRuns: 1000 },
  )
})

test('nesting is bounded', () => {
  const attached = octetsOf('Content-Type: message/rfc822\n\n'.repeat(10_000))
  assert.equal([...allParts(parseMessage(attached))].length, depthLimit)
  const nested = Array.from(
    { length: 10_000 },
    (_, index) => `Content-Type: multipart/mixed; boundary=b${index}\n\n--b${index}\n`,
  )
  assert.equal([...allParts(parseMessage(octetsOf(nested.join(''))))].length, depthLimit)
})

test('the number of parts is bounded', () => {
  const octets = octetsOf(`Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(3 * partLimit)}`)
  assert.equal([...allParts(parseMessage(octets))].length, partLimit)
})

test('of a long message no more is held than its text', () => {
  const extractor = new Extractor()
  extractor.push(octetsOf('Subject: long\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nThe text\n--b\n'))
  extractor.push(octetsOf('Content-Type: video/mp4; name=long.mp4\nContent-Transfer-Encoding: base64\n\n'))
  const chunk = octetsOf(`${'A'.repeat(76)}\r\n`.repeat(1000))
  for (let count = 0; count < 500; count++) extractor.push(chunk)
  extractor.push(octetsOf('--b\n\nThe end\n--b--\n'))
  const { text, attachmentNames, hasAttachment } = extractor.finish()
  assert.deepEqual(
    { text, attachmentNames, hasAttachment },
    {
      text: 'The text\n\nThe end',
      attachmentNames: ['long.mp4'],
      hasAttachment: true,
    },
  )
})
