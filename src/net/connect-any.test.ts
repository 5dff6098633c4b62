import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { PeerError } from '../errors.ts'
import { makeCertificate } from './certificate.ts'
import { connect } from './connect.ts'
import type { HostAddress, Lookup } from './connect-any.ts'

const timeout = 60_000
const six = { address: '::1', family: 6 }
const four = { address: '127.0.0.1', family: 4 }

async function listening(t: TestContext, server: Server, host: string, port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

function hello(socket: Socket): void {
  socket.on('error', () => undefined).end('hello')
}

/** Resolves a name to these, whatever it is. */
function to(...addresses: readonly HostAddress[]): Lookup {
  return () => Promise.resolve(addresses)
}

/**
 * A port of 127.0.0.1 whose connections hang: its process is stopped, and nobody else gets into its queue. That is as a black hole is,
 * for those who connect.
 */
async function blackHole(t: TestContext): Promise<number> {
  const code = `const s = require('net').createServer(); s.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(s.address().port))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line.toString())
  child.kill('SIGSTOP')
  // Until one more hangs.
  const fillers: Socket[] = []
  t.after(() => {
    for (const socket of fillers) socket.destroy()
  })
  for (let full = false; !full;) {
    const socket = connectTcp(port, '127.0.0.1')
    fillers.push(socket.on('error', () => undefined))
    await Promise.race([once(socket, 'connect'), sleep(300)])
    // Where it was this process that stood still, it hears of the connection now.
    for (let turns = 0; turns < 3; turns++) await turn()
    full = socket.connecting
  }
  return port
}

test('an address where nobody listens is passed over at once, in the clear and with TLS', async (t) => {
  const own = makeCertificate()
  const plain = await listening(t, createServer(hello), '127.0.0.1')
  const secured = createTlsServer({ cert: own.cert, key: own.key }, hello)
  const tls = await listening(t, secured, '127.0.0.1')
  for (const [port, options] of [
    [plain, { tls: false }],
    [tls, { tls: true, reach: { trust: own.cert } }],
  ] as const) {
    const socket = await connect({ host: 'localhost', port }, { ...options, timeout, lookup: to(six, four) })
    assert.equal(String(((await once(socket, 'data')) as [Buffer])[0]), 'hello')
    assert.equal(socket.remoteAddress, '127.0.0.1')
    socket.destroy()
  }
})

test(
  'beside an address that swallows everything the next one is tried',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const port = await blackHole(t)
    await listening(t, createServer(hello), '::1', port)
    const socket = await connect({ host: 'pop.example.it', port }, { tls: false, timeout, lookup: to(four, six) })
    assert.equal(socket.remoteAddress, '::1')
    socket.destroy()
    // Where there is no other, it is told when the time is over.
    const alone = connect({ host: 'pop.example.it', port }, { tls: false, timeout: 500, lookup: to(four) })
    await assert.rejects(alone, (error) => {
      assert.ok(error instanceof PeerError)
      assert.equal(error.code, 'timed-out')
      assert.match(error.message, /pop\.example\.it:\d+ did not answer within 0\.5 s/)
      return true
    })
  },
)

// RFC 8305 §4.
test('families take turns', { skip: process.platform !== 'linux' }, async (t) => {
  const port = await blackHole(t)
  await listening(t, createServer(hello), '127.0.0.2', port)
  await listening(t, createServer(hello), '::1', port)
  const lookup = to(four, { address: '127.0.0.2', family: 4 }, six)
  const socket = await connect({ host: 'pop.example.it', port }, { tls: false, timeout, lookup })
  assert.equal(socket.remoteAddress, '::1')
  socket.destroy()
})

test('a name that is not found in time, or not at all', async () => {
  const host = { host: 'pop.example.it', port: 110 }
  const never: Lookup = () => new Promise(() => undefined)
  await assert.rejects(
    connect(host, { tls: false, timeout: 100, lookup: never }),
    /the name pop\.example\.it was not found within 0\.1 s/,
  )
  await assert.rejects(
    connect(host, { tls: false, timeout, lookup: to() }),
    /there is no host of the name pop\.example\.it/,
  )
  const stop = new AbortController()
  const stopped = connect(host, { tls: false, timeout, lookup: never, signal: stop.signal })
  stop.abort()
  await assert.rejects(stopped, (error) => error instanceof PeerError && error.code === 'connection-lost')
})
