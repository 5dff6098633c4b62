import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from './describe.ts'
import { type Extract, Extractor, extractWhole } from './extract.ts'
import { readable } from './readable.ts'

// Mail that somebody wrote to hurt whoever reads it. Each kind is made in two sizes: what takes time squared would take 64 times as long
// for the larger, and 8 is linear. In either size it must still be a message: its subject, and what text of it can be found.

interface Hostile {
  /** The fields besides the subject, each with its line end. */
  readonly fields?: (size: number) => string
  /** Where the fields stand; usually they follow the subject. */
  readonly first?: boolean
  readonly body?: (size: number) => string
  /** The size of the small one; the large one has eight times as much. */
  readonly size: number
  /** Where what was written to be read cannot be found. */
  readonly lost?: boolean
}

const html = 'Content-Type: text/html\r\n'
const mixed = 'Content-Type: multipart/mixed; boundary=b\r\n'
/** What is to be found in the text. */
const token = 'findable'

const repeat =
  (piece: string, before = '', after = '') =>
  (size: number): string =>
    before + piece.repeat(size) + after
const numbered =
  (piece: (number: number) => string) =>
  (size: number): string =>
    Array.from({ length: size }, (_, number) => piece(number)).join('')
const inHtml = (piece: string, size: number, more: Partial<Hostile> = {}): Hostile => ({
  fields: () => html,
  body: repeat(piece, `<p>${token}</p>`),
  size,
  ...more,
})
const field = (name: string, piece: string, size: number): Hostile => ({
  fields: repeat(piece, `${name}: `, '\r\n'),
  size,
})
const encoded = (encoding: string, piece: string, size: number): Hostile => ({
  fields: () => `${mixed}`,
  body: repeat(piece, `--b\r\n\r\n${token}\r\n--b\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`),
  size,
})

