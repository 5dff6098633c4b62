import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { toOctets, toText } from '../wire/octets.ts'
import type { ClientEvent } from './client-event.ts'
import type { ClientMechanism } from '../sasl/mechanism.ts'
import { Pop3Client } from './client.ts'
import type { Command } from './command.ts'

/** Feeds what a server says in chunks and tells all events, octets of messages as text and joined. */
function told(client: Pop3Client, server: string | Uint8Array, size = Infinity): string[] {
  const octets = typeof server === 'string' ? toOctets(server) : server
  const said: string[] = []
  let message = ''
  const drain = (): void => {
    for (let event = client.next(); event !== undefined; event = client.next()) {
      if (event.kind === 'octets') message += Buffer.from(event.octets).toString('latin1')
      else {
        if (message !== '') said.push(`octets ${message}`)
        message = ''
        said.push(word(event))
      }
    }
  }
  drain()
  for (let at = 0; at < octets.length; at += size) {
    client.receive(octets.slice(at, at + size))
    drain()
  }
  if (message !== '') said.push(`octets ${message}`)
  return said
}

function word(event: ClientEvent): string {
  switch (event.kind) {
    case 'send':
      return `send ${toText(event.octets)}`
    case 'greeting':
      return `greeting ${event.ok} ${event.text}`
    case 'reply':
      return `${event.command.verb} ${event.ok ? 'ok' : event.reason} ${event.text}`
    case 'sizes':
      return `sizes ${event.sizes.map((one) => `${one.number}:${one.octets}`).join(' ')} bad ${event.bad.join('|')}`
    case 'unique-ids':
      return `ids ${event.uniqueIds.map((one) => `${one.number}:${one.uniqueId}`).join(' ')} bad ${event.bad.join('|')}`
    case 'languages':
      return `languages ${event.languages.map((one) => `${one.tag}=${one.name}`).join(' ')} bad ${event.bad.join('|')}`
    case 'maildrop':
      return `maildrop ${event.size.messages} ${event.size.octets}`
    case 'capabilities':
      return `capabilities ${[...event.capabilities.all.keys()].join(' ')}`
    case 'end':
      return `end ${event.command.verb}`
    case 'broken':
      return `broken ${event.error.code}`
    case 'octets':
    case 'handshake':
      return event.kind
  }
}

function greeted(...commands: Command[]): Pop3Client {
  const client = new Pop3Client({ lineLimit: 100 })
  told(client, '+OK ready\r\n')
  client.pipelining = true
  for (const command of commands) client.send(command)
  client.next()
  return client
}

test('commands leave one by one until CAPA says PIPELINING, then together', () => {
  const client = new Pop3Client()
  for (const verb of ['CAPA', 'STAT', 'NOOP'] as const) client.send({ verb })
  assert.deepEqual(told(client, ''), [], 'nothing leaves before the greeting')
  assert.deepEqual(told(client, '+OK\r\n'), ['greeting true ', 'send CAPA\r\n'])
  assert.deepEqual(told(client, '+OK\r\nPIPELINING\r\nuidl\r\n.\r\n'), [
    'CAPA ok ',
    'capabilities PIPELINING UIDL',
    'end CAPA',
    'send STAT\r\nNOOP\r\n',
  ])
  assert.deepEqual(told(client, '+OK 2 320\r\n-ERR [SYS/TEMP] later\r\n'), [
    'STAT ok 2 320',
    'maildrop 2 320',
    'end STAT',
    'NOOP try-later [SYS/TEMP] later',
    'end NOOP',
  ])
})

