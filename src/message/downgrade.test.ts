import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAddresses } from './addresses.ts'
import { Downgrader, isInternational } from './downgrade.ts'
import { decodeWords } from './encoded-words.ts'
import { parseHeader } from './header.ts'
import { parseMessage } from './mime.ts'

const invalid = 'invalid@internationalized-address.invalid'

/** The message as an old client gets it, when it came in chunks of so many octets. */
function downgraded(message: string | Uint8Array, chunk = Infinity): Buffer {
  const octets = typeof message === 'string' ? Buffer.from(message) : message
  const out: Buffer[] = []
  const downgrader = new Downgrader((some) => {
    out.push(Buffer.from(some))
    return true
  })
  for (let at = 0; at < octets.length; at += chunk) {
    const lent = Uint8Array.from(octets.subarray(at, Math.min(at + chunk, octets.length)))
    downgrader.write(lent)
    lent.fill(0x21)
  }
  downgrader.end()
  return Buffer.concat(out)
}

const lines = (...all: string[]): string => all.join('\r\n')

/** The value of a field of the message as an old client gets it. */
function field(name: string, message: string): string | undefined {
  return parseHeader(downgraded(message)).get(name)
}

const international = (header: string): boolean => isInternational(Buffer.from(header))

test('RFC 6532 §3.2: international is what has UTF-8 in its addresses, names included', () => {
  for (const header of [
    'From: jörg@example.it\r\n\r\n',
    'Subject: x\nTo: a@b, Jörg <j@example.it>\n\n',
    'cc : a@bücher.example\r\n',
    'Resent-From: a@b.it (Jörg)\r\n',
    'Return-Path: <ü@example.it>\r\n\r\n',
    'Content-Type: Message/Global\r\n\r\nFrom: a@b\r\n',
  ])
    assert.equal(international(header), true, header)
  for (const header of [
    '',
    'From: a@b\r\nSubject: plain\r\n\r\n',
    'From: a@b\r\nSubject: perché no\r\n\r\n', // clients have shown these for thirty years, and it may be signed
    'From: a@b\r\nX-From: jörg@example.it\r\n\r\nTo: jörg@example.it\r\n',
    'Content-Type: message/global-headers\r\n\r\n',
    'Content-Type: image/gif\r\n\r\n',
  ])
    assert.equal(international(header), false, header)
  // Not UTF-8: older than RFC 6532.
  assert.equal(isInternational(Buffer.from('From: J\xf6rg <j@example.it>\r\n', 'latin1')), false)
})

test('RFC 6858 §2.1: addresses that cannot be used become one that never will be, and the name tells which it was', () => {
  const to = (text: string): { name: string; address: string; group?: string }[] =>
    parseAddresses(field('to', `To: ${text}\r\n\r\n`) ?? '')
  assert.deepEqual(to('jörg@example.it'), [{ name: 'jörg@example.it', address: invalid }])
  assert.deepEqual(to('Fred Foo <fred@exämple.com>, a@b.it'), [
    { name: 'Fred Foo (fred@exämple.com)', address: invalid },
    { name: '', address: 'a@b.it' },
  ])
  assert.deepEqual(to('Jörg "J" <j@example.it>, "Rossi, M" <m@b.it>'), [
    { name: 'Jörg J', address: 'j@example.it' },
    { name: 'Rossi, M', address: 'm@b.it' },
  ])
  assert.deepEqual(to('a@b.it, Città: ü@x.it, c@d.it;, e@f.it'), [
    { name: '', address: 'a@b.it' },
    { name: 'ü@x.it', address: invalid, group: 'Città' },
    { name: '', address: 'c@d.it', group: 'Città' },
    { name: '', address: 'e@f.it' },
  ])
  assert.equal(field('return-path', 'Return-Path: <ü@x.it>\r\n\r\n'), `<${invalid}>`)
  assert.equal(field('from', 'From: é:;\r\n\r\n'), invalid)
  const long = 'Ж'.repeat(200)
  assert.deepEqual(to(`${long} <a@b.it>`), [{ name: long, address: 'a@b.it' }])
})