const kinds: Readonly<Record<string, Hostile>> = {
  'multiparts in multiparts': {
    body: numbered((n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`),
    fields: () => `Content-Type: multipart/mixed; boundary=b\r\n`,
    size: 2_000,
    lost: true,
  },
  'messages in messages': {
    fields: () => 'Content-Type: message/rfc822\r\n',
    body: repeat('Content-Type: message/rfc822\r\n\r\n', '', token),
    size: 2_000,
  },
  'parts without end': {
    fields: () => mixed,
    body: repeat('--b\r\n\r\nx\r\n', `--b\r\n\r\n${token}\r\n`),
    size: 2_500,
  },
  'alternatives without end': {
    fields: () => 'Content-Type: multipart/alternative; boundary=b\r\n',
    body: repeat('--b\r\nContent-Type: text/html\r\n\r\n\r\n', `--b\r\n\r\n${token}\r\n`),
    size: 1_200,
  },
  'header fields': { fields: numbered((n) => `X-${n}: y\r\n`), first: true, size: 62_500 },
  'header fields of one name': { fields: repeat('To: a@example.test\r\n'), first: true, size: 5_000 },
  'a field of many lines': { fields: repeat(' more\r\n', 'X-Long: y\r\n'), first: true, size: 50_000 },
  'header lines that are none': { fields: repeat('no field\r\n'), first: true, size: 25_000 },
  'continuations of a parameter (RFC 2231)': {
    fields: numbered((n) => `${n === 0 ? 'Content-Disposition: inline' : ''};\r\n filename*${n}*=%41`),
    size: 12_500,
  },
  parameters: { fields: repeat(';a=b', 'Content-Type: text/plain', '\r\n'), size: 10_000 },
  'a parameter whose quote is never closed': field('Content-Type', ';a="b\\"', 10_000),
  'encoded words': field('X-Words', '=?utf-8?q?=41?=\r\n ', 2_500),
  'encoded words in From': field('From', '=?utf-8?b?QUFB?= ', 2_500),
  'the beginnings of encoded words': field('From', '=?utf-8?q?', 10_000),
  'one encoded word': { fields: repeat('QUFB', 'From: =?utf-8?b?', '?= <a@b>\r\n'), size: 25_000 },
  addresses: field('To', 'a@b,', 10_000),
  'colons in an address': field('To', 'a@:', 25_000),
  groups: field('To', 'a:;', 10_000),
  'angle brackets': field('To', '<', 25_000),
  'angle brackets and commas': field('To', '<a,', 10_000),
  'comments in comments': field('From', '(', 50_000),
  quotes: field('From', '"a\\"', 25_000),
  'the beginnings of message ids': field('Message-ID', '<', 50_000),
  'a date of comments': field('Date', '(', 50_000),
  'tags without end': inHtml('<', 25_000),
  'one tag': inHtml('a', 100_000, { body: repeat('a', `<p>${token}</p><`) }),
  attributes: inHtml(' a=b', 50_000, { body: repeat(' a=b', `<p>${token}</p><a`) }),
  'quotes in a tag': inHtml(` a="b" c='d'`, 10_000, { body: repeat(` a="b" c='d'`, `<p>${token}</p><a`) }),
  'tags whose quote is never closed': inHtml(`<a b='<a b="`, 10_000),
  'comment openings': inHtml('<!--', 25_000),
  'comment openings that are none': inHtml('<!-', 25_000),
  scripts: inHtml('<script></script>', 10_000),
  'the beginnings of scripts': inHtml('<script></scrip', 10_000),
  elements: inHtml('<p><b><br>x', 10_000),
  'closing tags': inHtml('</', 25_000),
  ampersands: inHtml('&', 50_000),
  'character references': inHtml('&#x41;&nbsp;', 10_000),
  'numbers of characters that never end': inHtml('&#1', 25_000),
  spaces: inHtml(' \r\n', 25_000),
  'charsets that nobody knows': {
    fields: () => mixed,
    body: numbered((n) => `--b\r\nContent-Type: text/plain; charset=x-${n}\r\n\r\n${n === 0 ? token : 'x'}\r\n`),
    size: 1_200,
  },
  'octets that are not of their charset': {
    fields: () => 'Content-Type: text/plain; charset=utf-8\r\n',
    body: repeat('\xc3(\xe2\x82\xff', token),
    size: 10_000,
  },
  'shifts of ISO-2022-JP': {
    fields: () => 'Content-Type: text/plain; charset=iso-2022-jp\r\n',
    body: repeat('\x1b$B\x1b(B', `${token} `),
    size: 10_000,
  },
  'base64 that is none': encoded('base64', '*-!\xff\r\n', 10_000),
  'padding of base64': encoded('base64', 'QQ==', 10_000),
  'equals signs in quoted-printable': encoded('quoted-printable', '=', 50_000),
  'spaces in quoted-printable': encoded('quoted-printable', '=    =\t', 10_000),
  'lines of spaces in quoted-printable': encoded('quoted-printable', ' '.repeat(20) + '\r\n', 2_500),
  'lines that begin like a boundary': {
    fields: () => mixed,
    body: repeat('--\r\n', `--b\r\n\r\n${token}\r\n`),
    size: 10_000,
  },
  hyphens: { fields: () => mixed, body: repeat('-', `--b\r\n\r\n${token}\r\n`), size: 50_000 },
  'a preamble': { fields: () => mixed, body: repeat('No MIME.\r\n', '', `--b\r\n\r\n${token}\r\n--b--`), size: 25_000 },
  'marks on one letter': {
    fields: () => 'Content-Type: text/plain; charset=utf-8\r\n',
    // U+0301 stands above, U+0323 below: to be put in order.
    body: repeat('\xcc\x81\xcc\xa3', `${token} a`),
    size: 5_000,
  },
  'marks in the subject of a part': {
    fields: () => 'Content-Type: message/rfc822\r\n',
    body: repeat('\xcc\x81\xcc\xa3', 'Subject: a', `\r\n\r\n${token}`),
    size: 5_000,
  },
  'words, each another': {
    fields: () => 'Content-Type: multipart/alternative; boundary=b\r\n',
    body: (size) => {
      const words = numbered((n) => `w${n} `)(size)
      return `--b\r\n\r\n${token} ${words}\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>${words}</p>\r\n--b--`
    },
    size: 5_000,
  },
}

function octetsOf({ fields, first = false, body = () => token }: Hostile, size: number): Uint8Array {
  const subject = 'Subject: Hostile\r\n'
  const more = fields?.(size) ?? ''
  const ended = more === '' || more.endsWith('\r\n') ? more : `${more}\r\n`
  return new Uint8Array(Buffer.from(`${first ? ended + subject : subject + ended}\r\n${body(size)}`, 'latin1'))
}

/** Reads a message in every way there is; what came out. */
function readAll(octets: Uint8Array): { extract: Extract; shown: string } {
  describe(octets)
  const extractor = new Extractor()
  for (let at = 0; at < octets.length; at += 100_000) extractor.push(octets.subarray(at, at + 100_000))
  const pieces = extractor.finish()
  const extract = extractWhole(octets)
  // What the index does with it.
  for (const text of [extract.subject, extract.text]) text.normalize('NFKC')
  assert.deepEqual(pieces, extract)
  return { extract, shown: readable(octets) }
}

/** The processor's time that `work` takes, the lesser of two, milliseconds. */
function cost(work: () => void): number {
  let least = Infinity
  for (let run = 0; run < 2; run++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

for (const [name, kind] of Object.entries(kinds)) {
  test(`${name}: the message is read, in linear time`, () => {
    const [one = 0, eight = 0] = [kind.size, kind.size * 8].map((size) => {
      const octets = octetsOf(kind, size)
      return cost(() => {
        const { extract, shown } = readAll(octets)
        assert.equal(extract.subject, 'Hostile')
        assert.ok(shown.includes('Subject: Hostile'))
        if (kind.lost === true) return
        assert.ok(extract.text.includes(token), 'the text for search')
        assert.ok(shown.includes(token), 'the text that is shown')
      })
    })
    // Below some milliseconds there is nothing to compare.
    assert.ok(
      eight < 32 * Math.max(one, 2),
      `${one} ms for the small one, ${eight} ms for the one of eight times its size`,
    )
  })
}
