import assert from 'node:assert/strict'
import { createHmac, hash, pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { certificate, house, type HouseOptions, type Place, soon } from '../../test/pop3-house.ts'
import { saslCrypto } from '../accounts/sasl-crypto.ts'
import { RefusedError } from '../errors.ts'
import { keysOf, type ScramKeys } from '../sasl/scram.ts'
import { logIn } from './fetch-pop3-login.ts'
import type { Remote } from './fetching.ts'
import { Pop3Connection } from './pop3-connection.ts'
import { logInPop3, type Pop3Credentials } from './pop3-log-in.ts'
import type { Authentication } from './serve-pop3.ts'

/** What a server says to a line; empty: nothing yet; undefined: it hangs up. */
type Answer = (line: string) => string | undefined

interface Spoken {
  readonly at: Place
  /** The lines of all sessions, CAPA aside. */
  readonly heard: string[]
}

/** A server that says what it is told to, and these capabilities; `none`: it knows no CAPA. */
async function speaking(
  t: TestContext,
  capabilities: readonly string[] | 'none',
  answer: Answer,
  greeting = '+OK ready',
): Promise<Spoken> {
  const heard: string[] = []
  const capa = capabilities === 'none' ? '-ERR what?' : ['+OK', ...capabilities, '.'].join('\r\n')
  const listener = createServer((socket) => {
    t.after(() => socket.destroy())
    let rest = ''
    socket.on('error', () => undefined)
    socket.write(`${greeting}\r\n`)
    socket.on('data', (octets: Buffer) => {
      const lines = (rest + octets.toString('latin1')).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line !== 'CAPA') heard.push(line)
        const said = line === 'CAPA' ? capa : answer(line)
        if (said === undefined) socket.destroy()
        else if (said !== '') socket.write(`${said}\r\n`)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => listener.close())
  const address = listener.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return { at: { host: '127.0.0.1', port }, heard }
}

/** Logs in where nothing is encrypted. */
async function come(t: TestContext, at: Place, credentials: Partial<Pop3Credentials> = {}): Promise<void> {
  const remote: Remote = { account: 'pop3:mario', leave: 'forever', login: 'mario', ...at, tls: 'none' }
  const secret = credentials.token === undefined ? { password: 'secret' } : {}
  const connection = await logIn({ ...remote, ...secret, ...credentials } as Remote, {})
  t.after(() => connection.drop())
}

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
const plain = base64('\0mario\0secret')
const bearer = (token: string): string => base64(`n,a=mario,\x01auth=Bearer ${token}\x01\x01`)
const xoauth2 = (token: string): string => base64(`user=mario\x01auth=Bearer ${token}\x01\x01`)

test('a mechanism that is not possible gives way to the next one, and the password is tried twice at most', async (t) => {
  const { at, heard } = await speaking(t, ['USER', 'SASL LOGIN PLAIN'], (line) =>
    line === `AUTH PLAIN ${plain}` ? '-ERR disabled for you' : line === 'AUTH LOGIN' ? '-ERR nor this' : '+OK',
  )
  await assert.rejects(come(t, at), (error: unknown) => {
    assert.ok(error instanceof RefusedError)
    assert.equal(error.reason, 'no')
    assert.equal(error.reply, 'nor this')
    assert.match(error.message, /refused to log in mario by LOGIN: nor this \(it offers LOGIN, PLAIN, USER\)$/)
    return true
  })
  assert.deepEqual(heard, [`AUTH PLAIN ${plain}`, 'AUTH LOGIN'])
})

test('where [AUTH] would have been said of a wrong password (AUTH-RESP-CODE), a third way is tried, and no fourth', async (t) => {
  const capabilities = ['USER', 'AUTH-RESP-CODE', 'SASL LOGIN PLAIN']
  const good = await speaking(t, capabilities, (line) => (line.startsWith('AUTH') ? '-ERR not now' : '+OK'))
  await come(t, good.at)
  assert.deepEqual(good.heard, [`AUTH PLAIN ${plain}`, 'AUTH LOGIN', 'USER mario', 'PASS secret'])
  const bad = await speaking(t, capabilities, () => '-ERR no')
  await assert.rejects(come(t, bad.at), { name: 'RefusedError', reason: 'no' })
  assert.deepEqual(bad.heard, [`AUTH PLAIN ${plain}`, 'AUTH LOGIN', 'USER mario'])
})

for (const code of ['[AUTH]', '[IN-USE]', '[LOGIN-DELAY]', '[SYS/TEMP]', '[SYS/PERM]'])
  test(`${code} is the last word: nothing else is tried`, async (t) => {
    const { at, heard } = await speaking(t, ['USER', 'SASL PLAIN LOGIN'], () => `-ERR ${code} no`)
    await assert.rejects(come(t, at), { name: 'RefusedError', reply: `${code} no` })
    assert.deepEqual(heard, [`AUTH PLAIN ${plain}`])
  })

test('a server that refuses SCRAM before it has seen a proof does not mean the password, whatever it says', async (t) => {
  const { at, heard } = await speaking(t, ['USER', 'SASL SCRAM-SHA-256 PLAIN'], (line) =>
    line.startsWith('AUTH SCRAM') ? '-ERR [AUTH] no keys for you' : '+OK',
  )
  await come(t, at)
  assert.deepEqual(heard.slice(1), [`AUTH PLAIN ${plain}`])
})

test('a server that hangs up after its refusal has refused, and is not gone', async (t) => {
  const { at } = await speaking(t, ['USER', 'SASL PLAIN'], (line) => (line.startsWith('AUTH') ? '-ERR bad' : undefined))
  await assert.rejects(come(t, at), { name: 'RefusedError', reply: 'bad' })
})

test('a server that takes no initial response is given it when it asks', async (t) => {
  const { at, heard } = await speaking(t, ['SASL PLAIN', 'IMPLEMENTATION old'], (line) => {
    if (line.startsWith('AUTH PLAIN ')) return '-ERR syntax'
    return line === 'AUTH PLAIN' ? '+ ' : '+OK'
  })
  await come(t, at)
  assert.deepEqual(heard, [`AUTH PLAIN ${plain}`, 'AUTH PLAIN', plain])
})

test('USER and PASS: where CAPA is unknown, where it says nothing of logging in, and together with PIPELINING', async (t) => {
  for (const capabilities of ['none', ['TOP', 'UIDL'], ['USER']] as const) {
    const { at, heard } = await speaking(t, capabilities, () => '+OK')
    await come(t, at)
    assert.deepEqual(heard, ['USER mario', 'PASS secret'])
  }
  // A server that says nothing before it has heard both.
  const both: Answer = (line) => (line.startsWith('PASS') ? '+OK\r\n+OK' : '')
  await come(t, (await speaking(t, ['USER', 'PIPELINING'], both)).at)
})

test('without any way the error names what the server offers, and nothing was sent', async (t) => {
  const { at, heard } = await speaking(t, ['SASL GSSAPI CRAM-MD5'], () => '+OK')
  await assert.rejects(come(t, at), {
    name: 'PeerError',
    code: 'protocol',
    message: /offers no way to log in with a password that Postino knows \(it offers GSSAPI, CRAM-MD5\)/,
  })
  await assert.rejects(come(t, at, { token: () => Promise.resolve('t') }), { name: 'PeerError', message: /a token/ })
  assert.deepEqual(heard, [])
})

// RFC 1939 §7 and RFC 2195 §2 have these as examples.
const stamp = '<1896.697170952@dbc.mtview.ca.us>'
test('CRAM-MD5 and APOP only where they are asked for, and then before PLAIN', async (t) => {
  const challenge = '<1896.697170952@postoffice.reston.mci.net>'
  const capabilities = ['USER', 'SASL PLAIN CRAM-MD5']
  const answer: Answer = (line) => (line === 'AUTH CRAM-MD5' ? `+ ${base64(challenge)}` : '+OK')
  const usual = await speaking(t, capabilities, answer, `+OK ready ${stamp}`)
  await come(t, usual.at)
  assert.deepEqual(usual.heard, [`AUTH PLAIN ${plain}`])
  const cram = await speaking(t, capabilities, answer, `+OK ready ${stamp}`)
  await come(t, cram.at, { allow: ['CRAM-MD5', 'APOP'], login: 'tim', password: 'tanstaaftanstaaf' })
  assert.deepEqual(cram.heard, ['AUTH CRAM-MD5', base64('tim b913a602c7eda7a495b4e6e7334d3890')])
  const apop = await speaking(t, capabilities, answer, `+OK ready ${stamp}`)
  await come(t, apop.at, { allow: ['APOP'], login: 'mrose', password: 'tanstaaf' })
  assert.deepEqual(apop.heard, ['APOP mrose c4c9334bac560ecc979e58001b3e22fb'])
  assert.equal(hash('md5', `${stamp}tanstaaf`), 'c4c9334bac560ecc979e58001b3e22fb')
  assert.equal(
    createHmac('md5', 'tanstaaftanstaaf').update(challenge).digest('hex'),
    'b913a602c7eda7a495b4e6e7334d3890',
  )
})

test('no digest is made over a timestamp with octets that somebody may have chosen', async (t) => {
  for (const greeting of ['+OK ready', '+OK <\x80\x81@example.it>', '+OK <a\x01@b>', '+OK <a\x7f@b>']) {
    const { at, heard } = await speaking(t, ['USER', 'SASL PLAIN'], () => '+OK', greeting)
    await come(t, at, { allow: ['APOP'] })
    assert.deepEqual(heard, [`AUTH PLAIN ${plain}`], greeting)
  }
})

test("XOAUTH2 in Microsoft's two steps: the bare name, then the token, short or long", async (t) => {
  for (const token of ['short', 'x'.repeat(3000)]) {
    const { at, heard } = await speaking(t, ['USER', 'SASL PLAIN XOAUTH2'], (line) =>
      line === 'AUTH XOAUTH2' ? '+ ' : line.startsWith('AUTH') ? '-ERR Protocol error.' : '+OK',
    )
    await come(t, at, { token: () => Promise.resolve(token) })
    assert.deepEqual(heard, ['AUTH XOAUTH2', xoauth2(token)])
  }
})

test('a refused token: a fresh one is asked for once, and tried once', async (t) => {
  const asked: (string | undefined)[] = []
  const source = (refused?: string): Promise<string> => {
    asked.push(refused)
    return Promise.resolve(refused === undefined ? 'old' : 'new')
  }
  const wrong = `+ ${base64('{"status":"invalid_token"}')}`
  const { at, heard } = await speaking(t, ['SASL OAUTHBEARER XOAUTH2'], (line) => {
    if (line === `AUTH OAUTHBEARER ${bearer('old')}`) return wrong
    return line === base64('\x01') ? '-ERR no' : '+OK'
  })
  await come(t, at, { token: source })
  const lines = [`AUTH OAUTHBEARER ${bearer('old')}`, base64('\x01'), `AUTH OAUTHBEARER ${bearer('new')}`]
  assert.deepEqual(heard, lines)
  assert.deepEqual(asked.splice(0), [undefined, 'old'])

  const never = await speaking(t, ['SASL XOAUTH2'], (line) => (line === 'AUTH XOAUTH2' ? '+ ' : '-ERR [AUTH] bad'))
  await assert.rejects(come(t, never.at, { token: source }), { name: 'RefusedError', reason: 'bad-login' })
  assert.deepEqual(never.heard, ['AUTH XOAUTH2', xoauth2('old'), 'AUTH XOAUTH2', xoauth2('new')])
  assert.deepEqual(asked.splice(0), [undefined, 'old'])

  const same = await speaking(t, ['SASL XOAUTH2'], (line) => (line === 'AUTH XOAUTH2' ? '+ ' : '-ERR [AUTH] bad'))
  await assert.rejects(come(t, same.at, { token: () => Promise.resolve('old') }), { reason: 'bad-login' })
  assert.equal(same.heard.length, 2, 'the same token would be refused again')
})

test('OAUTHBEARER that is not possible gives way to XOAUTH2 with the same token, and that to a fresh one', async (t) => {
  const { at, heard } = await speaking(t, ['SASL OAUTHBEARER XOAUTH2'], (line) => {
    if (line.startsWith('AUTH OAUTHBEARER')) return '-ERR'
    return line === 'AUTH XOAUTH2' ? '+ ' : line === xoauth2('new') ? '+OK' : '-ERR [AUTH] bad'
  })
  await come(t, at, { token: (refused) => Promise.resolve(refused === undefined ? 'old' : 'new') })
  const once = ['AUTH XOAUTH2', xoauth2('old'), 'AUTH XOAUTH2', xoauth2('new')]
  assert.deepEqual(heard, [`AUTH OAUTHBEARER ${bearer('old')}`, ...once])
})

test('without TLS nothing secret leaves for another machine unless it was said; a token never does', async (t) => {
  const { at, heard } = await speaking(t, ['USER', 'SASL XOAUTH2'], (line) => (line === 'AUTH XOAUTH2' ? '+ ' : '+OK'))
  const elsewhere = async (): Promise<Pop3Connection> => {
    const connection = await Pop3Connection.open(at, { tls: false })
    t.after(() => connection.drop())
    await connection.ask({ verb: 'CAPA' })
    // It goes here all the same; only its name is another.
    Object.defineProperty(connection, 'to', { value: { ...at, host: 'pop.example.it' } })
    return connection
  }
  const password = { login: 'mario', password: 'secret' }
  await assert.rejects(logInPop3(await elsewhere(), password), { name: 'PeerError', code: 'tls' })
  const token = { login: 'mario', token: () => Promise.resolve('t'), inTheClear: true }
  await assert.rejects(logInPop3(await elsewhere(), token), { name: 'PeerError', code: 'tls' })
  assert.deepEqual(heard, [])
  await logInPop3(await elsewhere(), { ...password, inTheClear: true })
  assert.deepEqual(heard, ['USER mario', 'PASS secret'])
})

test('a secret that cannot be sent is told before it is', async (t) => {
  const { at, heard } = await speaking(t, ['USER', 'SASL PLAIN'], () => '+OK')
  for (const wrong of [{ password: '' }, { password: 'a\0b' }, { login: '' }])
    await assert.rejects(come(t, at, wrong), { name: 'MisuseError' })
  assert.deepEqual(heard, [])
})

const salt = Buffer.from('a salt that is long enough')
const keys = (password: string, iterations = 4096): ScramKeys => ({
  salt,
  iterations,
  ...keysOf(pbkdf2Sync(password, salt, iterations, 32, 'sha256'), saslCrypto),
  known: true,
})
/** Everything is offered, and SCRAM's keys are those of `known`. */
const everything = (known: ScramKeys): Authentication => ({
  mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS', 'LOGIN'],
  keys: () => Promise.resolve(known),
  authenticate: (credentials) => {
    const right = credentials.by === 'scram' ? credentials.proven : credentials.by === 'password'
    return Promise.resolve(right ? { user: credentials.login } : undefined)
  },
})

for (const tls of ['implicit', 'starttls', 'none'] as const)
  test(`the fetch door logs in by SCRAM, and with TLS (here: ${tls}) bound to it`, async (t) => {
    const options: HouseOptions = { implicitTls: tls === 'implicit', authenticate: everything(keys('secret')) }
    const { at, log } = await house(t, [], options)
    const secret = { login: 'mario', password: 'secret' }
    const reach = { trust: certificate.cert }
    const remote: Remote = { account: 'pop3:mario', leave: 'forever', ...at, host: 'localhost', tls, reach, ...secret }
    const connection = await logIn(remote, {})
    await connection.must({ verb: 'QUIT' }, 'QUIT')
    await soon(() => log.length === 1)
    assert.equal(log[0]?.mechanism, tls === 'none' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-256-PLUS')
  })

test('whoever cannot prove to know the password does not get it by another way', async (t) => {
  const { at, heard } = await speaking(t, ['USER', 'SASL SCRAM-SHA-256 PLAIN'], (line) => {
    if (line.startsWith('AUTH SCRAM')) {
      const nonce = /r=(.*)$/.exec(Buffer.from(line.split(' ')[2] ?? '', 'base64').toString())?.[1] ?? ''
      return `+ ${base64(`r=${nonce}more,s=${base64('salt')},i=4096`)}`
    }
    return line === '*' ? '-ERR cancelled' : `+ ${base64(`v=${base64('made up')}`)}`
  })
  await assert.rejects(come(t, at), { name: 'PeerError', code: 'protocol', message: /has not proved that it knows/ })
  assert.deepEqual(
    heard.map((line) => line.slice(0, 9)).filter((line) => /PLAIN|PASS/.test(line)),
    [],
  )
  assert.equal(heard.at(-1), '*')
})