test('RFC 6858 §2.3: what is only text is kept in encoded words, none of them long', () => {
  const subject = `Perché no? 🐘 ${'Здравствуйте '.repeat(20)}end`
  const out = downgraded(`Subject: ${subject}\r\nComments: =?utf-8?q?=C3=A8?= è\r\n\r\n`)
  const header = parseHeader(out)
  assert.equal(decodeWords(header.get('subject') ?? ''), subject)
  assert.equal(decodeWords(header.get('comments') ?? ''), 'è è')
  for (const line of out.toString('latin1').split('\r\n')) assert(line.length <= 76, line)
})

test('RFC 2231: the names of files are kept', () => {
  const message = lines(
    'From: ü@x.it',
    'Content-Type: application/pdf; name="città, 100%.pdf"; x=1',
    'Content-Disposition: attachment;',
    ` filename="${'è'.repeat(40)}.pdf"`,
    '',
    'body',
  )
  const out = downgraded(message)
  assert.match(
    out.toString('latin1'),
    /^Content-Type: application\/pdf;\r\n name\*=utf-8''citt%C3%A0%2C%20100%25\.pdf;\r\n x="1"\r\n/m,
  )
  const part = parseMessage(out)
  assert.equal(part.parameters.get('name'), 'città, 100%.pdf')
  assert.equal(part.dispositionParameters.get('filename'), `${'è'.repeat(40)}.pdf`)
})

test('RFC 6858 §2.4: other fields with UTF-8 are left out; those in ASCII stay as they are, octet by octet', () => {
  const message = lines(
    'Received: from a by b',
    '\tfor <ü@x.it>; now',
    'X-odd :  kept  ',
    ' =?utf-8?q?=C3=A8?=',
    'From: ü@x.it',
    'Message-ID: <è@x.it>',
    '',
    'body è\0\xff',
  )
  const kept = lines('X-odd :  kept  ', ' =?utf-8?q?=C3=A8?=', `From: =?utf-8?B?w7xAeC5pdA==?=`)
  assert.equal(downgraded(message).toString(), `${kept}\r\n <${invalid}>\r\n\r\nbody è\0\xff`)
})

test('line ends stay what they are, and a message without a body has none', () => {
  assert.equal(downgraded('Subject: è\nA: b\n\nè\n').toString(), 'Subject: =?utf-8?B?w6g=?=\nA: b\n\nè\n')
  assert.equal(downgraded('A: b\nSubject: è').toString(), 'A: b\nSubject: =?utf-8?B?w6g=?=')
  const folded = `To: =?utf-8?B?w6g=?= <a@b>,\n =?utf-8?B?w6g=?= <c@d>`
  assert.equal(downgraded('A: b\nTo: è <a@b>, è <c@d>').toString(), `A: b\n${folded}`)
  assert.equal(downgraded('To: è <a@b>,\n è <c@d>').toString(), folded)
  assert.equal(downgraded('').length, 0)
})

const mixed = lines(
  'From: ü@x.it',
  'Content-Type: multipart/mixed; boundary="out"',
  '',
  'Preamble: è',
  '--out',
  'Content-Disposition: attachment; filename=è.txt',
  'X-Odd: è',
  '',
  'Subject: è',
  '--other',
  '-',
  '--out',
  'Content-Type: multipart/alternative; boundary=in',
  '',
  '--in  ',
  'Content-Description: è',
  '',
  'text è',
  '--in--',
  'Subject: è',
  '--out',
  'Content-Type: multipart/signed; boundary=signed',
  '',
  '--signed',
  'Content-Description: è',
  '',
  'x',
  '--signed--',
  '--out--',
  'Subject: è',
  '',
)

test('RFC 6858 §2.2: parts have headers too; bodies, and what is signed, stay as they are', () => {
  const wanted = mixed
    .replace('From: ü@x.it', `From: =?utf-8?B?w7xAeC5pdA==?=\r\n <${invalid}>`)
    .replace(
      'Content-Disposition: attachment; filename=è.txt',
      "Content-Disposition: attachment;\r\n filename*=utf-8''%C3%A8.txt",
    )
    .replace('X-Odd: è\r\n', '')
    .replace('Content-Description: è', 'Content-Description: =?utf-8?B?w6g=?=')
  assert.equal(downgraded(mixed).toString(), wanted)
})

