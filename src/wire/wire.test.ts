import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromBase64, toBase64 } from './base64.ts'
import { DotReader } from './dot-reader.ts'
import { DotWriter } from './dot-writer.ts'
import { type FindDotLine, findDotLine } from './find-dot-line.ts'
import { Gather } from './gather.ts'
import { LineReader } from './line-reader.ts'
import { join, toOctets } from './octets.ts'

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
const octets = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
/** As a door may bring it. */
const fast: FindDotLine = (where, from) => Buffer.from(where).indexOf('\r\n.', from)
/** Texts made of what matters. */
const text = fc
  .array(fc.constantFrom('\r\n', '\r', '\n', '.', 'a', 'bcd', '\r\n.', '\0'))
  .map((parts) => parts.join(''))
const size = fc.integer({ min: 1, max: 9 })

function chunks(whole: Uint8Array, length: number): Uint8Array[] {
  const pieces = []
  for (let at = 0; at < whole.length; at += length) pieces.push(whole.slice(at, at + length))
  return pieces
}

function stuff(kept: string, lineEnds: 'crlf' | 'lf', length: number, find = findDotLine): string {
  const pieces: Uint8Array[] = []
  const writer = new DotWriter(find)
  writer.begin({ octets: (piece) => void pieces.push(piece) }, lineEnds)
  for (const chunk of chunks(octets(kept), length)) writer.write(chunk)
  writer.end()
  return latin1(join(pieces))
}

function unstuff(wire: string, length: number, find = findDotLine): { content: string; left: string; ended: boolean } {
  const reader = new DotReader(find)
  reader.begin()
  const pieces: Uint8Array[] = []
  const parts = chunks(octets(wire), length)
  for (const [place, chunk] of parts.entries()) {
    const at = reader.read(chunk)
    if (reader.content !== undefined) pieces.push(reader.content)
    if (reader.ended) {
      const left =
        latin1(chunk.subarray(at)) +
        parts
          .slice(place + 1)
          .map(latin1)
          .join('')
      return { content: latin1(join(pieces)), left, ended: true }
    }
  }
  return { content: latin1(join(pieces)), left: '', ended: false }
}

test('what is stuffed and unstuffed is what it was, in any split', () => {
  fc.assert(
    fc.property(text, size, size, fc.constantFrom(findDotLine, fast), (kept, one, two, find) => {
      const wire = stuff(kept, 'crlf', one, find)
      const ended = kept === '' || kept.endsWith('\r\n') ? kept : `${kept}\r\n`
      assert.deepEqual(unstuff(`${wire}+OK`, two, find), { content: ended, left: '+OK', ended: true })
    }),
    { numRuns: 2000 },
  )
})

test('a message kept with LF has CRLF on the wire, and its dots are stuffed', () => {
  const lines = fc.array(fc.constantFrom('\n', '.', 'a', '..', 'b c')).map((parts) => parts.join(''))
  fc.assert(
    fc.property(lines, size, (kept, length) => {
      assert.equal(stuff(kept, 'lf', length), stuff(kept.replaceAll('\n', '\r\n'), 'crlf', 100))
    }),
  )
})

test('the two searches for a dot line find the same', () => {
  fc.assert(
    fc.property(text, fc.nat(5), (where, from) =>
      assert.equal(findDotLine(octets(where), from), fast(octets(where), from)),
    ),
    { numRuns: 2000 },
  )
})

test('a message without a dot line comes out as views of what went in', () => {
  const chunk = octets('Subject: a\r\n\r\nno dots. here\r\n')
  const reader = new DotReader()
  reader.begin()
  reader.read(chunk)
  assert.equal(reader.content?.buffer, chunk.buffer)
  const pieces: Uint8Array[] = []
  const writer = new DotWriter()
  writer.begin({ octets: (piece) => void pieces.push(piece) }, 'crlf')
  writer.write(chunk)
  assert.equal(pieces[0], chunk)
})

