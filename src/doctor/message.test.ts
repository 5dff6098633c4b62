import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstDifference, given, headerOf, topOf } from './message.ts'

const octets = (text: string): Buffer => Buffer.from(text, 'latin1')

test('stuffed dots are taken off, also in the first line; a dot that was not stuffed is counted', () => {
  const message = given(octets('..first\r\nSubject: a\r\n\r\n...\r\n.bad\r\nx.\r\n'))
  assert.equal(message.octets.toString(), '.first\r\nSubject: a\r\n\r\n..\r\nbad\r\nx.\r\n')
  assert.deepEqual([message.stuffed, message.unstuffed], [2, 1])
})

test('TOP of a message is the header, the empty line and so many lines', () => {
  const message = octets('A: b\r\n\r\none\r\n..two\r\nthree')
  assert.equal(topOf(message, 0).toString(), 'A: b\r\n\r\n')
  assert.equal(topOf(message, 2).toString(), 'A: b\r\n\r\none\r\n..two\r\n')
  assert.equal(topOf(message, 9).toString(), message.toString())
  assert.equal(topOf(octets('\r\nonly a body\r\n'), 0).toString(), '\r\n')
  assert.equal(topOf(octets('A: only a header\r\n'), 0).toString(), 'A: only a header\r\n')
})

test('the header ends before the empty line; two texts part at an octet', () => {
  assert.equal(headerOf(octets('A: b\r\nC: d\r\n\r\nbody')).toString(), 'A: b\r\nC: d\r\n')
  assert.equal(firstDifference(octets('abc'), octets('abd')), 'octet 3')
  assert.equal(firstDifference(octets('abc'), octets('abcd')), 'octet 4')
})
