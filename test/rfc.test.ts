import assert from 'node:assert/strict'
import { test } from 'node:test'
import { citationsIn, rfcFaults } from '../scripts/rfc.ts'

test('every RFC that is cited is in rfc/index.tsv, and every one in it is cited', () => {
  assert.deepEqual(rfcFaults(), [])
})

test('an RFC that is not listed, one that nothing cites, and an unknown status are told', () => {
  const listed = [{ number: '1', status: 'all', title: 'Host Software', note: '' }]
  assert.deepEqual(rfcFaults(listed, citationsIn('// RFC 100, 1000 and 1001 §4.1', 'a.ts')), [
    'a.ts cites RFC 100, which rfc/index.tsv does not list',
    'a.ts cites RFC 1000, which rfc/index.tsv does not list',
    'a.ts cites RFC 1001, which rfc/index.tsv does not list',
    'rfc/index.tsv lists RFC 1, which nothing cites',
    'rfc/index.tsv: RFC 1 is "all", not whole, part, used, named',
  ])
})
