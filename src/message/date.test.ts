import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDate } from './date.ts'

const shown = (text: string): string | undefined => {
  const date = parseDate(text)
  return date === undefined ? undefined : new Date(date).toISOString()
}

test('RFC 5322 §3.3', () => {
  assert.equal(shown('Fri, 21 Nov 1997 09:55:06 -0600'), '1997-11-21T15:55:06.000Z')
  assert.equal(shown('1 Jan 2024 00:00 +0530'), '2023-12-31T18:30:00.000Z')
  assert.equal(shown('Thu,\r\n 13\r\n Feb 1969\r\n 23:32:54 -0330 (Newfoundland Time)'), '1969-02-14T03:02:54.000Z')
  assert.equal(shown('Sat, 31 Dec 2016 23:59:60 +0000'), '2017-01-01T00:00:00.000Z')
})

test('RFC 5322 §4.3: two and three digits of a year, and the old zones', () => {
  assert.equal(shown('21 Nov 49 09:55:06 GMT'), '2049-11-21T09:55:06.000Z')
  assert.equal(shown('21 Nov 50 09:55:06 UT'), '1950-11-21T09:55:06.000Z')
  assert.equal(shown('21 Nov 103 09:55:06 Z'), '2003-11-21T09:55:06.000Z')
  assert.equal(shown('21 Nov 97 09:55:06 EDT'), '1997-11-21T13:55:06.000Z')
  assert.equal(shown('21 Nov 97 09:55:06 PST'), '1997-11-21T17:55:06.000Z')
  assert.equal(shown('21 Nov 97 09:55:06 K'), '1997-11-21T09:55:06.000Z')
  assert.equal(shown('21 Nov 97 09:55:06 NZDT'), '1997-11-21T09:55:06.000Z')
})

test('what is met and can be understood', () => {
  assert.equal(shown('Mon, 5 March 2024 9:05:06 GMT+0200'), '2024-03-05T07:05:06.000Z')
  assert.equal(shown('Tue, 05-Mar-2024 09.05.06 +01:00'), '2024-03-05T08:05:06.000Z')
  assert.equal(shown('Tue, 5 Mar 2024 09:05:06'), '2024-03-05T09:05:06.000Z')
})

test('what is no date is none', () => {
  for (const text of [
    '',
    'yesterday',
    '30 Feb 2024 10:00 +0000',
    '5 Mar 2024 24:00 +0000',
    '5 Mar 2024 10:60 +0000',
    '5 Foo 2024 10:00',
    '0 Mar 2024 10:00',
  ]) {
    assert.equal(parseDate(text), undefined)
  }
})

test('every date comes back', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('2899-12-31'), noInvalidDate: true }), (date) => {
      assert.equal(parseDate(date.toUTCString()), Math.floor(date.getTime() / 1000) * 1000)
    }),
  )
})
