import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromLine, fromLineDate, MboxQuoter, MboxSplitter } from './mbox.ts'

interface Found {
  received: number | undefined
  octets: string
}

function split(mbox: string, chunks: readonly number[]): Found[] {
  const all = Buffer.from(mbox, 'latin1')
  const splitter = new MboxSplitter()
  const found: Found[] = []
  const follow = (parts: ReturnType<MboxSplitter['push']>): void => {
    for (const part of parts) {
      if (part.kind === 'start') found.push({ received: part.received, octets: '' })
      const last = found.at(-1)
      if (part.kind === 'octets' && last !== undefined) last.octets += Buffer.from(part.octets).toString('latin1')
    }
  }
  let at = 0
  for (let turn = 0; at < all.length; turn++) {
    const size = Math.max(1, chunks[turn % Math.max(chunks.length, 1)] ?? all.length)
    follow(splitter.push(all.subarray(at, at + size)))
    at += size
  }
  follow(splitter.end())
  return found
}

/** The same by lines, whole in memory: slow and plain. */
function splitPlainly(mbox: string): string[] {
  const lines = mbox.match(/[^\n]*\n|[^\n]+$/g) ?? []
  const found: string[][] = []
  const blank = (line: string | undefined): boolean => line === '\n' || line === '\r\n'
  for (const line of lines) {
    const current = found.at(-1)
    const whole = line.startsWith('From ') && line.endsWith('\n')
    if (current === undefined) found.push(whole ? [] : [line])
    else if (whole && blank(current.at(-1))) {
      current.pop()
      found.push([])
    } else current.push(line)
  }
  const last = found.at(-1)
  if (blank(last?.at(-1))) last?.pop()
  return found.map((each) => each.map((line) => (/^>+From /.test(line) ? line.slice(1) : line)).join(''))
}

const word = fc.constantFrom(
  'From ',
  'From',
  '>',
  '>>',
  '\n',
  '\r\n',
  '\r',
  'x',
  'Fro',
  '\0',
  'é',
  'From a\n\nFrom b\n',
)
const text = fc.array(word, { maxLength: 20 }).map((words) => words.join(''))
const chunks = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })

test('an mbox is split the same at any chunking, and as its lines say', () => {
  fc.assert(
    fc.property(text, chunks, (body, sizes) => {
      const mbox = `From someone\n${body}`
      assert.deepEqual(
        split(mbox, sizes).map(({ octets }) => octets),
        splitPlainly(mbox),
      )
    }),
    { numRuns: 3000 },
  )
})

test('messages quoted for an mbox come out of it again, at any chunking', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), chunks, chunks, (bodies, sizes, others) => {
      const messages = bodies.map((body) => (body === '' || body.endsWith('\n') ? body : `${body}\n`))
      const mbox = messages.map((each) => `${fromLine('a@b.it', 0)}${quote(each, others)}\n`).join('')
      assert.deepEqual(
        split(mbox, sizes).map(({ octets }) => octets),
        messages,
      )
    }),
    { numRuns: 3000 },
  )
})

function quote(message: string, sizes: readonly number[]): string {
  const quoter = new MboxQuoter()
  const all = Buffer.from(message, 'latin1')
  let out = ''
  let at = 0
  for (let turn = 0; at < all.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    for (const part of quoter.push(all.subarray(at, at + size))) out += Buffer.from(part).toString('latin1')
    at += size
  }
  return out + Buffer.from(quoter.end()).toString('latin1')
}

test('a line longer than any From line is text, and is not held', () => {
  const long = `From ${'x'.repeat(100_000)}\n`
  const mbox = `From a\nA: b\n\n${long}tail\n`
  for (const size of [1000, 4096, 1 << 20]) {
    assert.deepEqual(split(mbox, [size]), [{ received: undefined, octets: `A: b\n\n${long}tail\n` }])
  }
})

test('a run of a million > before From is quoted and unquoted without holding it', () => {
  const message = `A: b\n\n${'>'.repeat(1_000_000)}From here\n`
  const mbox = `From a\n${quote(message, [4096])}\n`
  assert.equal(mbox.length, message.length + 'From a\n'.length + 2)
  assert.equal(split(mbox, [4096])[0]?.octets, message)
})

test('Content-Length is not believed', () => {
  const found = split('From a\nContent-Length: 100\n\nbody\n\nFrom b\nA: b\n\n', [3])
  assert.deepEqual(
    found.map(({ octets }) => octets),
    ['Content-Length: 100\n\nbody\n', 'A: b\n'],
  )
})

test('the date of a From line is read in the forms that programs write', () => {
  const time = Date.UTC(2026, 10, 23, 14, 34, 53)
  for (const line of [
    'From mario@example.it Mon Nov 23 14:34:53 2026',
    'From - Mon Nov 23 14:34:53 2026',
    'From mario@example.it Mon Nov 23 15:34:53 +0100 2026',
    'From mario@example.it Mon Nov 23 09:34:53 2026 -0500',
    'From "a b"@c  Mon Nov 23 14:34:53 UTC 2026 remote from d\r',
    fromLine('x', time),
  ]) {
    assert.equal(fromLineDate(line), time, line)
  }
  assert.equal(fromLineDate('From nobody'), undefined)
  assert.equal(fromLineDate('From a Mon Xyz 23 14:34:53 2026'), undefined)
})
