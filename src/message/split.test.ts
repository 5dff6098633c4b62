import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { recipientsOf, type Split } from './split.ts'

const split: Split = {
  users: { 'info@example.it': 'anna', 'Luigi@Example.it': 'luigi', '@casa.example': 'mario' },
  otherwise: 'posta',
}

const of = (header: string, by: Split = split): readonly string[] => recipientsOf(Buffer.from(header), by)

test('each field in which servers write the recipient is read', () => {
  for (const field of ['Delivered-To', 'X-Original-To', 'Envelope-To', 'X-Envelope-To', 'X-RCPT-TO', 'DELIVERED-TO'])
    assert.deepEqual(of(`Subject: x\r\n${field}: info@example.it\r\n\r\nText`), ['anna'], field)
  assert.deepEqual(of('Delivered-To:\r\n <INFO@EXAMPLE.IT>\r\n\r\n'), ['anna'])
})

test('To and Cc say nothing, and a body is no header', () => {
  assert.deepEqual(of('To: info@example.it\r\nCc: luigi@example.it\r\n\r\nDelivered-To: info@example.it\r\n'), [
    'posta',
  ])
  assert.deepEqual(of(''), ['posta'])
})

test('a message for several known people goes to each of them once', () => {
  assert.deepEqual(of('Envelope-To: luigi@example.it, info@example.it, info+shop@example.it\r\n\r\n'), [
    'luigi',
    'anna',
  ])
  assert.deepEqual(of('Envelope-To: nobody@example.it, luigi@example.it\r\n\r\n'), ['luigi'])
})

test('the first field that names somebody known counts', () => {
  const both = 'X-Original-To: luigi@example.it\r\nDelivered-To: info@example.it\r\n\r\n'
  assert.deepEqual(of(both), ['anna'])
  assert.deepEqual(of(both, { ...split, fields: ['X-Original-To', 'Delivered-To'] }), ['luigi'])
  assert.deepEqual(of('X-Original-To: luigi@example.it\r\nDelivered-To: collected@isp.example\r\n\r\n'), ['luigi'])
})

test('of one field, the uppermost that names somebody known counts', () => {
  const header =
    'Delivered-To: collected@isp.example\nDelivered-To: luigi@example.it\nDelivered-To: info@example.it\n\n'
  assert.deepEqual(of(header), ['luigi'])
})

test('only the fields that are asked for are read', () => {
  assert.deepEqual(of('Delivered-To: info@example.it\r\n\r\n', { ...split, fields: ['X-RCPT-TO'] }), ['posta'])
  assert.deepEqual(of('X-Mine: info@example.it\r\n\r\n', { ...split, fields: ['x-mine:'] }), ['anna'])
})

test('an address belongs to the user of its exact form, then without +, then by its domain', () => {
  assert.deepEqual(of('Delivered-To: luigi+lists@example.it\r\n\r\n'), ['luigi'])
  assert.deepEqual(of('Delivered-To: anybody+at-all@casa.example\r\n\r\n'), ['mario'])
  assert.deepEqual(of('Delivered-To: anybody@other.casa.example\r\n\r\n'), ['posta'])
  assert.deepEqual(of('Delivered-To: luigi\r\n\r\n'), ['posta'])
  const exact: Split = { users: { 'luigi+shop@example.it': 'shop', 'luigi@example.it': 'luigi' }, otherwise: 'posta' }
  assert.deepEqual(of('Delivered-To: luigi+shop@example.it\r\n\r\n', exact), ['shop'])
})

test("qmail's prefix is taken off where it is said, and only there", () => {
  const header = 'Delivered-To: mbox-casa-info@example.it\r\n\r\n'
  assert.deepEqual(of(header), ['posta'])
  assert.deepEqual(of(header, { ...split, prefix: 'Mbox-casa-' }), ['anna'])
  assert.deepEqual(of('Delivered-To: info@example.it\r\n\r\n', { ...split, prefix: 'mbox-casa-' }), ['anna'])
})

test('Received tells it behind "for", from the top down, in each form that servers write', () => {
  const received = (clause: string): string =>
    `Received: from a.example (a.example [192.0.2.1])\r\n\tby mx.example.it (Postfix) with ESMTP id 4F2 ${clause};\r\n\tMon, 23 Nov 2026 10:00:00 +0100\r\n\r\n`
  assert.deepEqual(of(received('for <info@example.it>')), ['anna'])
  assert.deepEqual(of(received('for info@example.it')), ['anna'])
  assert.deepEqual(of(received('\r\n\tfor <luigi@example.it>, <info@example.it>')), ['luigi', 'anna'])
  assert.deepEqual(of(received('for <info@example.it> (envelope-from <luigi@example.it>)')), ['anna'])
  assert.deepEqual(of(received('(envelope-from <info@example.it>)')), ['posta'])
  assert.deepEqual(of(received('for <"odd address"@example.it>')), ['posta'])
  assert.deepEqual(of(received('for <@relay.example:info@example.it>')), ['anna'])
  const twice = received('for <nobody@example.it>').replace(/\r\n$/, '') + received('for <info@example.it>')
  assert.deepEqual(of(twice), ['anna'])
})

test('names that every object has belong to nobody', () => {
  assert.deepEqual(of('Delivered-To: constructor\r\nX-Original-To: __proto__@__proto__\r\n\r\n'), ['posta'])
})

test('of a header that somebody has stuffed only the beginning of each field is read', () => {
  const many = `Delivered-To: ${'a@b.example, '.repeat(10_000)}\r\n`.repeat(5)
  assert.deepEqual(of(`${many}X-Original-To: info@example.it\r\n\r\n`), ['anna'])
  const often = `${'Delivered-To: a@b.example\r\n'.repeat(100)}Delivered-To: info@example.it\r\n\r\n`
  assert.deepEqual(of(often), ['posta'])
  const folded = `Received: ${'for '.repeat(200_000)}\r\n${'\tfor <'.repeat(100_000)}\r\n\r\n`
  assert.deepEqual(of(folded), ['posta'])
})

test('whatever the octets are, the answer is users that were named', () => {
  const known = new Set(['anna', 'luigi', 'mario', 'posta'])
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'Delivered-To:',
      'Received: for',
      ' ',
      '<',
      '>',
      '"',
      '(',
      ',',
      '\n',
      '\r\n',
      '@',
      'info@example.it',
      '+',
    ),
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const users = of(pieces.join(''))
      return users.length > 0 && users.every((user) => known.has(user)) && new Set(users).size === users.length
    }),
  )
})

test('who has an address goes before who has the domain: a catch-all is delivered to a mailbox of that domain', () => {
  const header = Buffer.from('Delivered-To: all@example.it\r\nX-Original-To: anna@example.it\r\nSubject: x\r\n')
  const users = { 'anna@example.it': 'anna', '@example.it': 'mario' }
  assert.deepEqual(recipientsOf(header, { users, otherwise: 'rest' }), ['anna'])
  const other = Buffer.from('Delivered-To: all@example.it\r\nX-Original-To: luigi@example.it\r\n')
  assert.deepEqual(recipientsOf(other, { users, otherwise: 'rest' }), ['mario'])
})
