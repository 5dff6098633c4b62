import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { MisuseError, PeerError, RefusedError, StoreError } from '../errors.ts'
import { count, dateText, durationText, octetsText, plural } from './amounts.ts'
import { briefly } from './briefly.ts'
import { describeAccountFailure, describeFailure, exitCodeOf } from './failure.ts'
import { parseListen } from './listen-address.ts'
import { messageLine } from './message-line.ts'
import { nearest } from './nearest.ts'
import { columnsOf } from '../search/columns.ts'
import { Notes } from './notes.ts'
import { fit, printable, singleLine, wrap, wrapWords } from './printable.ts'
import { barText, Progress } from './progress.ts'
import { isThisMachine } from './server-option.ts'

test('listen addresses', () => {
  assert.deepEqual(parseListen('pop3=127.0.0.1:0', '--listen'), { service: 'pop3', host: '127.0.0.1', port: 0 })
  assert.deepEqual(parseListen('pop3s=[::1]:995', '--listen'), { service: 'pop3s', host: '::1', port: 995 })
  for (const wrong of [
    '',
    'pop3',
    'pop3=1110',
    'pop3=:1110',
    'pop3=::1:1110',
    'pop3=127.0.0.1',
    'pop3=127.0.0.1:x',
    '=a:1',
  ])
    assert.throws(() => parseListen(wrong, '--listen'), MisuseError, wrong)
})

test('what can only be this machine', () => {
  assert.deepEqual(['LOCALHOST', '127.1.2.3', '::1', '127.0.0.1.evil.example', '10.0.0.1'].map(isThisMachine), [
    true,
    true,
    true,
    false,
    false,
  ])
})

test('of many things that went wrong the first are told', () => {
  assert.deepEqual(briefly(['a', 'b', 'c', 'd']), ['a', 'b', 'c', 'd'])
  assert.deepEqual(briefly(['a', 'b', 'c', 'd', 'e', 'f']), ['a', 'b', 'c', 'and 3 more'])
})

test('the nearest word', () => {
  assert.equal(nearest('evry', ['every', 'parallel']), 'every')
  assert.equal(nearest('Listen', ['listen']), 'listen')
  assert.equal(nearest('colour', ['listen', 'every']), undefined)
})

test('amounts for people', () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(count), ['0', '999', '1,000', '1,234,567'])
  assert.deepEqual([plural(1, 'message'), plural(20_000, 'message')], ['1 message', '20,000 messages'])
  assert.deepEqual([0, 999, 1000, 12_345, 999_949, 20_000_000, 3e12].map(octetsText), [
    '0 B',
    '999 B',
    '1.0 kB',
    '12.3 kB',
    '1.0 MB',
    '20.0 MB',
    '3.0 TB',
  ])
  assert.deepEqual([0, 0.0004, 0.0994, 0.0996, 9.94, 12.4, 200, 7500].map(durationText), [
    '0 ms',
    '0 ms',
    '99 ms',
    '0.1 s',
    '9.9 s',
    '12 s',
    '3 min 20 s',
    '2 h 5 min',
  ])
})

test('nothing that steers a terminal is left in what is printed', () => {
  assert.equal(printable('a\u001b[2Jb\r\nc\u009b31m\u202e\u0000'), 'a[2Jb\nc31m')
  assert.equal(singleLine(' a\n\tb\u2028c '), 'a b c')
  const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/ // oxlint-disable-line no-control-regex
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => !steering.test(printable(text)) && !/\n/.test(singleLine(text)),
    ),
  )
})

test('a column is as wide as it was asked to be, whatever the script', () => {
  assert.equal(columnsOf('日本語'), 6)
  assert.equal(columnsOf('e\u0301'), 1)
  assert.equal(fit('日本語です', 6), '日本… ')
  assert.equal(fit('perché', 8), 'perché  ')
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.integer({ min: 1, max: 40 }),
      (text, columns) => columnsOf(fit(text, columns)) === columns,
    ),
  )
})

test('a long text is wrapped between words, or anywhere where there are none, and nothing of it is lost', () => {
  assert.deepEqual(wrap('ciao a tutti voi', 8), ['ciao a', 'tutti', 'voi'])
  assert.deepEqual(wrap('ciao a tutti', 7), ['ciao a', 'tutti'])
  assert.deepEqual(wrap('日本語です', 5), ['日本', '語で', 'す'])
  assert.deepEqual([wrap('', 5), wrap('ciao', 4)], [[], ['ciao']])
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 40 }), (text, columns) => {
      const lines = wrap(text, columns)
      assert.equal(lines.join('').replaceAll(' ', ''), text.replaceAll(' ', ''))
      assert.ok(lines.every((line) => columnsOf(line) <= columns))
    }),
  )
})

test('what is said of a message fits the terminal; elsewhere nothing is cut', () => {
  const message = { id: 12, date: 0, from: 'Anna Bianchi <anna@example.it>', subject: 'Perché 日本語 '.repeat(20) }
  for (const columns of [60, 80, 200]) {
    const text = messageLine(message, columns)
    assert.ok(columnsOf(text) < columns && columnsOf(text) > columns - 4, text)
    assert.ok(text.startsWith(`    12  ${dateText(0)}  Anna Bianchi  `), text)
  }
  const [id, , from, subject] = messageLine(message, undefined).split('\t')
  assert.deepEqual([id, from, subject], ['12', message.from, message.subject.trim()])
})

