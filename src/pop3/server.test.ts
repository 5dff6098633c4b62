import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Maildrop } from './maildrop.ts'
import { Pop3Server } from './server.ts'

const bodies = ['Subject: a\r\n\r\n.one\r\ntwo\r\n', 'Subject: b\n\nthree\n.\n', 'no end']
const maildrop = Maildrop.of([
  { uniqueId: 'a', octets: 25, lineEnds: 'crlf' },
  { uniqueId: 'b', octets: 24, lineEnds: 'lf' },
  { uniqueId: 'c', octets: 8, lineEnds: 'crlf' },
])

/** Runs a session over what a client sends, in chunks, and gives all that the server says. */
function session(
  client: string,
  size: number,
): { said: string; closed: string | undefined; removed: readonly number[] } {
  const server = new Pop3Server({ clearLogin: true, stls: true })
  let said = ''
  let closed: string | undefined
  let removed: readonly number[] = []
  const octets = Buffer.from(client, 'latin1')
  const run = (): void => {
    for (let need = server.next(); need !== undefined && closed === undefined; need = server.next()) {
      for (const piece of server.take()) said += Buffer.from(piece).toString('latin1')
      if (need.kind === 'log-in') {
        if (need.credentials.by === 'password' && need.credentials.password !== 'no') server.loggedIn(maildrop)
        else server.refuse('bad-login', (texts) => texts.wrongLogin)
      } else if (need.kind === 'read') {
        server.message(Buffer.from(bodies[need.number - 1] ?? ''))
        server.messageEnd()
      } else if (need.kind === 'update') {
        removed = need.removed
        server.updated()
      } else if (need.kind === 'handshake') closed = 'handshake'
      else if (need.kind === 'close') closed = need.why
    }
    for (const piece of server.take()) said += Buffer.from(piece).toString('latin1')
  }
  run()
  for (let at = 0; at < octets.length; at += size) {
    server.receive(octets.subarray(at, at + size))
    if (closed === undefined) run()
  }
  return { said, closed, removed }
}

const line = fc.oneof(
  fc.constantFrom(
    'STAT',
    'LIST',
    'UIDL',
    'RETR 1',
    'RETR 2',
    'RETR 3',
    'DELE 1',
    'DELE 2',
    'RSET',
    'NOOP',
    'CAPA',
    'TOP 1 1',
  ),
  fc.constantFrom(
    'USER a',
    'PASS no',
    'PASS yes',
    'AUTH PLAIN',
    'AUTH PLAIN =',
    '*',
    'QUIT',
    'STLS',
    'AUTH X',
    'APOP a b',
  ),
  fc.tuple(fc.constantFrom('RETR', 'DELE', 'LIST', 'TOP', '\u00ff', ''), fc.string()).map((words) => words.join(' ')),
  fc.string({ unit: 'binary' }),
)
const script = fc.tuple(
  fc.boolean(),
  fc.array(fc.tuple(line, fc.constantFrom('\r\n', '\r\n', '\n', '')), { maxLength: 30 }),
)
const client = script.map(([in_, lines]) => (in_ ? 'USER a\r\nPASS yes\r\n' : '') + lines.flat().join(''))

test('no client can make the engine throw, and how its octets are split changes nothing', () => {
  fc.assert(
    fc.property(client, fc.integer({ min: 1, max: 9 }), (said, size) => {
      assert.deepEqual(session(said, size), session(said, Infinity))
    }),
    { numRuns: 3000 },
  )
})

test('every reply is one of the grammar', () => {
  fc.assert(
    fc.property(client, (said) => {
      const { said: replies } = session(said, Infinity)
      assert.ok(replies.endsWith('\r\n'))
      for (const reply of replies.split('\r\n').slice(0, -1)) {
        assert.ok(reply.length <= 510, 'RFC 2449 §4')
        // RFC 2449 §3: a "[" begins a response code and stands nowhere else.
        if (/^[+-]/.test(reply)) assert.match(reply, /^(\+ |\+OK( [ -Z\\-~]*)?|-ERR( \[[A-Z/-]+\])?( [ -Z\\-~]*)?)$/)
      }
    }),
    { numRuns: 1000 },
  )
})

