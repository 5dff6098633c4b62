import assert from 'node:assert/strict'
import { createHash, pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import { Caller, certificate, house, logIn, soon, talk } from '../../test/pop3-house.ts'
import { TooManyLogIns } from '../accounts/crowd.ts'
import { saslCrypto } from '../accounts/sasl-crypto.ts'
import { RefusedError, StoreError } from '../errors.ts'
import { channelBinding } from '../net/channel-bindings.ts'
import { clientMechanism } from '../sasl/client.ts'
import type { ChannelBindingType, ClientMechanism, Mechanism } from '../sasl/mechanism.ts'
import { keysOf, type ScramKeys } from '../sasl/scram.ts'
import type { TLSSocket } from 'node:tls'
import { MaildropRefused } from './open-maildrop.ts'
import type { Authentication } from './serve-pop3.ts'

const salt = Buffer.from('a salt that is long enough')
const iterations = 4096
const keys: ScramKeys = {
  salt,
  iterations,
  ...keysOf(pbkdf2Sync('pencil', salt, iterations, 32, 'sha256'), saslCrypto),
  known: true,
}

/** Mario has the password "pencil", the token "good" and, for APOP, the secret "tanstaaf". */
const everybody: Authentication = {
  mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN'],
  apop: true,
  keys: (login) => Promise.resolve(login === 'mario' ? keys : { ...keys, known: false }),
  authenticate: (credentials) => {
    const { by, login } = credentials
    const right =
      (by === 'password' && credentials.password === 'pencil') ||
      (by === 'scram' && credentials.proven) ||
      (by === 'bearer' && credentials.token === 'good') ||
      (by === 'apop' && credentials.digest === md5(`${credentials.timestamp}tanstaaf`))
    const [user = '', device] = login.split('+')
    return Promise.resolve(right && user === 'mario' ? { user, device } : undefined)
  },
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

/** AUTH to its end; gives the last answer. */
async function authenticate(caller: Caller, mechanism: ClientMechanism): Promise<string> {
  const first = mechanism.first()
  let line = await caller.ask(`AUTH ${mechanism.name}${first === undefined ? '' : ` ${base64(first)}`}`)
  while (line.startsWith('+ ')) {
    const answer = mechanism.answer(Buffer.from(line.slice(2), 'base64'))
    line = await caller.ask(answer === undefined ? '*' : base64(answer))
  }
  return line
}

function base64(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64')
}

function client(name: Mechanism, more: Partial<Parameters<typeof clientMechanism>[1]> = {}): ClientMechanism {
  const mechanism = clientMechanism(name, { login: 'mario', password: 'pencil', crypto: saslCrypto, ...more })
  assert.ok(mechanism)
  return mechanism
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const tls of ['from the start', 'by STLS'] as const) {
    test(`SCRAM-SHA-256-PLUS is bound to the connection, with ${version} ${tls}`, async (t) => {
      const implicitTls = tls === 'from the start'
      const { at, log, server } = await house(t, [], { authenticate: everybody, implicitTls })
      const caller = implicitTls ? await Caller.callTls(t, at, { maxVersion: version }) : await Caller.call(t, at)
      await caller.line()
      if (!implicitTls) {
        assert.doesNotMatch(await capabilities(caller), /-PLUS/, 'there is nothing yet to bind to')
        await caller.ask('STLS')
        await caller.startTls({ maxVersion: version })
      }
      assert.match(await capabilities(caller), /\r\nSASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 /)
      const bindings = (type: ChannelBindingType): Uint8Array | undefined =>
        channelBinding(caller.socket as TLSSocket, type, 'client')
      const mechanism = client('SCRAM-SHA-256-PLUS', { bindings })
      assert.match(await authenticate(caller, mechanism), /^\+OK maildrop has/)
      assert.ok(mechanism.finished, 'the server has proved that it knows the password too')
      caller.say('QUIT\r\n')
      await caller.rest()
      await server.close()
      assert.equal(log[0]?.mechanism, 'SCRAM-SHA-256-PLUS')
      assert.equal(log[0]?.tls, version)
    })
  }
}

test('SCRAM-SHA-256-PLUS through somebody between, who has a connection of his own to each side, fails', async (t) => {
  const { at, logIns } = await house(t, [], { authenticate: everybody, implicitTls: true })
  const between = await Caller.callTls(t, at)
  await between.line()
  const bindings = (): Uint8Array => Buffer.alloc(32, 'x')
  assert.match(
    await authenticate(between, client('SCRAM-SHA-256-PLUS', { bindings })),
    /^-ERR \[AUTH\] the channel binding/,
  )
  assert.deepEqual(logIns, [], 'nobody was asked whether the proof is right')
})

test('SCRAM-SHA-256: right, wrong, and unknown user', async (t) => {
  const { at, log, logIns, server } = await house(t, [], { authenticate: everybody })
  const caller = await Caller.call(t, at)
  await caller.line()
  assert.match(await authenticate(caller, client('SCRAM-SHA-256', { password: 'pen' })), /^-ERR \[AUTH\] wrong login/)
  assert.match(await authenticate(caller, client('SCRAM-SHA-256', { login: 'anna' })), /^-ERR \[AUTH\] wrong login/)
  assert.match(await authenticate(caller, client('SCRAM-SHA-256', { login: 'mario+phone' })), /^\+OK|^-ERR/)
  assert.match(await authenticate(caller, client('SCRAM-SHA-256')), /^\+OK maildrop has/)
  caller.say('QUIT\r\n')
  await caller.rest()
  await server.close()
  assert.equal(log[0]?.mechanism, 'SCRAM-SHA-256')
  assert.equal(log[0]?.failedLogIns, 3)
  assert.deepEqual(logIns, ['bad-login', 'bad-login', 'bad-login', 'ok'])
})

for (const name of ['OAUTHBEARER', 'XOAUTH2'] as const) {
  test(`${name}: a wrong token is told by a challenge, then by -ERR; a right one logs in`, async (t) => {
    const { at, log, server } = await house(t, [], { authenticate: everybody })
    const caller = await Caller.call(t, at)
    await caller.line()
    const wrong = client(name, { token: 'bad' })
    const challenge = await caller.ask(`AUTH ${name} ${base64(wrong.first() ?? Buffer.alloc(0))}`)
    assert.match(Buffer.from(challenge.slice(2), 'base64').toString(), /^\{.*status/)
    assert.match(await caller.ask(name === 'XOAUTH2' ? '' : 'AQ=='), /^-ERR \[AUTH\] wrong login/)
    assert.match(await authenticate(caller, client(name, { token: 'good' })), /^\+OK maildrop has/)
    caller.say('QUIT\r\n')
    await caller.rest()
    await server.close()
    assert.equal(log[0]?.mechanism, name)
  })
}

test('LOGIN and PLAIN in both their forms', async (t) => {
  const { at } = await house(t, [], { authenticate: everybody })
  for (const text of [
    `AUTH LOGIN\r\n${base64(Buffer.from('mario'))}\r\n${base64(Buffer.from('pencil'))}\r\n`,
    `AUTH PLAIN\r\n${base64(Buffer.from('\0mario\0pencil'))}\r\n`,
    `AUTH PLAIN ${base64(Buffer.from('\0mario\0pencil'))}\r\n`,
  ]) {
    assert.match(await talk(t, at, `${text}QUIT\r\n`), /maildrop has/)
  }
})

test('APOP: the greeting has a timestamp, another one each time, and the digest of it logs in', async (t) => {
  const { at, log, server } = await house(t, [], { authenticate: everybody })
  const seen = new Set<string>()
  for (let i = 0; i < 2; i++) {
    const caller = await Caller.call(t, at)
    const timestamp = /<[^<>@\s]+@[^<>@\s]+>$/.exec(await caller.line())?.[0]
    assert.ok(timestamp)
    seen.add(timestamp)
    assert.match(await caller.ask(`APOP mario ${md5(`${timestamp}tanstaaf`)}`), /^\+OK maildrop has/)
    caller.say('QUIT\r\n')
    await caller.rest()
  }
  assert.equal(seen.size, 2)
  await server.close()
  assert.equal(log[0]?.mechanism, 'APOP')
})

test('where nobody has a secret for APOP, the greeting has no timestamp', async (t) => {
  const { at } = await house(t)
  assert.doesNotMatch(await talk(t, at, 'QUIT\r\n'), /</)
})

test('the device of a log-in is in the log, and the maildrop is asked for it', async (t) => {
  const visitors: unknown[] = []
  const { at, log, server } = await house(t, [], {
    authenticate: everybody,
    openMaildrop: (_, visitor) => {
      visitors.push(visitor)
      return { messages: [], remove: () => undefined }
    },
  })
  await talk(t, at, 'USER mario+phone\r\nPASS pencil\r\nQUIT\r\n')
  await server.close()
  assert.deepEqual(visitors, [{ user: 'mario', device: 'phone', address: '127.0.0.1' }])
  assert.equal(log[0]?.device, 'phone')
})

test('a second session is told from where and how long the first has the maildrop, and gets in after it', async (t) => {
  const { at, logIns } = await house(t)
  const first = await Caller.call(t, at)
  first.say(logIn)
  await first.until(/maildrop has/)
  assert.match(
    await talk(t, at, logIn),
    /-ERR \[IN-USE\] another session has this maildrop, from 127\.0\.0\.1 for \d+ seconds?\r\n/,
  )
  first.say('QUIT\r\n')
  await first.until(/bye/)
  assert.match(await talk(t, at, `${logIn}QUIT\r\n`), /maildrop has/, 'the lock is let go before the answer')
  assert.deepEqual(logIns, ['ok', 'in-use', 'ok'])
})

test('after LANG it, a maildrop in use is told in Italian', async (t) => {
  const { at } = await house(t)
  const first = await Caller.call(t, at)
  first.say(logIn)
  await first.until(/maildrop has/)
  const said = await talk(t, at, `LANG it\r\n${logIn}`)
  assert.match(said, /-ERR \[IN-USE\] .*127\.0\.0\.1/)
  assert.doesNotMatch(said, /another session/)
})

const refusals: readonly (readonly [Error, RegExp, string])[] = [
  [
    new MaildropRefused('login-delay', (texts) => texts.loginDelay(30)),
    /-ERR \[LOGIN-DELAY\] .* 30 seconds\r\n/,
    'login-delay',
  ],
  [
    new StoreError('busy', '/data is busy'),
    /-ERR \[SYS\/TEMP\] cannot open the maildrop: somebody else is writing\r\n/,
    'try-later',
  ],
  [
    new StoreError('damaged', '/data is damaged'),
    /-ERR \[SYS\/PERM\] cannot open the maildrop: it is damaged here\r\n/,
    'broken',
  ],
  [
    new Error('no /data at all'),
    /-ERR \[SYS\/TEMP\] cannot open the maildrop: something went wrong here\r\n/,
    'try-later',
  ],
  [
    new RefusedError('in-use', '', 'somebody has it elsewhere'),
    /-ERR \[IN-USE\] somebody has it elsewhere\r\n/,
    'in-use',
  ],
]
for (const [error, told, reason] of refusals) {
  test(`a maildrop that cannot be opened (${error.message}) is told with its code, and one may try again`, async (t) => {
    let times = 0
    const { at, logIns, counts, log } = await house(t, [], {
      openMaildrop: () => {
        if (times++ === 0) throw error
        return { messages: [], remove: () => undefined, close: () => void counts.closed++ }
      },
    })
    const said = await talk(t, at, `${logIn}${logIn}QUIT\r\n`)
    assert.match(said, told)
    assert.match(said, /maildrop has/)
    assert.doesNotMatch(said, /\/data/)
    assert.deepEqual(logIns, [reason, 'ok'])
    await soon(() => log.length === 1)
    assert.equal(counts.closed, 1)
    assert.equal(log[0]?.problem, error.message)
  })
}

test('why a password was not looked at is told as it is', async (t) => {
  for (const [error, told] of [
    [new TooManyLogIns(), /-ERR \[SYS\/TEMP\] too many failed log-ins: try again later\r\n/],
    [new RefusedError('try-later', '', 'the keys cannot be had'), /-ERR \[SYS\/TEMP\] the keys cannot be had\r\n/],
    [new Error('no /data at all'), /-ERR \[SYS\/TEMP\] something went wrong here\r\n/],
  ] as const) {
    const { at, logIns } = await house(t, [], {
      authenticate: () => {
        throw error
      },
    })
    assert.match(await talk(t, at, logIn), told)
    assert.deepEqual(logIns, ['try-later'])
  }
})

test('users who cannot be asked about end no more than one session', async (t) => {
  const damaged = (): never => {
    throw new StoreError('damaged', 'postino.sqlite is damaged')
  }
  const { at, log } = await house(t, [], {
    authenticate: {
      authenticate: () => Promise.reject(new StoreError('damaged', 'postino.sqlite is damaged')),
      get apop() {
        return damaged()
      },
      get mechanisms() {
        return damaged()
      },
    },
  })
  assert.match(await talk(t, at, logIn), /\r\n-ERR \[SYS\/PERM\] it is damaged here\r\n$/)
  await talk(t, at, 'CAPA\r\n').catch(() => undefined)
  await soon(() => log.length === 2)
  assert.deepEqual(
    log.map(({ end }) => end),
    ['connection lost', 'failed'],
  )
})

test('no maildrop is opened for a client that has gone while its password was checked', async (t) => {
  const gate = Promise.withResolvers<string>()
  const { at, counts, log, ends } = await house(t, [], { authenticate: () => gate.promise })
  const caller = await Caller.call(t, at)
  caller.say(logIn)
  await caller.until(/password/)
  caller.socket.resetAndDestroy()
  // The door must have heard of it.
  await soon(() => ends[0]?.destroyed === true)
  gate.resolve('mario')
  await soon(() => log.length === 1)
  assert.equal(counts.opened, 0)
})

test('a password in the clear is refused where the door says so, and nobody is asked about it', async (t) => {
  let asked = 0
  const { at } = await house(t, [], {
    clearLoginFrom: 'nowhere',
    tls: certificate,
    authenticate: () => {
      asked++
      return undefined
    },
  })
  assert.match(
    await talk(t, at, `${logIn}AUTH PLAIN ${base64(Buffer.from('\0mario\0secret'))}\r\n`),
    /-ERR \[AUTH\] .*STLS/,
  )
  assert.equal(asked, 0)
})

async function capabilities(caller: Caller): Promise<string> {
  caller.say('CAPA\r\n')
  return await caller.until(/\r\n\.\r\n/)
}
