import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectTcp, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createServer, getCACertificates, setDefaultCACertificates, type TlsOptions } from 'node:tls'
import { MisuseError, PeerError, type PostinoError } from '../errors.ts'
import { pinOf } from './certificate-pin.ts'
import { connect, connectionError, secure, type Reach } from './connect.ts'
import { makeSelfSigned, type SelfSigned } from './self-signed.ts'

const year = 365 * 86_400_000
const timeout = 60_000

function made(hosts: readonly string[] = ['localhost'], until = Date.now() + year): SelfSigned {
  return makeSelfSigned({ name: hosts[0] ?? '', hosts, addresses: [], from: Date.now() - 2 * year, until })
}

function pin({ cert }: SelfSigned): string {
  return pinOf(new X509Certificate(cert))
}

/** A TLS server that says hello; gives its port. */
async function serve(t: TestContext, options: TlsOptions): Promise<number> {
  return await listening(
    t,
    createServer(options, (socket) => socket.on('error', () => undefined).end('hello')),
  )
}

async function listening(t: TestContext, server: Server): Promise<number> {
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

function clientOf({ cert, key }: SelfSigned): { certificate: string; key: string } {
  return { certificate: cert, key }
}

async function hello(port: number, reach: Reach): Promise<string> {
  const socket = await connect({ host: 'localhost', port }, { tls: true, timeout, reach })
  try {
    return String(((await once(socket, 'data')) as [Buffer])[0])
  } finally {
    socket.destroy()
  }
}

async function failure(port: number, reach: Reach): Promise<PostinoError> {
  try {
    await hello(port, reach)
  } catch (error) {
    assert.ok(error instanceof PeerError || error instanceof MisuseError, String(error))
    return error
  }
  return assert.fail('it connected')
}

test('a pinned certificate is good, self-signed, expired and for another host as it may be', async (t) => {
  const own = made(['elsewhere.example.it'], Date.now() - year)
  const port = await serve(t, own)
  assert.equal(await hello(port, { pins: [pin(own)] }), 'hello')
  // The old one and the new one, while a provider changes.
  assert.equal(await hello(port, { pins: ['0'.repeat(64), pin(own)] }), 'hello')
})

test('a certificate that is not the pinned one is refused, though somebody vouches for it, and both are told', async (t) => {
  const before = made()
  const now = made()
  const port = await serve(t, now)
  const { code, message } = await failure(port, { pins: [pin(before)], trust: now.cert })
  assert.equal(code, 'tls')
  assert.match(message, /^localhost:\d+: its TLS certificate has changed/)
  assert.ok(message.includes(`pinned is sha256:${pin(before)}, it shows sha256:${pin(now)}, for CN=localhost`))
  assert.match(message, /good until \d{4}-\d\d-\d\d/)
  assert.equal(message.split(pin(now)).length, 2, 'told once')
})

test('of a certificate that is refused the pin is told', async (t) => {
  const cases: [SelfSigned, RegExp][] = [
    [made(), /not trusted \(it is self-signed\)/],
    [made(['localhost'], Date.now() - year), /has expired|self-signed/],
    [made(['elsewhere.example.it']), /self-signed|is not for localhost/],
  ]
  for (const [own, words] of cases) {
    const { code, message } = await failure(await serve(t, own), {})
    assert.equal(code, 'tls')
    assert.match(message, words)
    assert.ok(message.includes(`--pin sha256:${pin(own)},`), message)
    assert.ok(message.length < 330, message)
  }
})

test('a certificate is trusted beside those that are trusted anyway', async (t) => {
  const named = (name: string): SelfSigned =>
    makeSelfSigned({ name, hosts: ['localhost'], addresses: [], from: Date.now() - year, until: Date.now() + year })
  const [usual, other, stranger] = [named('usual'), named('other'), named('stranger')]
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, usual.cert])
  t.after(() => setDefaultCACertificates(before))
  const reach = { trust: other.cert }
  assert.equal(await hello(await serve(t, usual), reach), 'hello')
  assert.equal(await hello(await serve(t, other), reach), 'hello')
  assert.match((await failure(await serve(t, stranger), reach)).message, /self-signed/)
})

