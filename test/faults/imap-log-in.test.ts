import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tryImapLogIn } from '../../src/doors/fetch-imap.ts'
import { makeCertificate } from '../../src/net/certificate.ts'
import { usualCapabilities } from './hostile-imap-answers.ts'
import { ImapBench } from './imap-bench.ts'

const { key, cert } = makeCertificate()
const trust = { reach: { trust: cert } }
const without = (...names: string[]): string[] => usualCapabilities.filter((name) => !names.includes(name))

test('STARTTLS that is not offered, or refused, sends no password', async () => {
  for (const instead of [undefined, { STARTTLS: 'NO not now' }, { STARTTLS: 'BAD what?' }]) {
    await using bench = await ImapBench.open(
      instead === undefined ? {} : { instead, capabilities: [...usualCapabilities, 'STARTTLS'] },
      { tls: 'starttls', ...trust },
    )
    const { error } = await bench.fetch()
    assert.equal(error?.code, 'tls')
    assert.match(
      error?.message ?? '',
      /does not offer STARTTLS: the password would go in the clear, so it was not sent/,
    )
    assert.deepEqual([...bench.server.said('LOGIN'), ...bench.server.said('AUTHENTICATE')], [])
  }
})

test('a greeting that says we are logged in does not get around STARTTLS', async () => {
  await using bench = await ImapBench.open(
    { greeting: '* PREAUTH welcome', tls: { key, cert } },
    { tls: 'starttls', ...trust },
  )
  assert.equal((await bench.fetch()).error?.code, 'tls')
  assert.deepEqual(bench.server.said('LIST'), [])
})

test('a server of another protocol is told from one that is silent', async () => {
  await using bench = await ImapBench.open({ greeting: '+OK POP3 ready <1@x>' })
  const { error } = await bench.fetch()
  assert.equal(error?.code, 'protocol')
  assert.match(error?.message ?? '', /: this is no IMAP server: its first line is "\+OK POP3 ready <1@x>"$/)
})

test('words put in before TLS begins are not believed', async () => {
  const injected = '* CAPABILITY IMAP4rev1 AUTH=PLAIN'
  await using bench = await ImapBench.open({ tls: { key, cert, injected } }, { tls: 'starttls', ...trust })
  assert.equal((await bench.fetch()).error?.code, 'tls')
  assert.deepEqual(bench.server.said('AUTHENTICATE'), [])
})

test('STARTTLS with a certificate that is not trusted sends no password; with one that is, mail comes', async () => {
  await using bench = await ImapBench.open({ tls: { key, cert } }, { tls: 'starttls' })
  bench.server.put('INBOX', 'a')
  const { error } = await bench.fetch()
  assert.equal(error?.code, 'tls')
  assert.match(error?.message ?? '', /not trusted/)
  assert.deepEqual(bench.server.said('AUTHENTICATE'), [])
  assert.equal((await bench.fetch({ remote: trust })).new, 1)
})

test('PLAIN, LOGIN and the command LOGIN, whichever the server knows', async () => {
  for (const [capabilities, said] of [
    [usualCapabilities, 'AUTHENTICATE PLAIN'],
    [without('AUTH=PLAIN'), 'AUTHENTICATE LOGIN'],
    [without('AUTH=PLAIN', 'AUTH=LOGIN'), 'LOGIN '],
  ] as const) {
    await using bench = await ImapBench.open({ capabilities })
    await tryImapLogIn(bench.remote)
    assert.equal(bench.server.said(said).length, 1, said)
    await assert.rejects(tryImapLogIn({ ...bench.remote, password: 'wrong' }), { reason: 'bad-login' })
  }
})

test('a server that offers no way in is told, with what it offers', async () => {
  await using bench = await ImapBench.open({ capabilities: ['IMAP4rev1', 'LOGINDISABLED', 'AUTH=GSSAPI'] })
  await assert.rejects(tryImapLogIn(bench.remote), {
    code: 'protocol',
    message: /no way to log in with a password that Postino knows \(it offers: GSSAPI\)/,
  })
})

test('RFC 6750 §5.3: without TLS no token is asked for, let alone sent to another machine', async () => {
  await using bench = await ImapBench.open()
  const { password: _, ...remote } = bench.remote
  const token = (): Promise<string> => assert.fail('a token was asked for')
  await assert.rejects(tryImapLogIn({ ...remote, host: 'imap.example.it', token }), {
    code: 'tls',
    message: /a token would go in the clear, so it was not sent/,
  })
})

test('a token that is refused is asked for anew, once', async () => {
  for (const mechanism of ['OAUTHBEARER', 'XOAUTH2']) {
    await using bench = await ImapBench.open({
      capabilities: [...without('AUTH=PLAIN', 'AUTH=LOGIN'), `AUTH=${mechanism}`],
      secrets: ['fresh'],
    })
    const asked: (string | undefined)[] = []
    const { password: _, ...remote } = bench.remote
    const token = (refused?: string): Promise<string> => {
      asked.push(refused)
      return Promise.resolve(refused === undefined ? 'stale' : 'fresh')
    }
    await tryImapLogIn({ ...remote, token })
    assert.deepEqual(asked, [undefined, 'stale'])
    assert.equal(bench.server.said(`AUTHENTICATE ${mechanism}`).length, 2)
    bench.server.hostility = { ...bench.server.hostility, secrets: [] }
    await assert.rejects(tryImapLogIn({ ...remote, token }), { reason: 'bad-login' })
  }
})