test('RFC 6532 §3.7: a message/global becomes a message/rfc822, if it is not encoded', () => {
  const global = (encoding: string): string =>
    lines('Content-Type: message/global', `Content-Transfer-Encoding: ${encoding}`, '', 'Subject: è', '', 'body')
  assert.equal(
    downgraded(global('8bit')).toString(),
    lines(
      'Content-Transfer-Encoding: 8bit',
      'Content-Type: message/rfc822',
      '',
      'Subject: =?utf-8?B?w6g=?=',
      '',
      'body',
    ),
  )
  assert.equal(
    downgraded(global('base64')).toString(),
    lines('Content-Transfer-Encoding: base64', 'Content-Type: message/global', '', 'Subject: è', '', 'body'),
  )
})

test('how the octets come changes nothing', () => {
  for (const message of [mixed, mixed.replaceAll('\r\n', '\n'), mixed.slice(0, -40)]) {
    const whole = downgraded(message)
    for (const chunk of [1, 2, 3, 7, 64]) assert.deepEqual(downgraded(message, chunk), whole, `${chunk}`)
  }
  // About as long as the longest field that is held.
  for (const size of [-1, 0, 1, 1000]) {
    const long = `X-A: è${'x'.repeat((64 << 10) + size - 13)}\r\n y\r\nTo: è\r\n\r\n`
    const whole = downgraded(long)
    assert.equal(whole.length > 64 << 10, size > 0)
    for (const chunk of [7, 1000, 65_536]) assert.ok(downgraded(long, chunk).equals(whole), `${size} ${chunk}`)
  }
  const odd = fc.string({
    unit: fc.constantFrom(
      '\r\n',
      '\n',
      '\r',
      ' ',
      '--',
      '-',
      'è',
      'From: ',
      'Content-Type: ',
      'multipart/mixed; boundary=a',
      'message/global',
      'a',
      ':',
    ),
    maxLength: 40,
  })
  fc.assert(
    fc.property(odd, fc.integer({ min: 1, max: 9 }), (text, chunk) => {
      assert.deepEqual(downgraded(text, chunk), downgraded(text))
    }),
    { numRuns: 500 },
  )
})

test('a header is ASCII afterwards, and a message in ASCII is not changed at all', () => {
  const message = fc.array(
    fc.tuple(
      fc.constantFrom('From', 'To', 'Subject', 'Content-Type', 'Content-Disposition', 'Received', 'X-A'),
      fc.string({ unit: fc.constantFrom(...Array.from('aé中 <>@,;:="()\\%?*\u0301\x7f'), '🐘'), maxLength: 60 }),
    ),
  )
  fc.assert(
    fc.property(message, (fields) => {
      const text = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      const out = downgraded(`${text}\r\n`)
      assert(
        out.every((octet) => octet < 0x80),
        out.toString(),
      )
      assert(out.toString().endsWith('\r\n'))
      const ascii = text.replace(/[^\0-\x7f]/gu, '') // oxlint-disable-line no-control-regex
      assert.equal(downgraded(`${ascii}\r\nbody é`).toString(), `${ascii}\r\nbody é`)
    }),
  )
})

test('a field without end is not held, and keeps its ASCII', () => {
  let most = 0
  let size = 0
  const downgrader = new Downgrader((octets) => {
    most = Math.max(most, octets.length)
    size += octets.length
    assert(octets.every((octet) => octet < 0x80))
    return true
  })
  const chunk = Buffer.from('aè'.repeat(20_000))
  downgrader.write(Buffer.from('To: '))
  for (let i = 0; i < 100; i++) downgrader.write(chunk)
  downgrader.write(Buffer.from('\r\n è\r\nSubject: è\r\n'))
  downgrader.end()
  assert(most < 1 << 21)
  assert.equal(size, 4 + 100 * chunk.length + 7 + 'Subject: =?utf-8?B?w6g=?=\r\n'.length)
})

test('who has enough gets no more', () => {
  let given = 0
  const downgrader = new Downgrader(() => ++given < 2)
  assert.equal(downgrader.write(Buffer.from('A: b\r\nC: d\r\nE: f\r\n\r\n')), false)
  assert.equal(downgrader.write(Buffer.from('body')), false)
  downgrader.end()
  assert.equal(given, 2)
})