test('a server that is none of POP3 is told by its first line, and so is one of IMAP', () => {
  for (const [line, why] of [
    ['220 mail.example.it ESMTP', /^this is no POP3 server: its first line is "220 mail/],
    ['* OK [CAPABILITY IMAP4rev1] ready', /^this is no POP3 server, it speaks IMAP: its first line is "\* OK/],
  ] as const) {
    const client = new Pop3Client()
    client.receive(Buffer.from(`${line}\r\n`))
    const event = client.next()
    assert.ok(event?.kind === 'broken', line)
    assert.match(event.error.message, why)
  }
})

test('RETR gives the octets without stuffed dots, in any split', () => {
  const server = '+OK\r\na\r\n..b\r\n.c\r\n\n.\r\nd\r\n.\r\n-ERR gone\r\n+OK\r\n.\r\n'
  for (const size of [1, 2, 3, 7, Infinity]) {
    const client = greeted(
      { verb: 'RETR', number: 1 },
      { verb: 'RETR', number: 2 },
      { verb: 'TOP', number: 3, lines: 0 },
    )
    assert.deepEqual(told(client, server, size), [
      'RETR ok ',
      'octets a\r\n.b\r\nc\r\n\n.\r\nd\r\n',
      'end RETR',
      'RETR no gone',
      'end RETR',
      'TOP ok ',
      'end TOP',
    ])
  }
})

test('a status line that ends in LF alone makes the lines of its reply do so', () => {
  const client = greeted({ verb: 'RETR', number: 1 })
  assert.deepEqual(told(client, '+OK\na\n..b\n.\n'), ['RETR ok ', 'octets a\n.b\n', 'end RETR'])
})

test('bad lines of a listing are told beside the good ones', () => {
  const client = greeted({ verb: 'LIST' }, { verb: 'UIDL' }, { verb: 'LIST', number: 2 })
  assert.deepEqual(
    told(client, '+OK\r\n1 20\r\nx\r\n0 3\r\n 3\t30 more\r\n.\r\n+OK\r\n1 a\r\n2\r\n3 b c\r\n.\r\n+OK 2 9\r\n'),
    [
      'LIST ok ',
      'sizes 1:20 3:30 bad x|0 3',
      'end LIST',
      'UIDL ok ',
      'ids 1:a 3:b c bad 2',
      'end UIDL',
      'LIST ok 2 9',
      'sizes 2:9 bad ',
      'end LIST',
    ],
  )
})

test('nothing leaves behind STLS before the handshake, and what was learnt before it is forgotten', () => {
  const client = greeted({ verb: 'STLS' }, { verb: 'STAT' })
  assert.deepEqual(told(client, '+OK go\r\n'), ['STLS ok go', 'end STLS', 'handshake'])
  client.secured()
  assert.equal(client.pipelining, false)
  assert.deepEqual(told(client, ''), ['send STAT\r\n'])
})

test('octets in the clear behind the answer to STLS break the session', () => {
  assert.deepEqual(told(greeted({ verb: 'STLS' }), '+OK go\r\n+OK injected\r\n'), ['broken protocol'])
  const client = greeted({ verb: 'STLS' })
  told(client, '+OK go\r\n')
  assert.deepEqual(told(client, '+'), ['broken protocol'])
})

test('AUTH PLAIN sends its response with the command if the line stays within 255 octets, else when asked', () => {
  const short = new Pop3Client()
  short.send({ verb: 'AUTH', mechanism: 'PLAIN', login: 'tim', password: 'tanstaaftanstaaf' })
  assert.deepEqual(told(short, '+OK\r\n').at(-1), 'send AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n')
  const long = new Pop3Client()
  long.send({ verb: 'AUTH', mechanism: 'PLAIN', login: 'tim', password: 'p'.repeat(200) })
  assert.equal(told(long, '+OK\r\n').at(-1), 'send AUTH PLAIN\r\n')
  assert.match(told(long, '+ \r\n').at(-1) ?? '', /^send AHRpbQBwcHBw\w+=*\r\n$/)
  assert.deepEqual(told(long, '+ \r\n'), ['send *\r\n'])
  assert.deepEqual(told(long, '-ERR [AUTH] no\r\n'), ['AUTH bad-login [AUTH] no', 'end AUTH'])
})

test('what breaks the protocol becomes an event, and nothing follows it', () => {
  assert.deepEqual(told(new Pop3Client(), 'HTTP/1.1 400\r\n+OK\r\n'), ['broken protocol'])
  assert.deepEqual(told(greeted({ verb: 'STAT' }), '+OK many\r\n'), ['broken protocol'])
  assert.deepEqual(told(greeted({ verb: 'NOOP' }), 'hello\r\n'), ['broken protocol'])
  assert.deepEqual(told(greeted(), '-ERR idle too long\r\n'), ['broken protocol'], 'unasked')
  assert.deepEqual(told(greeted({ verb: 'NOOP' }), `+OK ${'x'.repeat(200)}`), ['broken line-too-long'])
  assert.deepEqual(told(greeted({ verb: 'UIDL' }), `+OK\r\n1 ${'x'.repeat(200)}`), ['UIDL ok ', 'broken line-too-long'])
  const client = greeted({ verb: 'RETR', number: 1 })
  client.receive(toOctets('+OK\r\nhalf'))
  client.lost()
  assert.deepEqual(told(client, ''), ['RETR ok ', 'octets half', 'broken connection-lost'])
})

test('the end behind the answer to QUIT is as it should be', () => {
  const client = greeted({ verb: 'QUIT' })
  client.receive(toOctets('+OK bye\r\n'))
  client.lost()
  assert.deepEqual(told(client, ''), ['QUIT ok bye', 'end QUIT'])
})

test('a command with a line end in it cannot be spelt', () => {
  const client = greeted()
  assert.throws(() => client.send({ verb: 'USER', name: 'a\r\nDELE 1' }), { name: 'MisuseError', code: 'usage' })
  assert.throws(() => client.send({ verb: 'RETR', number: 1.5 }), { name: 'MisuseError', code: 'usage' })
})

/** Says `first`, then each of `answers`, whatever it is asked. */
function exchangeOf(first: string | undefined, answers: readonly (string | undefined)[]): ClientMechanism {
  const left = [...answers]
  const octets = (text: string | undefined): Uint8Array | undefined =>
    text === undefined ? undefined : Buffer.from(text)
  return {
    name: 'SCRAM-SHA-256',
    first: () => octets(first),
    answer: () => octets(left.shift()),
    get finished() {
      return left.length === 0
    },
  }
}

test('AUTH with an exchange sends what that says, and cancels where it has no answer', () => {
  const client = new Pop3Client()
  client.send({ verb: 'AUTH', exchange: exchangeOf('one', ['two', '']) })
  assert.equal(told(client, '+OK\r\n').at(-1), 'send AUTH SCRAM-SHA-256 b25l\r\n')
  assert.deepEqual(told(client, '+ cg==\r\n'), ['send dHdv\r\n'])
  assert.deepEqual(told(client, '+ cg==\r\n'), ['send \r\n'])
  assert.deepEqual(told(client, '+OK in\r\n'), ['AUTH ok in', 'end AUTH'])
  for (const [challenge, answers] of [
    ['cg==', [undefined]],
    ['not base64', ['two']],
  ] as const) {
    const cancelling = new Pop3Client()
    cancelling.send({ verb: 'AUTH', exchange: exchangeOf(undefined, answers) })
    assert.equal(told(cancelling, '+OK\r\n').at(-1), 'send AUTH SCRAM-SHA-256\r\n')
    assert.deepEqual(told(cancelling, `+ ${challenge}\r\n`), ['send *\r\n'])
  }
  const long = new Pop3Client()
  long.send({ verb: 'AUTH', exchange: exchangeOf('x'.repeat(200), []) })
  assert.equal(told(long, '+OK\r\n').at(-1), 'send AUTH SCRAM-SHA-256\r\n')
  assert.match(told(long, '+ \r\n').at(-1) ?? '', /^send eHh4/)
})

test('a server that asks again for the first response is given it once more, and a challenge of its own is answered', () => {
  const client = new Pop3Client()
  client.send({ verb: 'AUTH', exchange: exchangeOf('one', ['two']) })
  told(client, '+OK\r\n')
  assert.deepEqual(told(client, '+ \r\n'), ['send b25l\r\n'])
  assert.deepEqual(told(client, '+ cg==\r\n'), ['send dHdv\r\n'])
  assert.deepEqual(told(client, '+ cg==\r\n'), ['send *\r\n'])
  const words = new Pop3Client()
  words.send({ verb: 'AUTH', mechanism: 'PLAIN', login: 'a', password: 'b' })
  told(words, '+OK\r\n')
  assert.deepEqual(told(words, '+ go ahead\r\n'), ['send AGEAYg==\r\n'])
  assert.deepEqual(told(words, '+ go ahead\r\n'), ['send *\r\n'])
})

test('UTF8 and LANG are asked, and the languages are listed', () => {
  const client = greeted({ verb: 'UTF8' }, { verb: 'LANG' }, { verb: 'LANG', range: 'it' })
  assert.deepEqual(told(client, '+OK\r\n+OK\r\nen English\r\nes Español\r\ntlh\r\n[x]\r\n.\r\n+OK it sì\r\n', 7), [
    'UTF8 ok ',
    'end UTF8',
    'LANG ok ',
    'languages en=English bad ',
    'languages es=Español bad ',
    'languages tlh= bad ',
    'languages  bad [x]',
    'end LANG',
    'LANG ok it sì',
    'end LANG',
  ])
  assert.throws(() => client.send({ verb: 'LANG', range: 'it\r\nQUIT' }), { name: 'MisuseError', code: 'usage' })
})

test('a server that says yes before it has proved what it must is not believed', () => {
  const client = new Pop3Client()
  client.send({ verb: 'AUTH', exchange: exchangeOf('one', ['two']) })
  assert.equal(told(client, '+OK\r\n+OK in\r\n').at(-1), 'broken protocol')
})

test('a server that goes on and on asking is hung up on', () => {
  const client = new Pop3Client()
  client.send({ verb: 'AUTH', mechanism: 'PLAIN', login: 'a', password: 'b' })
  const said = told(client, `+OK\r\n${'+ \r\n'.repeat(100)}`, 4)
  assert.equal(said.at(-1), 'broken protocol')
  assert(said.length < 30)
})

const verbs: Command[] = [
  { verb: 'CAPA' },
  { verb: 'STAT' },
  { verb: 'LIST' },
  { verb: 'UIDL' },
  { verb: 'UIDL', number: 1 },
  { verb: 'RETR', number: 1 },
  { verb: 'STLS' },
  { verb: 'AUTH', mechanism: 'PLAIN', login: 'a', password: 'b' },
  { verb: 'QUIT' },
]
const pieces = [
  '+OK',
  '-ERR',
  ' ',
  '\r\n',
  '\n',
  '\r',
  '.',
  '1',
  'a',
  '+ ',
  '\0',
  'PIPELINING',
  '\u00e9',
  '.\r\n',
  '[IN-USE]',
]

test('no server can make the engine throw, and how its octets are split changes nothing', () => {
  const parts = fc.array(fc.constantFrom(...pieces), { maxLength: 40 })
  const commands = fc.array(fc.constantFrom(...verbs), { maxLength: 6 })
  fc.assert(
    fc.property(parts, commands, fc.integer({ min: 1, max: 9 }), (server, queue, size) => {
      const script = `+OK\r\n${server.join('')}`
      const make = (): Pop3Client => {
        const client = new Pop3Client({ lineLimit: 20 })
        for (const command of queue) client.send(command)
        return client
      }
      const plain = (said: string[]): string[] => said.filter((line) => !/^(sizes|ids|send) /.test(line))
      const [split, whole] = [told(make(), script, size), told(make(), script)]
      // Whether octets come behind STLS in the clear is a matter of when.
      if (!queue.some((command) => command.verb === 'STLS')) assert.deepEqual(plain(split), plain(whole))
    }),
    { numRuns: 2000 },
  )
})
