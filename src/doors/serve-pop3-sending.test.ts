import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { Caller, house, logIn, type Place, soon, talk } from '../../test/pop3-house.ts'
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
  assert.deepEqual(
    log.map(({ retrievedOctets }) => retrievedOctets),
    [sizesIn(await talk(t, at, `${logIn}LIST\r\nQUIT\r\n`))[0], 0, 0],
  )
})

/** The sizes of a LIST. */
const sizesIn = (said: string): number[] => [...said.matchAll(/^\d+ (\d+)\r\n/gm)].map(([, size]) => Number(size))

/** A session that begins with `first`, in which LIST, STAT, +OK and what really comes must agree; gives the sizes. */
async function measured(t: TestContext, at: Place, count: number, first = ''): Promise<number[]> {
  const caller = await Caller.call(t, at)
  caller.say(`${first}${logIn}LIST\r\n`)
  const list = sizesIn(await caller.until(/^\.\r\n/m))
  assert.equal(list.length, count)
  const total = list.reduce((sum, size) => sum + size, 0)
  assert.equal(await caller.ask('STAT'), `+OK ${count} ${total}`)
  for (const [place, size] of list.entries()) {
    assert.match(await caller.ask(`RETR ${place + 1}`), new RegExp(`^\\+OK ${size} `))
    const sent = await caller.until(/^(?:\.\r\n|[^]*?\r\n\.\r\n)/)
    assert.equal(sent.slice(0, -3).replaceAll(/^\./gm, '').length, size, `${place + 1}: ${sent}`)
  }
  await caller.ask('DELE 1')
  assert.equal(await caller.ask('STAT'), `+OK ${count - 1} ${total - (list[0] ?? 0)}`)
  await caller.ask('RSET')
  await caller.ask('QUIT')
  return list
}

test('LIST, STAT and +OK say how many octets are sent, with and without UTF8 (RFC 6856 §2.1)', async (t) => {
  const lines = ['To: è@x.it', 'Subject: città', 'X-A: è', 'X-B: b', ' è <a@b>,', '.', '', 'è', '--b', '--b--']
  const types = ['multipart/mixed; boundary=b', 'message/global', 'application/pdf; name="è"']
  const piece = fc.constantFrom(...lines, ...types.map((type) => `Content-Type: ${type}`))
  const message = fc
    .tuple(fc.constantFrom('\n', '\r\n'), fc.array(piece, { maxLength: 12 }), fc.constantFrom('', 'end', 'è: è'))
    .map(([end, more, last]) => ['From: Jürgen <jürgen@example.de>', ...more, last].join(end))
  const messages = [...fc.sample(message, { numRuns: 200, seed: 6858 }), 'Subject: città\r\n\r\nciao\r\n', '']
  const { at } = await house(t, messages)
  const [kept, sent] = [await measured(t, at, messages.length, 'UTF8\r\n'), await measured(t, at, messages.length)]
  assert.ok(kept.filter((size, place) => size !== sent[place]).length >= 200)
  assert.deepEqual(kept.slice(200), sent.slice(200))
  const never = await house(t, messages, { downgrade: 'never' })
  assert.deepEqual(await measured(t, never.at, messages.length), kept)
})

test('a message that is said to be international is measured too, although its size is given', async (t) => {
  const read = (): Uint8Array => Buffer.from(international)
  const { at } = await house(t, [{ octets: Buffer.from(international).length, international: true, read }])
  const [kept] = await measured(t, at, 1, 'UTF8\r\n')
  assert.equal(kept, Buffer.from(international).length)
  assert.notEqual((await measured(t, at, 1))[0], kept)
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
