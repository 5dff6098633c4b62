import assert from 'node:assert/strict'
import { createHmac, hash, pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromBase64, toBase64 } from '../wire/base64.ts'
import { toOctets, toText } from '../wire/octets.ts'
import { clientMechanism } from './client.ts'
import type { ChannelBindings, Mechanism, ServerMechanismOptions, ServerStep } from './mechanism.ts'
import { OAuthClient } from './oauth.ts'
import { isProhibited, prepared } from './prepare.ts'
import { keysOf, type ScramClientCrypto, type ScramKeys } from './scram.ts'
import { serverMechanism } from './server.ts'

/** Node's, but for what is random: that is in base64 what is given, or all zeros. */
function cryptoWith(random?: string): ScramClientCrypto {
  return {
    sha256: (octets) => hash('sha256', octets, 'buffer'),
    hmac: (key, octets) => createHmac('sha256', key).update(octets).digest(),
    random: (octets) => fromBase64(random ?? '!') ?? new Uint8Array(octets),
    pbkdf2: (password, salt, iterations) => pbkdf2Sync(password, salt, iterations, 32, 'sha256'),
  }
}

function keysFor(password: string, known = true): ScramKeys {
  const crypto = cryptoWith()
  const salt = fromBase64('W22ZaJ0SNY7soEsUEjb6gQ==') ?? new Uint8Array()
  const { storedKey, serverKey } = keysOf(crypto.pbkdf2(toOctets(prepared(password)), salt, 4096), crypto)
  return { salt, iterations: 4096, storedKey, serverKey, known }
}

function server(name: Mechanism, options: ServerMechanismOptions = {}) {
  const mechanism = serverMechanism(name, { crypto: cryptoWith(), ...options })
  assert(mechanism)
  return mechanism
}

const respond = (name: Mechanism, message: string, options?: ServerMechanismOptions): ServerStep =>
  server(name, options).respond(toOctets(message))

/** The text of a challenge. */
function said(step: ServerStep): string {
  assert.equal(step.kind, 'challenge')
  return step.kind === 'challenge' ? toText(step.challenge) : ''
}

const bindings: ChannelBindings = (type) => toOctets(`binding of type ${type}`)
const scrams = ['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'] as const

test('RFC 4616 §4: PLAIN, with and without whom to act for', () => {
  const tim = { by: 'password', login: 'tim', password: 'tanstaaftanstaaf', mechanism: 'PLAIN' }
  assert.deepEqual(respond('PLAIN', '\0tim\0tanstaaftanstaaf'), { kind: 'credentials', credentials: tim })
  assert.deepEqual(respond('PLAIN', 'tim\0tim\0tanstaaftanstaaf'), { kind: 'credentials', credentials: tim })
  assert.deepEqual(respond('PLAIN', 'Ursel\0Kurt\0xipj3plmq'), { kind: 'failed', why: 'other-user' })
  for (const wrong of ['', '\0', '\0tim\0', '\0\0secret', 'tim', '\0tim\0sec\0ret'])
    assert.deepEqual(respond('PLAIN', wrong), { kind: 'failed', why: 'malformed' })
  assert.deepEqual(server('PLAIN').respond(Uint8Array.of(0, 0xff, 0, 0x61)), { kind: 'failed', why: 'malformed' })
})

test('LOGIN asks for the name, unless it came along, and for the password', () => {
  const credentials = { by: 'password', login: 'mario', password: 'pà ss', mechanism: 'LOGIN' }
  const asked = server('LOGIN')
  assert.equal(said(asked.respond(undefined)), 'Username:')
  assert.equal(said(asked.respond(toOctets('mario'))), 'Password:')
  assert.deepEqual(asked.respond(toOctets('pà ss')), { kind: 'credentials', credentials })
  const along = server('LOGIN')
  assert.equal(said(along.respond(toOctets('mario'))), 'Password:')
  assert.deepEqual(along.respond(toOctets('pà ss')), { kind: 'credentials', credentials })
  assert.deepEqual(respond('LOGIN', ''), { kind: 'failed', why: 'malformed' })
})

test('RFC 2195 §2: CRAM-MD5 answers the example, and only once', () => {
  const hmacMd5 = (key: Uint8Array, octets: Uint8Array): Uint8Array => createHmac('md5', key).update(octets).digest()
  const client = clientMechanism('CRAM-MD5', { login: 'tim', password: 'tanstaaftanstaaf', hmacMd5 })
  assert(client)
  assert.equal(client.first(), undefined)
  assert.equal(client.finished, false)
  const answer = client.answer(toOctets('<1896.697170952@postoffice.reston.mci.net>'))
  assert.equal(toText(answer ?? new Uint8Array()), 'tim b913a602c7eda7a495b4e6e7334d3890')
  assert.equal(client.finished, true)
  assert.equal(client.answer(toOctets('again')), undefined)
  assert.equal(clientMechanism('CRAM-MD5', { login: 'tim', password: 'x' }), undefined)
})

