import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startDelayProxy } from './delay-proxy.ts'

test('every octet comes through in order, both ways, and each way takes its time', async (t) => {
  const server = createServer((socket) => socket.pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const proxy = await startDelayProxy({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    roundTrip: 60,
  })
  t.after(() => proxy.stop())

  const socket = connect(proxy.port, proxy.host)
  const sent = Buffer.alloc(300_000)
  for (let i = 0; i < sent.length; i++) sent[i] = (i * 7919) >>> 3
  const started = performance.now()
  for (let at = 0; at < sent.length; at += 10_000) socket.write(sent.subarray(at, at + 10_000))
  socket.end()
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  assert.deepEqual(Buffer.concat(chunks), sent)
  // The handshake's 90 ms and one round trip of 60: it can take longer on a busy machine, but not be shorter.
  assert.ok(performance.now() - started > 140)
})
