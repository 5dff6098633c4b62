import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imapDate, imapMailbox, imapString, parseImapDate, parseStatus } from './hand-on-imap-words.ts'

test('RFC 3501 §5.1.3: names beyond ASCII are in modified UTF-7, and & is &-', () => {
  assert.equal(imapMailbox('INBOX'), '"INBOX"')
  assert.equal(imapMailbox('~peter/mail/台北/日本語'), '"~peter/mail/&U,BTFw-/&ZeVnLIqe-"')
  assert.equal(imapMailbox('Posta & più'), '"Posta &- pi&APk-"')
  assert.equal(imapMailbox('😀'), '"&2D3eAA-"')
  assert.equal(imapMailbox('a "b" \\ c'), String.raw`"a \"b\" \\ c"`)
})

test('RFC 9051 §4.3: a quoted string has no line ends and no octets beyond ASCII', () => {
  assert.equal(imapString('pass"word\\'), String.raw`"pass\"word\\"`)
  for (const text of ['a\r\nb', 'città', 'a\0']) assert.equal(imapString(text), undefined)
})

test('RFC 9051 §9: a date-time has two digits for the day and four for the year', () => {
  assert.equal(imapDate(Date.UTC(2024, 1, 3, 4, 5, 6, 999)), '"03-Feb-2024 04:05:06 +0000"')
  assert.equal(imapDate(0), '"01-Jan-1970 00:00:00 +0000"')
  assert.equal(imapDate(Date.UTC(10_000, 0)), undefined)
  assert.equal(imapDate(Number.NaN), undefined)
})

test('a date-time is read in any zone', () => {
  const wanted = Date.UTC(1996, 6, 17, 9, 44, 25)
  for (const text of ['17-Jul-1996 02:44:25 -0700', '17-jul-1996 09:44:25 +0000', '17-Jul-1996 15:14:25 +0530'])
    assert.equal(parseImapDate(text), wanted)
  assert.equal(parseImapDate(' 1-Jan-2024 00:30:00 +0100'), Date.UTC(2023, 11, 31, 23, 30))
  for (const text of ['', '17-Jul-96 02:44:25 -0700', '17-Foo-1996 02:44:25 -0700'])
    assert.ok(Number.isNaN(parseImapDate(text)))
})

test('RFC 9051 §7.1: a status has a code where it begins with one in brackets', () => {
  assert.deepEqual(parseStatus('OK [APPENDUID 38505 3955] APPEND completed'), {
    status: 'OK',
    code: 'APPENDUID 38505 3955',
    text: '[APPENDUID 38505 3955] APPEND completed',
  })
  assert.deepEqual(parseStatus('no I will not [TRYCREATE]'), { status: 'NO', code: '', text: 'I will not [TRYCREATE]' })
  assert.deepEqual(parseStatus('BAD'), { status: 'BAD', code: '', text: '' })
  assert.equal(parseStatus('23 EXISTS'), undefined)
  assert.equal(parseStatus('OKAY'), undefined)
})
