import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodedSize, fromMailBase64, fromQuotedPrintable } from './transfer.ts'

const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
const text = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')

test('base64 comes back, with line ends anywhere', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 80 }), (octets, width) => {
      const encoded = Buffer.from(octets)
        .toString('base64')
        .replaceAll(new RegExp(`(.{${width}})`, 'g'), '$1\r\n')
      assert.deepEqual([...fromMailBase64(latin(encoded))], [...octets])
      assert.equal(decodedSize(latin(encoded), 'base64'), octets.length)
    }),
  )
})

test('RFC 2045 §6.8: what is not base64 is passed over, and padding may be missing or in the middle', () => {
  assert.equal(text(fromMailBase64(latin('UGVy*Y2g\x00='))), 'Perch')
  assert.equal(text(fromMailBase64(latin('UGVyY2g'))), 'Perch')
  assert.equal(text(fromMailBase64(latin('UA==UA=='))), 'PP')
  assert.equal(text(fromMailBase64(latin('====A'))), '')
})

test('RFC 2045 §6.7: soft line breaks, white space at line ends, hexadecimal in either case', () => {
  const decode = (encoded: string): string => text(fromQuotedPrintable(latin(encoded)))
  assert.equal(decode('a=C3=a9b'), 'aÃ©b')
  assert.equal(decode('one=\r\ntwo= \t\nthree'), 'onetwothree')
  assert.equal(decode('end \t\r\nnext\t \nlast '), 'end\r\nnext\nlast')
  assert.equal(decode('kept=20\r\n'), 'kept \r\n')
  assert.equal(decode('1=2, =ZZ, =4'), '1=2, =ZZ, =4')
  assert.equal(decode('cut off='), 'cut off')
})

test('junk is never too much for either', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      assert.ok(fromMailBase64(octets).length <= octets.length)
      assert.ok(fromQuotedPrintable(octets).length <= octets.length)
    }),
  )
})
