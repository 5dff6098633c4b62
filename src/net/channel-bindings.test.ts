import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import { makeCertificate } from './certificate.ts'
import { channelBinding } from './channel-bindings.ts'

const certificate = makeCertificate()

interface Ends {
  readonly server: TLSSocket
  readonly client: TLSSocket
}

/** Both ends of one TLS connection; and of another that resumes its session. */
async function both(
  t: TestContext,
  maxVersion: 'TLSv1.2' | 'TLSv1.3',
): Promise<Ends & { readonly again: () => Promise<Ends> }> {
  const secureContext = createSecureContext(certificate)
  const listener = createServer((raw) => {
    const socket = new TLSSocket(raw, { isServer: true, secureContext })
    socket.on('secure', () => listener.emit('accepted', socket)).on('error', (error) => listener.emit('error', error))
  }).listen(0, '127.0.0.1')
  t.after(() => void listener.close())
  await once(listener, 'listening')
  const address = listener.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const open = async (session?: Buffer): Promise<Ends> => {
    const client = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      maxVersion,
      ...(session && { session }),
    })
    client.on('error', () => undefined)
    t.after(() => void client.destroy())
    const [[server]] = await Promise.all([once(listener, 'accepted'), once(client, 'secureConnect')])
    assert.ok(server instanceof TLSSocket)
    return { server, client }
  }
  const first = await open()
  return { ...first, again: () => open(first.client.getSession()) }
}

test('both ends of a TLS 1.3 connection make the same bindings', async (t) => {
  const { server, client } = await both(t, 'TLSv1.3')
  const exporter = channelBinding(server, 'tls-exporter', 'server')
  assert.equal(exporter?.length, 32)
  assert.deepEqual(channelBinding(client, 'tls-exporter', 'client'), exporter)
  const endPoint = channelBinding(server, 'tls-server-end-point', 'server')
  // The certificate made here is signed by ECDSA with SHA-256.
  const raw = server.getX509Certificate()?.raw ?? Buffer.alloc(0)
  assert.deepEqual(endPoint, createHash('sha256').update(raw).digest())
  assert.deepEqual(channelBinding(client, 'tls-server-end-point', 'client'), endPoint)
  assert.equal(channelBinding(server, 'tls-unique', 'server'), undefined)
})

test('before TLS 1.3 there is the handshake to bind to, unless a session was resumed, and the certificate', async (t) => {
  const { server, client, again } = await both(t, 'TLSv1.2')
  assert.equal(channelBinding(server, 'tls-exporter', 'server'), undefined)
  const unique = channelBinding(server, 'tls-unique', 'server')
  assert.equal(unique?.length, 12)
  assert.deepEqual(channelBinding(client, 'tls-unique', 'client'), unique)
  const resumed = await again()
  assert.ok(resumed.server.isSessionReused())
  assert.equal(channelBinding(resumed.server, 'tls-unique', 'server'), undefined)
  assert.equal(channelBinding(resumed.client, 'tls-unique', 'client'), undefined)
  const endPoint = channelBinding(client, 'tls-server-end-point', 'client')
  assert.equal(endPoint?.length, 32)
  assert.deepEqual(channelBinding(server, 'tls-server-end-point', 'server'), endPoint)
})
