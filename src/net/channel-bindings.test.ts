import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import { makeCertificate } from './certificate.ts'
import { channelBinding } from './channel-bindings.ts'

const certificate = makeCertificate()

/** Both ends of one TLS connection. */
async function both(
  t: TestContext,
  maxVersion: 'TLSv1.2' | 'TLSv1.3',
): Promise<{ server: TLSSocket; client: TLSSocket }> {
  const secureContext = createSecureContext(certificate)
  const accepted = Promise.withResolvers<TLSSocket>()
  const listener = createServer((raw) => {
    const socket = new TLSSocket(raw, { isServer: true, secureContext })
    socket.on('secure', () => accepted.resolve(socket)).on('error', accepted.reject)
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const client = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion })
  client.on('error', () => undefined)
  t.after(() => {
    client.destroy()
    listener.close()
  })
  await once(client, 'secureConnect')
  return { server: await accepted.promise, client }
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
})

test('before TLS 1.3 there is only the binding to the certificate', async (t) => {
  const { server, client } = await both(t, 'TLSv1.2')
  assert.equal(channelBinding(server, 'tls-exporter', 'server'), undefined)
  const endPoint = channelBinding(client, 'tls-server-end-point', 'client')
  assert.equal(endPoint?.length, 32)
  assert.deepEqual(channelBinding(server, 'tls-server-end-point', 'server'), endPoint)
})
