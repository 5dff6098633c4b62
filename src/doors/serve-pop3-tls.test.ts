import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Caller, house, logIn, soon } from '../../test/pop3-house.ts'
import { makeCertificate } from '../net/certificate.ts'

const plain = Buffer.from('\0mario\0secret').toString('base64')

/** What may come in the clear behind STLS: whole lines, half a line, and half an exchange, each of which would mean something. */
const smuggled = [
  'CAPA\r\n',
  logIn,
  'USER mario\r\nPASS sec',
  'NOOP',
  '\r\n',
  `AUTH PLAIN\r\n${plain}\r\n`,
  `AUTH PLAIN ${plain}`,
]

for (const text of smuggled) {
  test(`STLS: ${JSON.stringify(text)} that comes in the clear along with it is thrown away, and does not count after the handshake`, async (t) => {
    const { at, log, server } = await house(t)
    const caller = await Caller.call(t, at)
    await caller.line()
    // In one packet, so that it is there before the answer.
    assert.match(await caller.ask(`STLS\r\n${text.replace(/\r\n$/, '')}`), /^\+OK/)
    await caller.startTls()
    // Were a half line or an exchange kept, this would be the rest of it.
    assert.match(await caller.ask('STAT'), /^-ERR/)
    assert.match(await caller.ask('NOOP'), /^-ERR/)
    caller.say(`${logIn}QUIT\r\n`)
    const said = await caller.rest()
    assert.equal(said.split('\r\n').length, 4, `the answers to USER, PASS and QUIT, and nothing else: ${said}`)
    await server.close()
    assert.equal(log[0]?.user, 'mario')
    assert.match(log[0]?.tls ?? '', /^TLSv1\.[23]$/)
  })
}

test('what is sent in the clear after the answer to STLS is not carried out: the handshake fails', async (t) => {
  const { at, log, server, counts } = await house(t)
  const caller = await Caller.call(t, at)
  caller.say('STLS\r\n')
  await caller.until(/TLS handshake\r\n/)
  caller.say(logIn)
  assert.doesNotMatch(await caller.rest(), /\+OK/)
  await server.close()
  assert.equal(log[0]?.end, 'tls failed')
  assert.equal(counts.opened, 0)
})

test('what was said in the clear is forgotten by STLS: USER, LANG and UTF8', async (t) => {
  const { at, log, server } = await house(t)
  const caller = await Caller.call(t, at)
  await caller.line()
  await caller.ask('LANG it')
  await caller.ask('USER mario')
  assert.match(await caller.ask('STLS'), /^\+OK/)
  await caller.startTls()
  assert.match(await caller.ask('PASS secret'), /^-ERR USER must come just before PASS/, 'in English again')
  assert.match(await caller.ask('STLS'), /^-ERR/, 'there is no second one')
  caller.say('CAPA\r\n')
  assert.doesNotMatch(await caller.until(/\r\n\.\r\n/), /STLS/)
  caller.say('QUIT\r\n')
  await caller.rest()
  await server.close()
  assert.equal(log[0]?.language, undefined)
})

test('without a certificate there is no STLS', async (t) => {
  const { at } = await house(t, [], { tls: undefined as never })
  const caller = await Caller.call(t, at)
  await caller.line()
  assert.match(await caller.ask('STLS'), /^-ERR/)
})

for (const implicitTls of [true, false]) {
  const how = implicitTls ? 'implicit TLS' : 'STLS'
  const call = async (
    t: Parameters<typeof house>[0],
    at: { host: string; port: number },
    protocols: string[],
  ): Promise<string | false | null> => {
    if (implicitTls) {
      const caller = await Caller.callTls(t, at, { ALPNProtocols: protocols })
      return (caller.socket as TLSSocket).alpnProtocol
    }
    const caller = await Caller.call(t, at)
    await caller.line()
    await caller.ask('STLS')
    return (await caller.startTls({ ALPNProtocols: protocols })).alpnProtocol
  }
  test(`${how}: pop3 is agreed on with who offers it (RFC 7301), and who offers nothing is served too`, async (t) => {
    const { at } = await house(t, [], { implicitTls })
    assert.equal(await call(t, at, ['imap', 'pop3']), 'pop3')
    assert.equal(await call(t, at, []), false)
  })
  test(`${how}: a client that means another protocol is refused in the handshake`, async (t) => {
    const { at, log } = await house(t, [], { implicitTls })
    await assert.rejects(call(t, at, ['http/1.1', 'h2']), { code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' })
    await soon(() => log.length === 1)
    assert.equal(log[0]?.end, 'tls failed')
    assert.match(log[0]?.problem ?? '', /no application protocol/)
  })
}

test('implicit TLS serves a large message whole', async (t) => {
  const body = `${'x'.repeat(76)}\r\n..dots\r\n`.repeat(40_000)
  const { at } = await house(t, [`Subject: large\r\n\r\n${body}`], { implicitTls: true })
  const caller = await Caller.callTls(t, at)
  caller.say(`${logIn}RETR 1\r\nQUIT\r\n`)
  const said = await caller.rest()
  const from = said.indexOf('Subject: large')
  const message = said.slice(from, said.indexOf('\r\n.\r\n', from) + 2)
  assert.ok(message.replaceAll('\r\n...', '\r\n..') === `Subject: large\r\n\r\n${body}`)
})

test('a client that begins no handshake is hung up on', async (t) => {
  const { at, log } = await house(t, [], { implicitTls: true, patience: { before: 20 } })
  const caller = await Caller.call(t, at)
  await caller.rest()
  await soon(() => log.length === 1)
  assert.equal(log[0]?.end, 'tls failed')
})

test('a new certificate is given to who comes after it', async (t) => {
  let current = makeCertificate()
  const { at } = await house(t, [], { implicitTls: true, tls: () => current })
  const before = (await Caller.callTls(t, at)).socket as TLSSocket
  current = makeCertificate()
  const after = (await Caller.callTls(t, at)).socket as TLSSocket
  assert.notEqual(before.getPeerX509Certificate()?.fingerprint256, after.getPeerX509Certificate()?.fingerprint256)
})
