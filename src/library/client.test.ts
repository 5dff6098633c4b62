import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { certificate, house, type HouseOptions, type Place, soon } from '../../test/pop3-house.ts'
import { saslCrypto } from '../accounts/sasl-crypto.ts'
import type { Authentication } from '../doors/serve-pop3.ts'
import { PeerError, RefusedError } from '../errors.ts'
import { keysOf, type ScramKeys } from '../sasl/scram.ts'
import { Pop3Client, type ConnectOptions } from './client.ts'

/** A client that has logged in. */
async function inside(t: TestContext, at: Place, more: Partial<ConnectOptions> = {}): Promise<Pop3Client> {
  const client = await Pop3Client.connect({ ...at, tls: 'none', ...more })
  t.after(() => client.close())
  await client.logIn({ login: 'mario', password: 'secret' })
  return client
}

/** A server that says what it is told to, whatever it is asked: one reply for each line. */
async function parrot(t: TestContext, replies: readonly string[]): Promise<Place> {
  const listener = createServer((socket) => {
    const left = [...replies]
    socket.on('error', () => undefined)
    socket.write(left.shift() ?? '')
    socket.on('data', (octets: Buffer) => {
      for (const _ of String(octets).trimEnd().split('\r\n')) socket.write(left.shift() ?? '')
    })
    t.after(() => socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => listener.close())
  const address = listener.address()
  return { host: '127.0.0.1', port: address !== null && typeof address === 'object' ? address.port : 0 }
}

/** So long a client bears silence, where a test says when that is over; nobody else has just this. */
const silence = 12_345

/** Gives what ends that time at once, as the clock would, for all clients that listen. */
function silenceOf(t: TestContext): () => void {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const over = new Set<() => void>()
  const setTimeout = Reflect.get(Socket.prototype, 'setTimeout') as Socket['setTimeout']
  t.mock.method(Socket.prototype, 'setTimeout', function (this: Socket, time: number, then?: () => void) {
    if (time !== silence) return setTimeout.call(this, time, then)
    if (then !== undefined) over.add(then)
    return this
  })
  return () => {
    t.mock.timers.tick(silence)
    for (const then of over) then()
  }
}

const text = (octets: Uint8Array | undefined): string => Buffer.from(octets ?? []).toString('latin1')

test('a whole session', async (t) => {
  const { at, left, log } = await house(t, ['Subject: a\r\n\r\n.dot\r\n', 'Subject: b\r\n\r\nb\r\nc\r\n'])
  const client = await inside(t, at)
  assert.deepEqual(await client.stat(), { messages: 2, octets: 40 })
  assert.deepEqual(await client.list(), [
    { number: 1, octets: 20 },
    { number: 2, octets: 20 },
  ])
  assert.deepEqual(await client.uniqueIds(), [
    { number: 1, uniqueId: 'm1' },
    { number: 2, uniqueId: 'm2' },
  ])
  assert.equal(text(await client.retrieve(1)), 'Subject: a\r\n\r\n.dot\r\n')
  assert.equal(text(await client.top(2, 1)), 'Subject: b\r\n\r\nb\r\n')
  await client.delete(1)
  await client.reset()
  await client.delete(2)
  await client.noop()
  assert.deepEqual(await client.list(), [{ number: 1, octets: 20 }])
  assert.deepEqual(left(), ['m1', 'm2'])
  await client.quit()
  assert.deepEqual(left(), ['m1'])
  await soon(() => log.length === 1)
  assert.equal(log[0]?.end, 'quit')
  await assert.rejects(client.stat(), PeerError, 'it is over')
})

for (const [tls, offered, chosen] of [
  ['implicit', ['PLAIN'], 'PLAIN'],
  ['starttls', ['LOGIN'], 'LOGIN'],
  ['none', [], 'USER'],
] as const) {
  test(`TLS ${tls}, and the best way to log in of ${offered.join() || 'none but USER and PASS'}`, async (t) => {
    const options: HouseOptions = {
      implicitTls: tls === 'implicit',
      authenticate: { mechanisms: offered, authenticate: ({ login }) => Promise.resolve({ user: login }) },
    }
    const { at, log } = await house(t, [], options)
    const client = await inside(t, { ...at, host: 'localhost' }, { tls, ca: certificate.cert })
    await client.quit()
    await soon(() => log.length === 1)
    assert.equal(log[0]?.mechanism, chosen)
    assert.equal(log[0]?.tls !== undefined, tls !== 'none')
  })
}

const salt = Buffer.from('a salt that is long enough')
const keys: ScramKeys = {
  salt,
  iterations: 4096,
  ...keysOf(pbkdf2Sync('secret', salt, 4096, 32, 'sha256'), saslCrypto),
  known: true,
}
/** Everything is offered; what SCRAM does not prove, and no good token, is wrong. */
const everything: Authentication = {
  mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS', 'OAUTHBEARER', 'XOAUTH2', 'LOGIN'],
  keys: () => Promise.resolve(keys),
  authenticate: (credentials) => {
    const right =
      credentials.by === 'scram' ? credentials.proven : credentials.by === 'bearer' && credentials.token === 'good'
    return Promise.resolve(right ? { user: credentials.login } : undefined)
  },
}
for (const [tls, credentials, chosen] of [
  ['implicit', { login: 'mario', password: 'secret' }, 'SCRAM-SHA-256-PLUS'],
  ['starttls', { login: 'mario', password: 'secret' }, 'SCRAM-SHA-256-PLUS'],
  ['none', { login: 'mario', password: 'secret' }, 'SCRAM-SHA-256'],
  ['implicit', { login: 'mario', token: 'good' }, 'OAUTHBEARER'],
] as const) {
  test(`of everything, ${chosen} is chosen for ${'token' in credentials ? 'a token' : 'a password'} with TLS ${tls}; refused, nothing worse is tried`, async (t) => {
    const { at, log, logIns } = await house(t, [], { implicitTls: tls === 'implicit', authenticate: everything })
    const client = await Pop3Client.connect({ ...at, host: 'localhost', tls, ca: certificate.cert })
    t.after(() => client.close())
    const wrong = 'token' in credentials ? { ...credentials, token: 'bad' } : { ...credentials, password: 'bad' }
    await assert.rejects(client.logIn(wrong), { name: 'RefusedError', reason: 'bad-login' })
    // Where -PLUS is refused, its binding may be: SCRAM-SHA-256 is tried too, which tells the server no more.
    assert.deepEqual(logIns, chosen === 'SCRAM-SHA-256-PLUS' ? ['bad-login', 'bad-login'] : ['bad-login'])
    await client.logIn(credentials)
    await client.quit()
    await soon(() => log.length === 1)
    assert.equal(log[0]?.mechanism, chosen)
  })
}

test('a certificate that nobody vouches for is not believed', async (t) => {
  const { at } = await house(t, [], { implicitTls: true })
  await assert.rejects(Pop3Client.connect({ ...at, host: 'localhost' }), { name: 'PeerError', code: 'tls' })
})

test('without STLS there is no session, and the password stays here', async (t) => {
  const { at } = await house(t, [], { tls: undefined as never })
  await assert.rejects(Pop3Client.connect({ ...at, tls: 'starttls' }), { name: 'PeerError', code: 'tls' })
})

test('what the server refuses rejects with its reason and words, and the session goes on', async (t) => {
  const { at } = await house(t, ['a\r\n'])
  const client = await Pop3Client.connect({ ...at, tls: 'none' })
  t.after(() => client.close())
  await assert.rejects(client.logIn({ login: 'mario', password: 'wrong' }), (error: unknown) => {
    assert.ok(error instanceof RefusedError)
    assert.equal(error.reason, 'bad-login')
    assert.equal(error.reply, '[AUTH] wrong login name or password')
    return true
  })
  await client.logIn({ login: 'mario', password: 'secret' })
  await assert.rejects(client.retrieve(2), { name: 'RefusedError', reason: 'no' })
  await assert.rejects(client.delete(2), { name: 'RefusedError' })
  assert.deepEqual(await client.stat(), { messages: 1, octets: 3 })
})

test('of a QUIT that failed the client hears: it was not all deleted', async (t) => {
  const { at } = await house(t, ['a\r\n'], { remove: () => Promise.reject(new Error('no')) })
  const client = await inside(t, at)
  await client.delete(1)
  await assert.rejects(client.quit(), { name: 'RefusedError', reason: 'try-later' })
})

test('closing deletes nothing', async (t) => {
  const { at, left, log } = await house(t, ['a\r\n'])
  {
    using client = await inside(t, at)
    await client.delete(1)
  }
  await soon(() => log.length === 1)
  assert.deepEqual(left(), ['m1'])
})

test('retrieveAll gives everything in order, and one message that cannot be read does not stop the rest', async (t) => {
  const messages = Array.from({ length: 300 }, (_, place) =>
    place === 7 ? { octets: 3, read: () => Promise.reject(new Error('no')) } : `Subject: ${place + 1}\r\n\r\n`,
  )
  const { at } = await house(t, messages)
  const client = await inside(t, at)
  const seen: number[] = []
  for await (const { number, octets, refused } of client.retrieveAll()) {
    seen.push(number)
    if (number === 8) assert.equal(refused?.reason, 'try-later')
    else assert.equal(text(octets), `Subject: ${number}\r\n\r\n`)
  }
  assert.deepEqual(
    seen,
    [...messages.keys()].map((place) => place + 1),
  )
  const some: number[] = []
  for await (const { number } of client.retrieveAll([5, 3])) some.push(number)
  assert.deepEqual(some, [5, 3])
})

test('retrieveAll does not take in what nobody takes: while its user is slow, the server must wait', async (t) => {
  const megabyte = Buffer.from(`${'x'.repeat(1022)}\r\n`.repeat(1024))
  let read = 0
  const messages = Array.from({ length: 60 }, () => ({ octets: megabyte.length, read: () => (read++, megabyte) }))
  const { at } = await house(t, messages)
  const client = await inside(t, at)
  let most = 0
  let taken = 0
  for await (const { octets } of client.retrieveAll()) {
    assert.equal(octets?.length, megabyte.length)
    if (taken++ % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    most = Math.max(most, read - taken)
  }
  assert.equal(taken, 60)
  // 16 of them may be held here, and some are on their way in the system's buffers.
  assert.ok(most < 40, `${most} messages were ahead`)
})

test('whoever breaks off retrieveAll or a stream can go on with something else', async (t) => {
  const large = `${'x'.repeat(998)}\r\n`.repeat(2000)
  const { at } = await house(t, [large, large, 'small\r\n'])
  const client = await inside(t, at)
  for await (const { number } of client.retrieveAll()) if (number === 1) break
  for await (const piece of client.stream(2)) if (piece.length > 0) break
  assert.equal(text(await client.retrieve(3)), 'small\r\n')
})

test('a stream gives the message in pieces, and waits for who takes them, however long', async (t) => {
  const large = `${'x'.repeat(998)}\r\n`.repeat(5000)
  const { at } = await house(t, [large])
  const endSilence = silenceOf(t)
  const longer = async (): Promise<void> => {
    for (let times = 0; times < 3; times++) {
      endSilence()
      await turn()
    }
  }
  const client = await inside(t, at, { patience: { silence } })
  let size = 0
  let pieces = 0
  for await (const piece of client.stream(1)) {
    size += piece.length
    if (pieces++ === 3) await longer()
  }
  assert.equal(size, large.length)
  assert.ok(pieces > 3)
  await assert.rejects(client.stream(2).next(), { name: 'RefusedError' })
  await longer()
  await client.noop()
})

test('a server that is asked and says nothing is given up', async (t) => {
  const endSilence = silenceOf(t)
  const givesUp = async (work: Promise<unknown>): Promise<void> => {
    let over = false
    const ended = work.finally(() => (over = true))
    const refused = assert.rejects(ended, { name: 'PeerError', code: 'timed-out' })
    for (; !over; await turn()) endSilence()
    await refused
  }
  const at = await parrot(t, ['+OK hello\r\n', '-ERR no CAPA\r\n'])
  const client = await Pop3Client.connect({ ...at, tls: 'none', patience: { silence } })
  await givesUp(client.logIn({ login: 'a', password: 'b' }))
  const mute = await parrot(t, [''])
  await givesUp(Pop3Client.connect({ ...mute, tls: 'none', patience: { silence } }))
})

test('an abort signal ends the session, and also the waiting for a connection', async (t) => {
  const { at, left } = await house(t, ['a\r\n'])
  const abort = new AbortController()
  const client = await inside(t, at, { signal: abort.signal })
  await client.delete(1)
  const waiting = client.stat()
  abort.abort()
  await assert.rejects(waiting, { name: 'PeerError', code: 'connection-lost' })
  await assert.rejects(Pop3Client.connect({ ...at, tls: 'none', signal: abort.signal }), { code: 'connection-lost' })
  assert.deepEqual(left(), ['m1'])
})

test('a message of more octets than one wants ends the session', async (t) => {
  const { at } = await house(t, ['x'.repeat(2000)])
  const client = await inside(t, at, { largest: 1000 })
  await assert.rejects(client.retrieve(1), { name: 'PeerError', code: 'reply-too-long' })
  await assert.rejects(client.noop(), PeerError)
})

test('a listing without end does not fill the memory', async (t) => {
  for (const [verb, line] of [
    ['list', '1 10\r\n'],
    ['uniqueIds', '1 a\r\n'],
  ] as const) {
    const at = await parrot(t, ['+OK hello\r\n', '-ERR no CAPA\r\n', `+OK\r\n${line.repeat(2000)}`])
    const client = await Pop3Client.connect({ ...at, tls: 'none', largest: 100_000 })
    t.after(() => client.close())
    await assert.rejects(client[verb](), { name: 'PeerError', code: 'reply-too-long' })
  }
})

test('a listing with lines that are none is not half believed', async (t) => {
  const at = await parrot(t, ['+OK hello\r\n', '-ERR no CAPA\r\n', '+OK\r\n1 a1\r\nnonsense\r\n.\r\n'])
  const client = await Pop3Client.connect({ ...at, tls: 'none' })
  t.after(() => client.close())
  await assert.rejects(client.uniqueIds(), { name: 'PeerError', code: 'protocol' })
})

test('after LANG the words are in that language, and after UTF8 messages come as they are', async (t) => {
  const message = 'Subject: Grüße\r\n\r\n'
  const { at } = await house(t, [message])
  const client = await Pop3Client.connect({ ...at, tls: 'none' })
  t.after(() => client.close())
  await client.language('it')
  await client.utf8()
  await assert.rejects(client.logIn({ login: 'mario', password: 'no' }), (error: unknown) => {
    assert.ok(error instanceof RefusedError && !/wrong/.test(error.reply), String(error))
    return true
  })
  await client.logIn({ login: 'mario', password: 'secret' })
  assert.equal(Buffer.from(await client.retrieve(1)).toString(), message)
})
