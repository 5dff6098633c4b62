import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { mechanisms } from '../sasl/mechanism.ts'
import type { SaslCrypto } from '../sasl/scram.ts'
import { languages } from './languages.ts'
import { Maildrop } from './maildrop.ts'
import type { ServerOptions } from './server-options.ts'
import { Pop3Server } from './server.ts'

const bodies = ['Subject: a\r\n\r\n.one\r\ntwo\r\n', 'Subject: b\n\nthree\n.\n', 'no end']
const maildrop = Maildrop.of([
  { uniqueId: 'a', octets: 25, lineEnds: 'crlf' },
  { uniqueId: 'b', octets: 24, lineEnds: 'lf' },
  { uniqueId: 'c', octets: 8, lineEnds: 'crlf' },
])

const crypto: SaslCrypto = {
  sha256: (octets) => createHash('sha256').update(octets).digest(),
  hmac: (key, octets) => createHmac('sha256', key).update(octets).digest(),
  random: (count) => new Uint8Array(count),
}
const keys = { salt: Buffer.from('salt'), iterations: 4096, storedKey: Buffer.alloc(32), serverKey: Buffer.alloc(32) }

interface Told {
  said: string
  closed: string | undefined
  removed: readonly number[]
}

/** Runs a session over what a client sends, in chunks, and gives all that the server says. */
function session(client: string, size: number, options: ServerOptions = {}): Told {
  const server = new Pop3Server({ clearLogin: true, stls: true, mechanisms, crypto, ...options })
  let said = ''
  let closed: string | undefined
  let removed: readonly number[] = []
  const octets = Buffer.from(client, 'latin1')
  const run = (): void => {
    for (let need = server.next(); need !== undefined && closed === undefined; need = server.next()) {
      for (const piece of server.take()) said += Buffer.from(piece).toString('latin1')
      if (need.kind === 'log-in') {
        const { credentials } = need
        if (credentials.by === 'password' && credentials.password === 'yes') server.loggedIn(maildrop)
        else server.refuse('bad-login', (texts) => texts.wrongLogin)
      } else if (need.kind === 'keys') server.keys({ ...keys, known: false })
      else if (need.kind === 'read') {
        if (need.number === 3) server.messageFailed('needs-utf8', (texts) => texts.needsUtf8)
        else {
          server.message(Buffer.from(bodies[need.number - 1] ?? ''))
          server.messageEnd()
        }
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

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const responses = ['a', 'yes', '\0a\0yes', 'n,,n=a,r=x', 'c=biws,r=x,p=AAAA', 'user=a\x01auth=Bearer t\x01\x01']
const line = fc.oneof(
  fc.constantFrom(...'STAT,LIST,UIDL,RETR 1,RETR 2,RETR 3,DELE 1,DELE 2,RSET,NOOP,CAPA,TOP 1 1'.split(',')),
  fc.constantFrom(...'UTF8,LANG,LANG it,LANG fr-CA,LANG *,LANG tlh,LAST,USER a,PASS no,PASS yes,QUIT,STLS'.split(',')),
  fc.constantFrom(...'APOP a b,AUTH,AUTH X,AUTH PLAIN,AUTH PLAIN =,AUTH LOGIN,AUTH SCRAM-SHA-256'.split(',')),
  fc.constantFrom('AUTH OAUTHBEARER', 'AUTH XOAUTH2', '*', '=', ''),
  fc.constantFrom(...responses.map(base64)),
  fc.constantFrom(
    `AUTH SCRAM-SHA-256 ${base64('n,,n=a,r=x')}`,
    `AUTH OAUTHBEARER ${base64('n,,\x01auth=Bearer t\x01\x01')}`,
    `AUTH PLAIN ${base64('b\0a\0yes')}`,
  ),
  fc
    .tuple(fc.constantFrom('RETR', 'DELE', 'LIST', 'TOP', 'LANG', 'USER', 'AUTH', '\u00ff', ''), fc.string())
    .map((words) => words.join(' ')),
  fc.string({ unit: 'binary' }),
)
const script = fc.tuple(
  fc.boolean(),
  fc.array(fc.tuple(line, fc.constantFrom('\r\n', '\r\n', '\n', '')), { maxLength: 30 }),
)
const client = script.map(([in_, lines]) => (in_ ? 'USER a\r\nPASS yes\r\n' : '') + lines.flat().join(''))
const options = fc.record(
  {
    clearLogin: fc.boolean(),
    secure: fc.boolean(),
    utf8: fc.boolean(),
    timestamp: fc.constant('<1@a>'),
    bindings: fc.constant(() => new Uint8Array(32)),
    languages: fc.shuffledSubarray([...languages]),
    mechanisms: fc.shuffledSubarray([...mechanisms]),
    policy: fc.record({ expire: fc.constantFrom(0, 30, 'never' as const), loginDelay: fc.nat(900) }),
  },
  { requiredKeys: [] },
)

test('no client can make the engine throw, and how its octets are split changes nothing', () => {
  fc.assert(
    fc.property(client, fc.integer({ min: 1, max: 9 }), options, (said, size, given) => {
      assert.deepEqual(session(said, size, given), session(said, Infinity, given))
    }),
    { numRuns: 3000 },
  )
})

test('every reply is one of the grammar, in every language', () => {
  fc.assert(
    fc.property(client, options, (said, given) => {
      const { said: replies } = session(said, Infinity, given)
      assert.ok(replies.endsWith('\r\n'))
      // Whole characters of UTF-8, and none but ASCII before somebody asked for more (RFC 6856).
      const asked = /^(?:UTF8|LANG)/im.test(said)
      const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(replies, 'latin1'))
      if (!asked) assert.match(text, /^[\0-\x7f]*$/)
      for (const reply of text.split('\r\n').slice(0, -1)) {
        assert.ok(Buffer.byteLength(reply) <= 510, 'RFC 2449 §4')
        // RFC 2449 §3: a "[" begins a response code and stands nowhere else.
        if (/^[+-]/.test(reply))
          assert.match(reply, /^(\+ [\w+/=]*|\+OK( [^[\p{Cc}]*)?|-ERR( \[[A-Z0-9/-]+\])?( [^[\p{Cc}]*)?)$/u)
      }
    }),
    { numRuns: 2000 },
  )
})

test('a reply has 512 octets at most, and is never cut within a character', () => {
  for (const [tag, most] of [
    ['en', 510],
    ['it', 509],
  ] as const) {
    const server = new Pop3Server({ clearLogin: true })
    server.receive(Buffer.from(`LANG ${tag}\r\nUSER a\r\nPASS b\r\n`))
    assert.equal(server.next()?.kind, 'log-in')
    server.take()
    // "-ERR [IN-USE] " has 14 octets, so that two octets a letter do not end at 510 behind one more.
    server.refuse('in-use', () => (tag === 'en' ? 'x'.repeat(1000) : `x${'è'.repeat(600)}`))
    server.next()
    const reply = Buffer.concat(server.take())
    assert.equal(reply.length, most + 2)
    assert.match(reply.toString(), /^-ERR \[IN-USE\] x[xè]+\r\n$/)
  }
})

test('a text can neither forge a line nor a response code', () => {
  const server = new Pop3Server({ clearLogin: true })
  server.receive(Buffer.from('USER a\r\nPASS b\r\n'))
  server.next()
  server.take()
  server.refuse('no', () => '[AUTH] a\r\n+OK b\0\x1b[1m')
  server.next()
  assert.equal(Buffer.concat(server.take()).toString(), '-ERR (AUTH] a??+OK b??(1m\r\n')
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

test('replies do not pile up: the engine asks to be written out, within a long listing too', () => {
  const many = Maildrop.of(Array.from({ length: 100_000 }, (_, n) => ({ uniqueId: `${n}`, octets: 1 })))
  const server = new Pop3Server({ clearLogin: true })
  server.receive(Buffer.from(`USER a\r\nPASS b\r\n${'LIST\r\n'.repeat(3)}DELE 1\r\nUIDL\r\nNOOP\r\n`))
  server.next()
  server.loggedIn(many)
  let said = ''
  for (let need = server.next(); need !== undefined; need = server.next()) {
    assert.equal(need.kind, 'write')
    assert.ok(server.waiting < 300_000)
    said += Buffer.concat(server.take()).toString()
    server.written()
  }
  said += Buffer.concat(server.take()).toString()
  const numbers = Array.from({ length: 100_000 }, (_, n) => n + 1)
  const sizes = numbers.map((number) => `${number} 1\r\n`).join('')
  const ids = numbers.slice(1).map((number) => `${number} ${number - 1}\r\n`)
  const lists = `+OK 100000 messages (100000 octets)\r\n${sizes}.\r\n`.repeat(3)
  assert.equal(
    said.slice(said.indexOf('+OK 100000')),
    `${lists}+OK message 1 marked as deleted\r\n+OK 99999 messages (99999 octets)\r\n${ids.join('')}.\r\n+OK\r\n`,
  )
})

test('a gigabyte without a line end is told once, and nothing of it is kept', () => {
  const server = new Pop3Server({ clearLogin: true })
  const chunk = Buffer.alloc(64 << 10, 0x61)
  for (let sent = 0; sent < 1 << 30; sent += chunk.length) {
    server.receive(chunk)
    server.next()
  }
  assert.deepEqual(server.next(), { kind: 'close', why: 'endless line' })
  assert.match(Buffer.concat(server.take()).toString(), /^\+OK .*\r\n-ERR the line has no end\r\n$/)
})

test('without languages there is no LANG', () => {
  const { said } = session('LANG\r\nLANG en\r\nCAPA\r\n', Infinity, { languages: [] })
  assert.match(said, /^\+OK .*\r\n-ERR LANG is not offered here\r\n-ERR LANG .*\r\n\+OK/)
  assert.doesNotMatch(said, /^LANG/m)
})

test('exchanges that are given up leave nothing behind', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const server = new Pop3Server({ clearLogin: true, mechanisms, crypto })
  const first = base64('n,,n=a,r=x')
  const given = Buffer.from(
    `AUTH LOGIN\r\n*\r\nAUTH LOGIN\r\n${base64('a')}\r\n*\r\nAUTH PLAIN\r\n!\r\nAUTH SCRAM-SHA-256 ${first}\r\n*\r\n`.repeat(
      50,
    ),
  )
  const abort = (exchanges: number): number => {
    for (let done = 0; done < exchanges; done += 200) {
      server.receive(given)
      for (let need = server.next(); need !== undefined; need = server.next()) {
        if (need.kind === 'keys') server.keys({ ...keys, known: false })
        else assert.equal(need.kind, 'write')
      }
      server.take()
      server.written()
    }
    collect()
    return process.memoryUsage().heapUsed
  }
  // Twice, for code that is compiled meanwhile is kept there, too; what is left behind would be each time.
  const [before, after, again] = [abort(20_000), abort(100_000), abort(100_000)]
  assert.ok(Math.min(after - before, again - after) < 256 << 10)
  assert.equal(server.state, 'AUTHORIZATION')
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

test('who needs keys is asked for them, and may be refused them', () => {
  const server = new Pop3Server({ clearLogin: true, mechanisms, crypto })
  server.receive(Buffer.from(`AUTH SCRAM-SHA-256 ${base64('n,,n=a,r=x')}\r\nNOOP\r\n`))
  assert.deepEqual(server.next(), { kind: 'keys', login: 'a' })
  server.take()
  server.refuse('try-later', (texts) => texts.tooManyLogIns)
  assert.equal(server.next(), undefined)
  assert.match(Buffer.concat(server.take()).toString(), /^-ERR \[SYS\/TEMP\] too many .*\r\n-ERR NOOP needs .*\r\n$/)
  assert.throws(() => server.keys({ ...keys, known: true }), { name: 'MisuseError', code: 'state' })
})

test('the door learns whether the client asked for UTF8, and in which language to speak', () => {
  const server = new Pop3Server({ clearLogin: true })
  assert.deepEqual([server.utf8, server.language.tag], [false, 'en'])
  server.receive(Buffer.from('UTF8\r\nLANG it\r\n'))
  server.next()
  assert.deepEqual([server.utf8, server.language.tag], [true, 'it'])
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