test('STAT is the sum of LIST, and UIDL lists the same numbers', () => {
  const marks = fc.array(
    fc.oneof(
      fc.integer({ min: 1, max: 3 }).map((number) => `DELE ${number}`),
      fc.constant('RSET'),
    ),
  )
  fc.assert(
    fc.property(marks, (lines) => {
      const ask = (command: string): string[] => {
        const all = session(`USER a\r\nPASS yes\r\n${[...lines, 'NOOP', command].join('\r\n')}\r\n`, Infinity).said
        return all.split('+OK\r\n').at(-1)?.split('\r\n') ?? []
      }
      const sizes = ask('LIST')
        .slice(1, -2)
        .map((entry) => entry.split(' ').map(Number))
      const octets = sizes.reduce((sum, [, one = 0]) => sum + one, 0)
      assert.equal(ask('STAT')[0], `+OK ${sizes.length} ${octets}`)
      const numbers = ask('UIDL')
        .slice(1, -2)
        .map((entry) => Number(entry.split(' ')[0]))
      assert.deepEqual(
        numbers,
        sizes.map(([number]) => number),
      )
    }),
  )
})

test('while a need is open, octets wait and the door is told to stop', () => {
  const server = new Pop3Server({ clearLogin: true })
  server.receive(Buffer.from('USER a\r\nPASS b\r\n'))
  assert.equal(server.next()?.kind, 'log-in')
  assert.equal(server.wants, true)
  server.receive(Buffer.from('NOOP\r\n'.repeat(20_000)))
  assert.equal(server.wants, false)
  assert.equal(server.next()?.kind, 'log-in', 'the need stays open')
})

test('replies do not pile up: the engine asks to be written out', () => {
  const many = Maildrop.of(
    Array.from({ length: 20_000 }, (_, n) => ({ uniqueId: `${n}`, octets: 1, lineEnds: 'crlf' as const })),
  )
  const server = new Pop3Server({ clearLogin: true })
  server.receive(Buffer.from(`USER a\r\nPASS b\r\n${'LIST\r\n'.repeat(1000)}`))
  server.next()
  server.loggedIn(many)
  assert.equal(server.next()?.kind, 'write')
  assert.ok(server.waiting < 1 << 20)
})

test('APOP is a need where there is a timestamp', () => {
  const server = new Pop3Server({ clearLogin: true, timestamp: '<1896.697170952@dbc.mtview.ca.us>' })
  server.next()
  assert.match(Buffer.concat(server.take()).toString(), /^\+OK [^<]*<1896\.697170952@dbc\.mtview\.ca\.us>\r\n$/)
  server.receive(Buffer.from('APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n'))
  assert.deepEqual(server.next(), {
    kind: 'log-in',
    credentials: {
      by: 'apop',
      login: 'mrose',
      timestamp: '<1896.697170952@dbc.mtview.ca.us>',
      digest: 'c4c9334bac560ecc979e58001b3e22fb',
    },
  })
})

test('an update that failed is told, and the connection closed', () => {
  const server = new Pop3Server({ clearLogin: true })
  server.receive(Buffer.from('USER a\r\nPASS b\r\nDELE 2\r\nDELE 1\r\nQUIT\r\n'))
  server.next()
  server.loggedIn(maildrop)
  assert.deepEqual(server.next(), { kind: 'update', removed: [1, 2] })
  server.take()
  server.refuse('try-later', (texts) => texts.nothingRemoved(texts.whyDiskFull))
  assert.deepEqual(server.next(), { kind: 'close', why: 'quit' })
  assert.equal(Buffer.concat(server.take()).toString(), '-ERR [SYS/TEMP] nothing was removed: the disk is full\r\n')
})

test('answering a need that is not open is the mistake of the caller', () => {
  const server = new Pop3Server()
  assert.throws(() => server.messageEnd(), { name: 'MisuseError', code: 'state' })
  assert.throws(() => server.message(new Uint8Array(1)), { name: 'MisuseError', code: 'state' })
})