test('the bar never is wider than the terminal, and says the most important where there is little room', () => {
  const amount = { messages: 10_000, octets: 250_000_000, ofMessages: 20_000, ofOctets: 500_000_000 }
  assert.equal(
    barText('fetching from 2 accounts', amount, 50_000_000, 130),
    'Fetching from 2 accounts  [##########..........]  10,000 of 20,000 messages  250 MB of 500 MB  50.0 MB/s  5.0 s left',
  )
  assert.equal(barText('fetching', amount, 50_000_000, 30), '10,000 of 20,000 messages')
  assert.equal(
    barText('fetching from 2 accounts', amount, 50_000_000, 79),
    '[#####.....]  10,000 of 20,000  250 MB of 500 MB  50.0 MB/s  5.0 s left',
  )
  assert.equal(barText('importing', { messages: 3, octets: 12 }, undefined, 80), 'Importing  3 messages  12 B')
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(),
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 0, max: 200 }),
      (messages, octets, ofMessages, ofOctets, columns) => {
        return (
          columnsOf(barText('fetching', { messages, octets, ofMessages, ofOctets }, octets / 3, columns)) <= columns
        )
      },
    ),
  )
})

test('what the bar shows stays the same from the beginning to the end', () => {
  const [ofMessages, ofOctets] = [12_345, 678_900_000]
  const shownAt = (part: number, rate: number | undefined, columns: number): string[] => {
    const amount = {
      messages: Math.round(part * ofMessages),
      octets: Math.round(part * ofOctets),
      ofMessages,
      ofOctets,
    }
    const text = barText('fetching from mario@example.it', amount, rate, columns)
    return ['Fetching', '[', ' of 12,345', 'messages', ' of 679 MB'].filter((word) => text.includes(word))
  }
  for (let columns = 20; columns < 140; columns++) {
    const first = shownAt(0, undefined, columns)
    for (const rate of [undefined, 0, 1_000, 250_000, 8_765_432, 123_456_789])
      for (const part of [0, 0.001, 0.05, 0.5, 0.999, 1])
        assert.deepEqual(shownAt(part, rate, columns), first, `${columns} columns, ${part}, ${rate}`)
  }
})

test('off a terminal, long work gives a line now and then, and none when it ends', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const written: string[] = []
  const stream = new Writable({ decodeStrings: false, write: (text: string, _, done) => done(void written.push(text)) })
  const progress = new Progress(new Notes(stream as NodeJS.WriteStream, false), 'importing for mario')
  progress.update({ messages: 1234, octets: 5_600_000 })
  t.mock.timers.tick(29_000)
  assert.deepEqual(written, ['importing for mario …\n'])
  t.mock.timers.tick(1_000)
  assert.deepEqual(written.splice(1), ['importing for mario: 1,234 messages, 5.6 MB so far\n'])
  progress.about('importing for anna')
  t.mock.timers.tick(30_000)
  assert.deepEqual(written.splice(1), ['importing for anna: 1,234 messages, 5.6 MB so far\n'])
  progress.end()
  t.mock.timers.tick(60_000)
  assert.deepEqual(written, ['importing for mario …\n'])
})

test('every error is one line and has its exit code; what can be tried again is 75', () => {
  const codes: [unknown, number][] = [
    [new MisuseError('usage', 'x'), 2],
    [new MisuseError('configuration', 'x'), 2],
    [new StoreError('busy', 'x'), 75],
    [new StoreError('disk-full', 'x'), 1],
    [new RefusedError('in-use', '', 'x'), 75],
    [new RefusedError('bad-login', '', 'x'), 1],
    [new PeerError('timed-out', 'x'), 1],
    [new Error('x'), 1],
  ]
  for (const [error, code] of codes) assert.equal(exitCodeOf(error), code, String(error))
  assert.equal(describeFailure(new PeerError('protocol', 'it said\r\n\u001b[2J')), 'it said [2J')
  assert.match(
    describeFailure(new TypeError('x is not a function')),
    /^unexpected: x is not a function \(POSTINO_DEBUG=1/,
  )
  const missing = Object.assign(new Error('ENOENT: …'), { code: 'ENOENT', path: '/nowhere' })
  assert.equal(describeFailure(missing), '/nowhere: there is no such file or folder')
  assert.match(describeAccountFailure(new RefusedError('bad-login', '[AUTH]', 'refused')), /^refused; check the login/)
})

test('what is wrapped is cut between words, and what can be copied stays whole', () => {
  const text = 'note: its long fingerprint is sha256:0123456789abcdef0123456789; `postino account set x` takes it'
  assert.deepEqual(wrapWords(text, 24, 2), [
    'note: its long',
    '  fingerprint is',
    '  sha256:0123456789abcdef0123456789;',
    '  `postino account set x`',
    '  takes it',
  ])
  assert.deepEqual(wrapWords(text, undefined, 2), [text])
  assert.deepEqual(wrapWords('  a  b', 80, 2), ['  a  b'])
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (any, columns) => {
      const words = (some: string): string => some.replace(/ +/g, ' ').trim()
      assert.equal(words(wrapWords(any, columns, 2).join(' ')), words(any))
    }),
  )
})