test('where verification is switched off for all of Node, it is not for us', async (t) => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.after(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  assert.match((await failure(await serve(t, made()), {})).message, /not trusted/)
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a client certificate is shown to a server that wants one (${maxVersion})`, async (t) => {
    const server = made()
    const mine = made(['mario'])
    const clientCertificate = clientOf(mine)
    const reach = { trust: server.cert, clientCertificate }
    const shown: (string | undefined)[] = []
    const asks = createServer({ ...server, maxVersion, requestCert: true, rejectUnauthorized: false }, (socket) => {
      const certificate = socket.getPeerX509Certificate()
      shown.push(certificate && pinOf(certificate))
      socket.on('error', () => undefined).end('hello')
    })
    const port = await listening(t, asks)
    assert.equal(await hello(port, reach), 'hello')
    assert.equal(await hello(port, { trust: server.cert }), 'hello')
    assert.deepEqual(shown, [pin(mine), undefined])

    const insists = await serve(t, { ...server, maxVersion, requestCert: true, rejectUnauthorized: true })
    assert.match(await said(insists, { trust: server.cert }), /want.* a certificate of ours.*--client-certificate/)
  })
}

const openssl = spawnSync('openssl', ['version']).status === 0

// Node's own server hangs up without a word.
test(
  'a server that does not accept our certificate says so',
  { skip: !openssl && 'there is no openssl' },
  async (t) => {
    const server = made()
    const folder = await mkdtemp(join(tmpdir(), 'postino-tls-'))
    t.after(() => rm(folder, { recursive: true }))
    const pem = join(folder, 'server.pem')
    await writeFile(pem, server.cert + server.key)
    const words = [
      's_server',
      '-accept',
      '127.0.0.1:0',
      '-cert',
      pem,
      '-Verify',
      '1',
      '-verify_return_error',
      '-CAfile',
      pem,
    ]
    const child = spawn('openssl', words, { stdio: ['pipe', 'pipe', 'ignore'] })
    t.after(() => child.kill())
    let printed = ''
    for await (const chunk of child.stdout) if (/ACCEPT .*:\d+\s/.test((printed += String(chunk)))) break
    const port = Number(/ACCEPT .*:(\d+)\s/.exec(printed)?.[1])
    const clientCertificate = clientOf(made(['mario']))
    assert.match(
      await said(port, { pins: [pin(server)], clientCertificate }),
      /it does not accept our certificate \(.*check --client/,
    )
  },
)

/** Why it fails: a server says so in the handshake, or (TLS 1.3) behind it. */
async function said(port: number, reach: Reach): Promise<string> {
  const to = { host: 'localhost', port }
  try {
    const socket = await connect(to, { tls: true, timeout, reach })
    const [error] = await new Promise<[Error]>((resolve) => socket.once('error', (why) => resolve([why])).resume())
    return connectionError(error, to).message
  } catch (error) {
    return String(error)
  }
}

test('certificates of our own that are no good are ours to mend', async (t) => {
  const own = made()
  const port = await serve(t, own)
  const cases: Reach[] = [
    { clientCertificate: { certificate: 'not PEM', key: own.key } },
    { clientCertificate: { certificate: own.cert, key: 'not PEM' } },
    { clientCertificate: { certificate: own.cert, key: made().key } },
  ]
  for (const reach of cases) {
    const error = await failure(port, { ...reach, pins: [pin(own)] })
    assert.equal(error.code, 'configuration')
    assert.match(error.message, /our own certificate and its key cannot be used for TLS/)
    assert.ok(!error.message.includes(own.key.slice(30, 60)))
  }
  for (const trust of ['not PEM', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
    const error = await failure(port, { trust })
    assert.equal(error.code, 'configuration')
    assert.match(error.message, /the certificates to trust cannot be used for TLS/)
  }
})

test('a server that speaks only TLS 1.1 is told from one that speaks none', async (t) => {
  const own = made()
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  const { code, message } = await failure(await serve(t, { ...own, ...old }), { pins: [pin(own)] })
  assert.equal(code, 'tls')
  assert.match(message, /speaks no TLS that is safe, only 1\.1 or older/)
})

test('a server that never ends the handshake', async (t) => {
  const { createServer: createTcp } = await import('node:net')
  let asked = Promise.withResolvers<void>()
  const silent = createTcp((socket) => socket.on('error', () => undefined).on('data', () => asked.resolve()))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  const to = { host: '127.0.0.1', port: (silent.address() as AddressInfo).port }
  const late = (error: unknown): boolean =>
    error instanceof PeerError &&
    error.code === 'timed-out' &&
    /127\.0\.0\.1:\d+ did not finish the TLS handshake within 0\.2 s/.test(error.message)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const inTheMidst = async (work: () => void): Promise<void> => {
    await asked.promise
    asked = Promise.withResolvers<void>()
    work()
  }
  const wait = (): void => t.mock.timers.tick(200)
  await Promise.all([assert.rejects(connect(to, { tls: true, timeout: 200 }), late), inTheMidst(wait)])
  const socket: Socket = connectTcp(to.port, to.host)
  await once(socket, 'connect')
  await Promise.all([assert.rejects(secure(socket, to, { timeout: 200 }), late), inTheMidst(wait)])
  const stop = new AbortController()
  const stopped = connect(to, { tls: true, timeout, signal: stop.signal })
  const lost = (error: unknown): boolean => error instanceof PeerError && error.code === 'connection-lost'
  await Promise.all([assert.rejects(stopped, lost), inTheMidst(() => stop.abort())])
})
