import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from './describe.ts'

test('a list needs the header only', () => {
  const octets = Buffer.from(
    'From: =?utf-8?q?Ren=C3=A9?= <rene@example.fr>\r\nTo: a@example.it\r\nCc: B <b@example.it>\r\nSubject: Caff=?utf-8?q?=C3=A8?=\r\n' +
      'Date: Tue, 5 Mar 2024 09:30:00 +0100\r\nMessage-ID: <1@example.fr>\r\n\r\nSubject: not this one\r\n',
  )
  assert.deepEqual(describe(octets), {
    subject: 'Caffè',
    from: 'René <rene@example.fr>',
    to: 'a@example.it',
    cc: 'B <b@example.it>',
    bcc: '',
    date: Date.UTC(2024, 2, 5, 8, 30),
    messageId: '1@example.fr',
  })
})

test('where there is no From, there may be a Sender', () => {
  assert.equal(describe(Buffer.from('Sender: list@example.it\n\n')).from, 'list@example.it')
})
