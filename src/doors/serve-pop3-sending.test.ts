import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Caller, house, logIn, soon, talk } from '../../test/pop3-house.ts'
import { StoreError } from '../errors.ts'

const international = 'From: Jürgen <jürgen@example.de>\r\nSubject: Grüße\r\n\r\nSchöne Grüße\r\n.\r\n'
const octetsOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

test('who asked for UTF8 gets an internationalized message as it is', async (t) => {
  const { at } = await house(t, [international])
  const said = await talk(t, at, `UTF8\r\n${logIn}RETR 1\r\nTOP 1 0\r\nQUIT\r\n`)
  assert.ok(said.includes(octetsOf(international).replace('\r\n.\r\n', '\r\n..\r\n.\r\n')))
  assert.ok(said.includes(octetsOf('Subject: Grüße\r\n\r\n.\r\n')))
})

test('who did not ask for UTF8 gets the same message without UTF-8 in its header (RFC 6856 §2.1), by RETR and TOP alike', async (t) => {
  const { at, log } = await house(t, [international])
  for (const command of ['RETR 1', 'TOP 1 1000', 'TOP 1 0']) {
    const said = await talk(t, at, `${logIn}${command}\r\nQUIT\r\n`)
    const message = /\+OK [^\r]*(?:octets|follows)\r\n([^]*?\r\n)\.\r\n\+OK bye/.exec(said)?.[1] ?? ''
    const header = message.slice(0, message.indexOf('\r\n\r\n'))
    assert.match(header, /^Subject: =\?utf-8\?/im, said)
    // oxlint-disable-next-line no-control-regex -- octets, spelt as latin1
    assert.match(header, /^[\x00-\x7f]*$/)
    if (command !== 'TOP 1 0') assert.ok(message.endsWith(octetsOf('Schöne Grüße\r\n..\r\n')), message)
  }
  await soon(() => log.length === 3)
})

test('a message of ASCII headers is never changed, whatever is in its body', async (t) => {
  const message = 'Subject: a\r\n\r\nGrüße\r\n'
  const { at } = await house(t, [message])
  assert.ok((await talk(t, at, `${logIn}RETR 1\r\nQUIT\r\n`)).includes(octetsOf(message)))
})

test('where the door never changes messages, everybody gets them as they are', async (t) => {
  const { at } = await house(t, [international], { downgrade: 'never' })
  assert.ok((await talk(t, at, `${logIn}RETR 1\r\nQUIT\r\n`)).includes(octetsOf('Subject: Grüße\r\n')))
})

test('a message that cannot be read is told, and the session goes on', async (t) => {
  const read = (): never => {
    throw new StoreError('damaged', 'segment 3 of /data')
  }
  const { at, log } = await house(t, [{ octets: 10, read }, 'good\r\n'])
  const said = await talk(t, at, `${logIn}RETR 1\r\nRETR 2\r\nQUIT\r\n`)
  assert.match(
    said,
    /-ERR \[SYS\/PERM\] message 1 cannot be read: it is damaged here\r\n\+OK 6 octets\r\ngood\r\n\.\r\n\+OK bye\r\n$/,
  )
  await soon(() => log.length === 1)
  assert.equal(log[0]?.retrieved, 1)
  assert.equal(log[0]?.problem, 'segment 3 of /data')
})

test('a message that breaks off on the way ends the connection, never the reply', async (t) => {
  async function* read(): AsyncIterable<Uint8Array> {
    yield await Promise.resolve(Buffer.from('first\r\n'))
    throw new StoreError('io', 'gone')
  }
  const { at, log, counts } = await house(t, [{ octets: 20, read }])
  const said = await talk(t, at, `${logIn}RETR 1\r\nQUIT\r\n`)
  assert.match(said, /first\r\n$/)
  await soon(() => log.length === 1)
  assert.equal(log[0]?.end, 'unreadable message')
  assert.equal(log[0]?.retrieved, 0)
  assert.equal(counts.closed, 1)
})

test('what has come of a slow message is sent before the rest is there', async (t) => {
  const gate = Promise.withResolvers<void>()
  async function* read(): AsyncIterable<Uint8Array> {
    yield Buffer.from('first\r\n')
    await gate.promise
    yield Buffer.from('last\r\n')
  }
  const { at } = await house(t, [{ octets: 13, read }])
  const caller = await Caller.call(t, at)
  caller.say(`${logIn}RETR 1\r\n`)
  await caller.until(/first\r\n$/)
  gate.resolve()
  assert.equal(await caller.until(/\r\n\.\r\n/), 'last\r\n.\r\n')
})

test('of TOP no more is read than it shows', async (t) => {
  let given = 0
  async function* read(): AsyncIterable<Uint8Array> {
    yield Buffer.from('Subject: a\r\n\r\n')
    for (given = 0; given < 1000; given++) yield await Promise.resolve(Buffer.from(`${'x'.repeat(998)}\r\n`))
  }
  const { at } = await house(t, [{ octets: 1_000_014, read }])
  const said = await talk(t, at, `${logIn}TOP 1 2\r\nQUIT\r\n`)
  assert.match(said, /Subject: a\r\n\r\nx+\r\nx+\r\n\.\r\n\+OK bye\r\n$/)
  assert.ok(given < 10, `${given} lines were read`)
})

test('a client that never reads does not make the server hold its message, and is hung up on', async (t) => {
  let given = 0
  async function* endless(): AsyncIterable<Uint8Array> {
    for (;;) {
      given += 65_536
      yield await Promise.resolve(new Uint8Array(65_536).fill(0x61))
    }
  }
  const { at, log, counts } = await house(t, [{ octets: 1e12, read: endless }], { patience: { after: 20 } })
  const caller = await Caller.call(t, at)
  caller.socket.removeAllListeners('data').pause()
  caller.say(`${logIn}RETR 1\r\n`)
  await soon(() => log.length === 1)
  assert.equal(log[0]?.end, 'not reading')
  assert.ok(given < 64 << 20, `${given} octets were read for a client that takes none`)
  assert.equal(counts.closed, 1)
})

test('a client that goes away in the middle of a message ends the reading of it', async (t) => {
  let ended = false
  async function* endless(): AsyncIterable<Uint8Array> {
    try {
      for (;;) yield await Promise.resolve(new Uint8Array(65_536).fill(0x61))
    } finally {
      ended = true
    }
  }
  const { at, log, counts } = await house(t, [{ octets: 1e12, read: endless }])
  const caller = await Caller.call(t, at)
  caller.say(`${logIn}RETR 1\r\n`)
  await caller.until(/octets\r\na/)
  caller.socket.resetAndDestroy()
  await soon(() => log.length === 1)
  assert.ok(ended)
  assert.equal(log[0]?.end, 'connection lost')
  assert.equal(counts.closed, 1)
})
