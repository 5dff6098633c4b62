import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodedParts, leastPart } from './encoded-parts.ts'

function octets(size: number, seed = 1): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * (2 * seed + 1) + (index >> 5) * seed) & 255))
}

function wrapped(content: Buffer, lineLength = 76, lineEnd = '\r\n'): string {
  const text = content.toString('base64')
  if (lineLength === 0) return text
  const lines: string[] = []
  for (let at = 0; at < text.length; at += lineLength) lines.push(text.slice(at, at + lineLength))
  return lines.join(lineEnd)
}

/** Finds the parts of a message put together from texts (strings) and contents that must be found (lists). */
function finds(stretches: readonly (string | readonly [content: Buffer, text: string])[]): void {
  const expected: { start: number; end: number; octets: Buffer }[] = []
  let message = ''
  for (const stretch of stretches) {
    const text = typeof stretch === 'string' ? stretch : stretch[1]
    if (typeof stretch !== 'string')
      expected.push({ start: message.length, end: message.length + text.length, octets: stretch[0] })
    message += text
  }
  const found = encodedParts(Buffer.from(message, 'latin1'))
  assert.deepEqual(
    found.map(({ start, end, octets }) => ({ start, end, octets })),
    expected,
  )
}

const header = 'Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n'

test('a part is found from its first character to its last, whatever its line length and line end', () => {
  for (const lineLength of [4, 57, 60, 62, 64, 72, 74, 76, 510, 512, 800, 998]) {
    for (const lineEnd of ['\r\n', '\n']) {
      for (const size of [leastPart, 1025, 1026, 30_000, 200_001, 400_000]) {
        const content = octets(size)
        finds([header, [content, wrapped(content, lineLength, lineEnd)], `${lineEnd}--b--\r\n`])
      }
    }
  }
})

test('several parts, in nested messages too, and what is small is left', () => {
  const [one, two, three] = [octets(5000, 1), octets(70_000, 2), octets(1500, 3)]
  finds([
    'Subject: x\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\n--b\r\n',
    header,
    [one, wrapped(one)],
    `\r\n--b\r\n${header}${wrapped(octets(leastPart - 1))}\r\n--b\r\n${header}`,
    [two, wrapped(two, 60)],
    `\r\n--b--\r\n--a\r\nplain\r\n--a\r\n${header}`,
    [three, wrapped(three)],
    '\r\n--a--\r\n',
  ])
})

test('text all in one line, in a data: URL too', () => {
  const content = octets(3001)
  finds([[content, content.toString('base64')]])
  finds([header, [content, content.toString('base64')], '\r\n--b--\r\n'])
  finds(['\r\n<img src="data:image/png;base64,', [content, content.toString('base64')], '">\r\n'])
  const large = octets(300_000)
  finds([header, [large, large.toString('base64')], '\r\n'])
})

test('a line that is longer or shorter than the others ends a part', () => {
  const content = octets(57 * 40)
  const longer = octets(57 * 40 + 3)
  finds([header, [longer, wrapped(longer)], '\r\nAAAA\r\nAAAA\r\n'])
  finds([`${header}AAAA\r\n`, [content, wrapped(content)], '\r\n'])
  const other = octets(48 * 40, 2)
  finds([header, [content, wrapped(content)], '\n', [other, wrapped(other, 64, '\n')], '\n'])
})

test('RFC 4648 §3.5: bits that do not come again, and what else cannot, stay in the message', () => {
  const content = octets(57 * 40)
  const text = wrapped(content)
  // The last one of these has bits set that belong to no octet.
  for (const end of ['QR==', 'QUJ=', '=QQ=', 'Q===', 'QQ=\r\n', 'QUI', 'QQ'])
    finds([header, [content, text], `\r\n${end}\r\n--b--\r\n`])
  const odd = octets(57 * 40 + 1)
  finds([header, [odd, wrapped(odd)], '\r\nQUJD\r\n'])
  finds([header, [odd, wrapped(odd)]])
  const urlSafe = text.replaceAll('+', '-').replaceAll('/', '_')
  assert.notEqual(urlSafe, text)
  for (const { start, end, octets: found } of encodedParts(Buffer.from(header + urlSafe)))
    assert.equal(wrapped(found), (header + urlSafe).slice(start, end))
})

