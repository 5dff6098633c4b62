import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeaderPrint } from './header-print.ts'

function printOf(text: string, piece = text.length): string | undefined {
  const print = new HeaderPrint()
  const octets = Buffer.from(text, 'latin1')
  for (let at = 0; at < octets.length; at += piece) print.update(octets.subarray(at, at + piece))
  return print.finish()
}

test('a message and what TOP gives of it have one print, however the octets come', () => {
  const header = 'Received: from x\r\n\tby y\r\nSubject: one\r\n'
  const print = printOf(header)
  for (const message of [`${header}\r\n`, `${header}\r\nText\r\n`, `${header}\r\n\r\n\r\n`, header.slice(0, -2)])
    for (const piece of [1, 2, 3, 7, 1000]) assert.equal(printOf(message, piece), print, JSON.stringify(message))
})

test('another header has another print', () => {
  const prints = ['A: 1\r\n\r\n', 'A: 2\r\n\r\n', '\r\n', 'A: 1\r\nB: 2\r\n\r\n', 'A: 1\n\nB\r\n'].map((text) =>
    printOf(text),
  )
  assert.equal(new Set(prints).size, prints.length)
})

test('a message without a header, or without anything, has a print; one whose header has no end has none', () => {
  assert.equal(printOf('\r\n'), printOf('\r\nText\r\n'))
  assert.equal(printOf('\r\nText\r\n'), printOf(''))
  assert.equal(printOf('x'.repeat(300 << 10), 1 << 16), undefined)
})

test('whatever the message is, how it comes in pieces changes nothing', () => {
  const text = fc
    .array(fc.constantFrom('\r\n', '\n', '\r', 'A: b', '', ' c', '.'), { maxLength: 12 })
    .map((all) => all.join(''))
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 9 }), (whole, piece) => printOf(whole, piece) === printOf(whole)),
  )
})

test('a header in many small pieces is joined once, not at each piece', (t) => {
  const concat = t.mock.method(Buffer, 'concat')
  const header = `A: ${'b'.repeat(20_000)}\r\n`
  assert.equal(printOf(`${header}\r\nText`, 3), printOf(header))
  const copied = concat.mock.calls.reduce((sum, { result }) => sum + (result?.length ?? 0), 0)
  assert.ok(copied < 10 * header.length, `${copied} octets were copied`)
})