test('a message known to have no dot line is not searched, and ends as any other', () => {
  const pieces: Uint8Array[] = []
  const writer = new DotWriter(() => assert.fail('searched'))
  writer.begin({ octets: (piece) => void pieces.push(piece) }, 'crlf', true)
  for (const chunk of chunks(octets('a.\r\nb.'), 2)) writer.write(chunk)
  writer.end()
  assert.equal(latin1(join(pieces)), 'a.\r\nb.\r\n.\r\n')
})

test('lines are read the same in any split, and a line that is too long is an outcome', () => {
  const read = (whole: string, length: number): string[] => {
    const reader = new LineReader(4)
    const lines: string[] = []
    for (const chunk of chunks(octets(whole), length)) {
      for (let at = 0; at < chunk.length;) {
        const next = reader.read(chunk, at)
        if (next === -1) break
        lines.push(reader.tooLong ? 'too long' : `${reader.bare ? 'bare ' : ''}${reader.line}`)
        at = next
      }
    }
    return lines
  }
  assert.deepEqual(read('abcd\r\nabcde\r\nab\n\r\n\nabcdef\nx\r\n', 100), [
    'abcd',
    'too long',
    'bare ab',
    '',
    'bare ',
    'too long',
    'x',
  ])
  fc.assert(fc.property(text, size, (whole, length) => assert.deepEqual(read(whole, length), read(whole, 1000))))
})

test('an endless line is told at once and held no further', () => {
  const reader = new LineReader(10)
  const chunk = new Uint8Array(1 << 20).fill(0x61)
  for (let i = 0; i < 100; i++) assert.equal(reader.read(chunk), -1)
  assert.equal(reader.tooLong, true)
  assert.equal(reader.line, '')
})

test('what is gathered comes out in order', () => {
  const piece = fc.oneof(
    fc.nat(300).map((length) => 't'.repeat(length)),
    fc.constantFrom(0, 1, 100, 9000, 70_000).map((length) => new Uint8Array(length).fill(0x6f)),
  )
  fc.assert(
    fc.property(fc.array(fc.option(piece, { nil: undefined })), (pieces) => {
      const gather = new Gather()
      const got: Uint8Array[] = []
      let wanted = ''
      for (const one of pieces) {
        if (one === undefined) got.push(...gather.take())
        else if (typeof one === 'string') gather.text(one)
        else gather.octets(one)
        if (one !== undefined) wanted += typeof one === 'string' ? one : latin1(one)
      }
      const size = gather.size
      const rest = gather.take()
      assert.equal(join(rest).length, size)
      assert.equal(latin1(join([...got, ...rest])), wanted)
    }),
  )
})

test('what was gathered is a copy, and its memory is used again once it is written, not before', () => {
  const gather = new Gather()
  const lent = new Uint8Array(300_000).fill(1)
  gather.octets(lent)
  lent.fill(2)
  const first = gather.take()
  assert.ok(first.every((piece) => piece.every((octet) => octet === 1)))
  gather.octets(lent)
  const second = gather.take()
  assert.ok(first.every((piece) => piece.every((octet) => octet === 1)))
  const memory = new Set([...first, ...second].map((piece) => piece.buffer))
  gather.reuse()
  gather.octets(lent)
  assert.ok(gather.take().every((piece) => memory.has(piece.buffer)))
})

test('base64 is that of the platform, and what is not base64 is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (any) => {
      assert.equal(toBase64(any), Buffer.from(any).toString('base64'))
      assert.deepEqual(fromBase64(toBase64(any)), any)
    }),
  )
  for (const wrong of ['a', 'abc', '=abc', 'ab=c', 'abc!', 'YWI=YWI=', 'ab\n=', '====']) {
    assert.equal(fromBase64(wrong), undefined, wrong)
  }
  assert.deepEqual(fromBase64(toBase64(toOctets('perché'))), toOctets('perché'))
})
