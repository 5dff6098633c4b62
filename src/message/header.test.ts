import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerLimit, parseHeader } from './header.ts'

const header = (text: string): ReturnType<typeof parseHeader> => parseHeader(Buffer.from(text, 'latin1'))

test('RFC 5322 §2.2.3: folded fields are unfolded, whatever the line ends', () => {
  for (const end of ['\r\n', '\n']) {
    const { fields } = header(['Subject: one', '  two', '\tthree', 'To: b', '', 'Body'].join(end))
    assert.deepEqual(
      fields.map(({ name, value }) => [name, value]),
      [
        ['subject', 'one  two\tthree'],
        ['to', 'b'],
      ],
    )
  }
})

test('the first of several fields is the one that counts, and all can be had', () => {
  const found = header('To: a\nTO: b\nto : c\n\n')
  assert.equal(found.get('to'), 'a')
  assert.deepEqual(found.all('to'), ['a', 'b', 'c'])
  assert.equal(found.get('cc'), undefined)
})

test('the body begins after the empty line, or where the fields end', () => {
  assert.equal(header('A: 1\r\n\r\nBody').end, 8)
  assert.equal(header('\r\nBody').end, 2)
  assert.equal(header('A: 1\nno field\n\nBody').end, 5)
  assert.equal(header('no field\n\nBody').end, 0)
  assert.equal(header('A: 1').end, 4)
  assert.equal(header('').end, 0)
})

test('a header that never ends is read up to the limit', () => {
  const found = header('A:b\n'.repeat(headerLimit / 4))
  assert.equal(found.fields.length, 10_000)
  assert.equal(found.end, headerLimit)
  assert.equal(header(`A: ${'x'.repeat(2 * headerLimit)}`).get('a')?.length, headerLimit - 3)
})
