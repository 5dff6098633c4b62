import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { type TestContext, test } from 'node:test'
import { PeerError } from '../errors.ts'
import { connect, type Destination } from './connect.ts'
import { makeSelfSigned } from './self-signed.ts'

const year = 365 * 86_400_000

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A TLS server whose certificate is trusted, for these hosts and this time. */
async function trusted(t: TestContext, hosts: readonly string[], from: number, until: number): Promise<number> {
  const { cert, key } = makeSelfSigned({ name: 'test', hosts, addresses: [], from, until })
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, cert])
  t.after(() => setDefaultCACertificates(before))
  return await listening(
    t,
    createTlsServer({ cert, key }).on('tlsClientError', () => undefined),
  )
}

async function failure(to: Destination, tls: boolean, timeout = 60_000): Promise<PeerError> {
  try {
    ;(await connect(to, { tls, timeout })).destroy()
  } catch (error) {
    assert.ok(error instanceof PeerError, String(error))
    return error
  }
  return assert.fail('it connected')
}

test('a certificate that is trusted, in time and for the host is taken', async (t) => {
  const port = await trusted(t, ['localhost'], Date.now() - year, Date.now() + year)
  const socket = await connect({ host: 'localhost', port }, { tls: true, timeout: 60_000 })
  socket.destroy()
})

test('an expired certificate is refused, and said to be expired', async (t) => {
  const port = await trusted(t, ['localhost'], Date.now() - 2 * year, Date.now() - year)
  const { code, message } = await failure({ host: 'localhost', port }, true)
  assert.equal(code, 'tls')
  assert.match(message, /localhost:\d+: its TLS certificate has expired/)
})

test('a certificate for another host is refused, naming the host', async (t) => {
  const port = await trusted(t, ['mail.example.it'], Date.now() - year, Date.now() + year)
  assert.match((await failure({ host: 'localhost', port }, true)).message, /is not for localhost/)
})

test('a certificate that nobody vouches for is refused', async (t) => {
  const { cert, key } = makeSelfSigned({
    name: 'x',
    hosts: ['localhost'],
    addresses: [],
    from: Date.now() - year,
    until: Date.now() + year,
  })
  const port = await listening(
    t,
    createTlsServer({ cert, key }).on('tlsClientError', () => undefined),
  )
  const { code, message } = await failure({ host: 'localhost', port }, true)
  assert.equal(code, 'tls')
  assert.match(message, /not trusted/)
})

test('a server that speaks no TLS where TLS is expected', async (t) => {
  const port = await listening(
    t,
    createServer((socket) => socket.on('error', () => undefined).write('+OK ready\r\n')),
  )
  assert.equal((await failure({ host: '127.0.0.1', port }, true)).code, 'tls')
})

test('a host that is not there, a port where nobody listens, a server that never answers', async (t) => {
  const nowhere = await failure({ host: 'pop.nowhere.invalid', port: 995 }, false)
  assert.equal(nowhere.code, 'unreachable')
  assert.match(nowhere.message, /pop\.nowhere\.invalid/)
  const gone = createServer()
  const port = await listening(t, gone)
  await new Promise((resolve) => gone.close(resolve))
  assert.match((await failure({ host: '127.0.0.1', port }, false)).message, /nothing listens there/)
  const silent = await listening(
    t,
    createServer((socket) => socket.on('error', () => undefined)),
  )
  assert.equal((await failure({ host: '127.0.0.1', port: silent }, true, 200)).code, 'timed-out')
})
