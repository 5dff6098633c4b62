import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findDotLine as anywhere } from '../wire/find-dot-line.ts'
import { findDotLine } from './find-dot-line.ts'

test('the search of Node finds what the one that runs anywhere finds', () => {
  const text = fc.array(fc.constantFrom(13, 10, 46, 97)).map((octets) => Uint8Array.from(octets))
  fc.assert(
    fc.property(text, fc.nat(5), (where, from) => assert.equal(findDotLine(where, from), anywhere(where, from))),
    { numRuns: 2000 },
  )
})