test('a letter that is none ends a part, and the next begins with the next line', () => {
  const first = octets(57 * 40)
  const second = octets(57 * 50, 2)
  finds([header, [first, wrapped(first)], '\r\n* AA\r\n', [second, wrapped(second)], '\r\n'])
})

/** What is true of the parts of any message. */
function holds(message: Buffer): void {
  let at = 0
  for (const { start, end, octets: found, lineLength, lineEnd } of encodedParts(message)) {
    assert.ok(start >= at && end <= message.length && found.length >= leastPart)
    const text = wrapped(found, lineLength, lineEnd === 'crlf' ? '\r\n' : '\n')
    assert.ok(message.subarray(start, end).equals(Buffer.from(text, 'latin1')))
    at = end
  }
}

test('one octet that is wrong, anywhere in a long part, is in no part', () => {
  const text = wrapped(octets(100_000))
  const places = [0, 1, 75, 76, 77, 78, 4095, 4096, 5000, 12_345, 76 * 700, text.length - 79, text.length - 1]
  for (const place of places)
    for (const octet of Buffer.from(' =-_\r\n*\0\xff', 'latin1')) {
      const message = Buffer.from(`${header}${text}\r\n--b--\r\n`, 'latin1')
      message[header.length + place] = octet
      holds(message)
    }
})

test('of any octets, only what comes again is taken, and nothing is thrown', () => {
  const line = fc.oneof(
    fc.constantFrom('', '\r', '\n', '\r\n', '=', '==\r\n', '--b\r\n', 'A'.repeat(76), '\0'),
    fc.integer({ min: 1, max: 80 }).map((length) => `${'Zm9v'.repeat(20).slice(0, length)}\r\n`),
    fc
      .tuple(fc.integer({ min: 1000, max: 4000 }), fc.integer({ min: 4, max: 80 }), fc.constantFrom('\r\n', '\n'))
      .map(([size, length, lineEnd]) => wrapped(octets(size), length, lineEnd)),
  )
  const damage = fc.array(fc.tuple(fc.nat(20_000), fc.constantFrom(...Buffer.from(' =-_A\r\n\0\xff', 'latin1'))))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), damage, (lines, changes) => {
      const message = Buffer.from(lines.join(''), 'latin1')
      for (const [at, octet] of changes) if (at < message.length) message[at] = octet
      holds(message)
    }),
    { numRuns: 300 },
  )
})

test('no message takes long', { timeout: 60_000 }, () => {
  const size = 4 << 20
  const repeated = (text: string): Buffer => Buffer.alloc(size, text, 'latin1')
  const almost = Buffer.alloc(size, wrapped(octets(57 * 19 + 10)) + '\r\n', 'latin1')
  const texts = [
    'A',
    '\n',
    '\r\n',
    '=',
    ' ',
    'A\n',
    'AAAA\r\n',
    'AAAA\nAAAAA\n',
    `${'A'.repeat(76)}\r\n${'A'.repeat(75)}\r\n`,
    `${'A'.repeat(38)} ${'A'.repeat(37)}\r\n`,
    // Of the lines that are looked at, each looks right, and no other.
    `${'A'.repeat(62)}\r\n${`${'A'.repeat(61)} \r\n`.repeat(7)}`,
    `${'A'.repeat(62)}\r\n`.repeat(22) + `${'A'.repeat(61)} \r\n`.repeat(2),
    `${'A'.repeat(1366)} `,
    `${'A'.repeat(65_536)}\r\n`,
    `${'A'.repeat(65_537)}\r\n`,
    `${'A'.repeat(60_000)}\r\n${'-'.repeat(60_000)}\r\n`,
  ]
  for (const text of texts) holds(repeated(text))
  holds(almost)
})