test('RFC 7677 §3: the exchange of the example, octet by octet', () => {
  // Its nonces are no base64 of octets: the client is played by hand, and ours ends with the server’s nonce of our own making.
  const keys = keysFor('pencil')
  const mechanism = server('SCRAM-SHA-256', { crypto: cryptoWith('hvYDpWUa2RaTCAfuxFIlj1hN') })
  assert.deepEqual(mechanism.respond(toOctets('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')), { kind: 'keys', login: 'user' })
  const first = said(mechanism.keys(keys))
  assert.equal(first, 'r=rOprNGfwEbeRWgbNEkqOhvYDpWUa2RaTCAfuxFIlj1hN,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096')

  const crypto = cryptoWith()
  const hmac = (key: Uint8Array, text: string): string => toBase64(crypto.hmac(key, toOctets(text)))
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const said7677 = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`
  const { clientKey } = keysOf(crypto.pbkdf2(toOctets('pencil'), keys.salt, 4096), crypto)
  const proof = fromBase64(hmac(keys.storedKey, said7677))?.map((octet, at) => octet ^ (clientKey[at] ?? 0))
  assert.equal(toBase64(proof ?? new Uint8Array()), 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=')
  assert.equal(hmac(keys.serverKey, said7677), '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
})

/** A whole exchange; what the server came to, and whether the client believes it. */
function exchange(
  name: (typeof scrams)[number],
  login: string,
  password: string,
  keys: ScramKeys,
  channel: ChannelBindings | undefined = name === 'SCRAM-SHA-256' ? undefined : bindings,
): { step: ServerStep; believes: boolean } {
  const client = clientMechanism(name, { login, password, crypto: cryptoWith(), bindings: channel })
  assert(client)
  const mechanism = server(name, { bindings, plus: true })
  let step = mechanism.respond(client.first())
  if (step.kind === 'keys') {
    assert.equal(step.login, login)
    step = mechanism.keys(keys)
  }
  while (step.kind === 'challenge') {
    const answer = client.answer(step.challenge)
    if (answer === undefined) break
    step = mechanism.respond(answer)
  }
  return { step, believes: client.finished }
}

test('RFC 5802: both sides of SCRAM come to the same, with every password', () => {
  for (const mechanism of scrams) {
    for (const [login, password] of [
      ['mario', 'segreto'],
      ['a=b,c', 'perché, no = sì'],
      ['mario+phone', '½ ´ ﬁ'],
    ] as const) {
      const right = { by: 'scram', login, mechanism, proven: true }
      const { step, believes } = exchange(mechanism, login, password, keysFor(password))
      assert.deepEqual(step, { kind: 'credentials', credentials: right })
      assert.equal(believes, true)
      const wrong = exchange(mechanism, login, `${password}x`, keysFor(password))
      assert.deepEqual(wrong.step, { kind: 'credentials', credentials: { ...right, proven: false } })
      assert.equal(wrong.believes, false)
    }
  }
})

test('keys that were invented are never proven, though the password were right', () => {
  const { step, believes } = exchange('SCRAM-SHA-256', 'nobody', 'x', keysFor('x', false))
  assert(step.kind === 'credentials' && step.credentials.by === 'scram' && !step.credentials.proven)
  assert.equal(believes, false)
})

test('RFC 4013: passwords that look alike are alike, and no octet of the others is changed', () => {
  const same = (a: string, b: string): void => assert.equal(prepared(a), prepared(b))
  same('perche\u0301', 'perch\u00e9')
  same('a\u00a0b', 'a b')
  same('so\u00adft', 'soft')
  same('\u2168', 'IX') // RFC 4013 §3
  assert.equal(prepared('però €'), 'però €')
  for (const wrong of ['a\0', 'a\tb', '\u200e', '\ue000', '\ufffd']) assert(isProhibited(wrong))
  assert(!isProhibited('perch\u00e9 a\u00a0b'))
})

test('RFC 5802 §6: a channel binding must be there, be the right one, and must not be talked away', () => {
  const first = (flag: string): string => `${flag},,n=user,r=abcdef`
  const over = { bindings, plus: true }
  const failed = (why: string): unknown => ({ kind: 'failed', why })
  assert.deepEqual(respond('SCRAM-SHA-256', first('y'), over), failed('downgraded'))
  assert.deepEqual(respond('SCRAM-SHA-256', first('y')), { kind: 'keys', login: 'user' })
  assert.deepEqual(respond('SCRAM-SHA-256', first('n'), over), { kind: 'keys', login: 'user' })
  assert.deepEqual(respond('SCRAM-SHA-256', first('p=tls-exporter'), over), failed('channel-binding'))
  assert.deepEqual(respond('SCRAM-SHA-256-PLUS', first('n'), over), failed('channel-binding'))
  assert.deepEqual(respond('SCRAM-SHA-256-PLUS', first('p=tls-other'), over), failed('channel-binding'))
  assert.deepEqual(respond('SCRAM-SHA-256-PLUS', first('p=tls-exporter')), failed('channel-binding'))
  for (const type of ['tls-exporter', 'tls-unique', 'tls-server-end-point'])
    assert.equal(respond('SCRAM-SHA-256-PLUS', first(`p=${type}`), over).kind, 'keys')
  // Somebody stands between the two, each with a channel of its own.
  const other = exchange('SCRAM-SHA-256-PLUS', 'mario', 'x', keysFor('x'), () => toOctets('another channel'))
  assert.deepEqual(other.step, failed('channel-binding'))
  // A client without tls-exporter takes what there is.
  const old: ChannelBindings = (type) => (type === 'tls-server-end-point' ? bindings(type) : undefined)
  assert.equal(exchange('SCRAM-SHA-256-PLUS', 'mario', 'x', keysFor('x'), old).believes, true)
})

test('RFC 5802 §5.1: what cannot be a first message of a client', () => {
  const malformed = { kind: 'failed', why: 'malformed' }
  for (const wrong of [
    '',
    'n=user,r=abc',
    'n,,n=,r=abc',
    'n,,n=us=er,r=abc',
    'n,,n=user',
    'n,,n=user,r=',
    'n,,n=user,r=a c',
    'n,,m=ext,n=user,r=abc',
    'n,,n=user,r=abc,m=ext',
    'x,,n=user,r=abc',
    'p=,,n=user,r=abc',
  ])
    assert.deepEqual(respond('SCRAM-SHA-256', wrong), malformed, wrong)
  assert.deepEqual(respond('SCRAM-SHA-256', 'n,a=anna,n=mario,r=abc'), { kind: 'failed', why: 'other-user' })
  assert.equal(respond('SCRAM-SHA-256', 'n,a=a=2Cb,n=a=2Cb,r=abc,x=later').kind, 'keys')
})

test('RFC 5802 §5.1: what cannot be a last message of a client', () => {
  const proof = `p=${toBase64(new Uint8Array(32))}`
  const last = (message: (nonce: string) => string): ServerStep => {
    const mechanism = server('SCRAM-SHA-256')
    mechanism.respond(toOctets('n,,n=user,r=abc'))
    const nonce = /^r=([^,]*)/.exec(said(mechanism.keys(keysFor('x'))))?.[1] ?? ''
    return mechanism.respond(toOctets(message(nonce)))
  }
  assert.equal(last((nonce) => `c=biws,r=${nonce},${proof}`).kind, 'credentials')
  assert.equal(last((nonce) => `c=biws,r=${nonce},x=later,${proof}`).kind, 'credentials')
  assert.deepEqual(
    last((nonce) => `c=eSws,r=${nonce},${proof}`),
    { kind: 'failed', why: 'channel-binding' },
  )
  for (const wrong of [
    (nonce: string) => `c=biws,r=${nonce}x,${proof}`,
    () => `c=biws,r=abc,${proof}`,
    (nonce: string) => `c=biws,r=${nonce},m=ext,${proof}`,
    (nonce: string) => `c=biws,r=${nonce},p=AAAA`,
    (nonce: string) => `c=biws,r=${nonce}`,
    () => '',
  ])
    assert.deepEqual(last(wrong), { kind: 'failed', why: 'malformed' })
})

test('a client does not answer a server that is not what it should be', () => {
  const answerTo = (challenge: (nonce: string) => string): Uint8Array | undefined => {
    const client = clientMechanism('SCRAM-SHA-256', { login: 'a', password: 'b', crypto: cryptoWith() })
    const nonce = toText(client?.first() ?? new Uint8Array()).split('r=')[1] ?? ''
    return client?.answer(toOctets(challenge(nonce)))
  }
  assert(answerTo((nonce) => `r=${nonce}x,s=AAAA,i=4096`))
  assert.equal(
    answerTo((nonce) => `r=${nonce},s=AAAA,i=4096`),
    undefined,
  ) // nothing of the server’s own
  assert.equal(
    answerTo(() => 'r=other,s=AAAA,i=4096'),
    undefined,
  )
  assert.equal(
    answerTo((nonce) => `r=${nonce}x,s=AAAA,i=1`),
    undefined,
  )
  assert.equal(
    answerTo((nonce) => `r=${nonce}x,s=AAAA,i=999999999`),
    undefined,
  )
  assert.equal(
    answerTo((nonce) => `m=ext,r=${nonce}x,s=AAAA,i=4096`),
    undefined,
  )
  assert.equal(
    answerTo(() => 'e=other-error'),
    undefined,
  )
  assert.equal(clientMechanism('SCRAM-SHA-256-PLUS', { login: 'a', password: 'b', crypto: cryptoWith() }), undefined)
})

test('RFC 7628 §4.1: OAUTHBEARER', () => {
  const example =
    'bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI' +
    'HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB'
  const credentials = {
    by: 'bearer',
    login: 'user@example.com',
    token: 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==',
    mechanism: 'OAUTHBEARER',
  }
  assert.deepEqual(server('OAUTHBEARER').respond(fromBase64(example)), { kind: 'credentials', credentials })
  const step = respond('OAUTHBEARER', 'y,,\x01auth=bEaReR abc\x01\x01')
  assert(step.kind === 'credentials' && step.credentials.by === 'bearer' && step.credentials.login === '')
  for (const wrong of [
    '\x01',
    '',
    'n,,\x01\x01',
    'n,,\x01auth=Basic abc\x01\x01',
    'n,,\x01auth=Bearer abc\x01',
    'n,,auth=Bearer a\x01\x01',
  ])
    assert.deepEqual(respond('OAUTHBEARER', wrong), { kind: 'failed', why: 'malformed' }, JSON.stringify(wrong))
})

test('a name with "=" and "," in it comes as it went, by every mechanism for tokens', () => {
  const login = 'a=b,c@x.it'
  for (const name of ['OAUTHBEARER', 'XOAUTH2'] as const) {
    const first = clientMechanism(name, { login, token: 'ya29' })?.first()
    const credentials = { by: 'bearer', login, token: 'ya29', mechanism: name }
    assert.deepEqual(server(name).respond(first), { kind: 'credentials', credentials })
  }
})

test('XOAUTH2, and RFC 7628 §3.2.3: a client answers the error, and does not believe what comes then', () => {
  assert.deepEqual(respond('XOAUTH2', 'user=mario@example.it\x01auth=Bearer ya29.a-b_c~\x01\x01'), {
    kind: 'credentials',
    credentials: { by: 'bearer', login: 'mario@example.it', token: 'ya29.a-b_c~', mechanism: 'XOAUTH2' },
  })
  for (const [name, status, dummy] of [
    ['OAUTHBEARER', 'invalid_token', '\x01'],
    ['XOAUTH2', '401', ''],
  ] as const) {
    const client = clientMechanism(name, { login: 'a,b@c', token: 'abc' })
    assert(client instanceof OAuthClient)
    const mechanism = server(name)
    const step = mechanism.respond(client.first())
    assert(step.kind === 'credentials' && step.credentials.login === 'a,b@c')
    assert.equal(client.finished, true)
    const error = mechanism.refused() ?? new Uint8Array()
    assert.equal((JSON.parse(toText(error)) as { status: string }).status, status)
    assert.equal(toText(client.answer(error)), dummy)
    assert.equal(client.finished, false)
    assert.equal(client.error, toText(error))
  }
})

test('every mechanism of a client is understood by its server', () => {
  for (const name of ['PLAIN', 'LOGIN'] as const) {
    const client = clientMechanism(name, { login: 'mario', password: 'segreto' })
    assert(client)
    const mechanism = server(name)
    let step = mechanism.respond(client.first())
    while (step.kind === 'challenge') step = mechanism.respond(client.answer(step.challenge))
    assert(step.kind === 'credentials' && step.credentials.login === 'mario')
    assert.equal(client.finished, true)
  }
})

test('nothing that a client or a server sends makes the other throw', () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(...Array.from('nyparscvie=,\x01\0 Az9')), maxLength: 60 }).map(toOctets),
  )
  const names = fc.constantFrom<Mechanism>('PLAIN', 'LOGIN', ...scrams, 'OAUTHBEARER', 'XOAUTH2')
  fc.assert(
    fc.property(names, fc.array(message, { maxLength: 5 }), (name, messages) => {
      const mechanism = server(name, { bindings })
      for (const one of messages) {
        let step = mechanism.respond(one)
        if (step.kind === 'keys') step = mechanism.keys(keysFor('x'))
        if (step.kind !== 'challenge') break
      }
      const client = clientMechanism(name, { login: 'a', password: 'b', token: 'c', crypto: cryptoWith(), bindings })
      for (const one of messages) client?.answer(one)
    }),
  )
})
