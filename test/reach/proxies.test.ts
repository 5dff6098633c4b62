import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { PeerError } from '../../src/errors.ts'
import { makeCertificate } from '../../src/net/certificate.ts'
import { connect, type Destination, type Reach } from '../../src/net/connect.ts'
import { startHttp, startSocks, type ProxyManners, type TestProxy } from './proxies.ts'

const starts = { socks5: startSocks, http: startHttp }
const timeout = 60_000

/** A server that greets and sends back what it gets. */
async function echo(t: TestContext): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).write('+OK ready\r\n')
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

async function failure(to: Destination, reach: Reach, within = timeout): Promise<PeerError> {
  try {
    ;(await connect(to, { tls: false, timeout: within, reach })).destroy()
  } catch (error) {
    assert.ok(error instanceof PeerError, String(error))
    assert.doesNotMatch(error.message, /secret/)
    return error
  }
  return assert.fail('it connected')
}

/** What comes over a connection until there are so many octets. */
async function receive(to: Destination, reach: Reach, count: number): Promise<string> {
  const socket = await connect(to, { tls: false, timeout, reach })
  socket.write('hello')
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    if (text.length >= count) break
  }
  return text
}

for (const [kind, start] of Object.entries(starts)) {
  test(`${kind}: the proxy looks up the name, and everything goes through it`, async (t) => {
    const port = await echo(t)
    for (const manners of [{}, { drip: true }, { joined: true }] satisfies ProxyManners[]) {
      await using proxy = await start(manners)
      const text = await receive({ host: 'pop.example.it', port }, { proxy: proxy.url }, 16)
      assert.equal(text, '+OK ready\r\nhello')
      assert.deepEqual(proxy.asked, [`pop.example.it:${port}`])
    }
  })

  test(`${kind}: addresses go as they are`, async (t) => {
    const port = await echo(t)
    await using proxy = await start()
    assert.equal(await receive({ host: '127.0.0.1', port }, { proxy: proxy.url }, 16), '+OK ready\r\nhello')
    const there = createServer((socket) => socket.on('error', () => undefined).end('six'))
    await new Promise<void>((resolve) => there.listen(port, '::1', resolve))
    t.after(() => there.close())
    assert.equal(await receive({ host: '::1', port }, { proxy: proxy.url }, 3), 'six')
    const six = kind === 'http' ? '::1' : '0:0:0:0:0:0:0:1'
    assert.deepEqual(proxy.asked, [`127.0.0.1:${port}`, `${six}:${port}`])
  })

  test(`${kind}: with a log-in, and without`, async (t) => {
    const port = await echo(t)
    const to = { host: 'pop.example.it', port }
    await using proxy = await start({ login: { name: 'mario@example.it', password: 'a secret: ü' } })
    const url = (login: string): string => proxy.url.replace('://', `://${login}@`)
    const given = url(`mario%40example.it:${encodeURIComponent('a secret: ü')}`)
    assert.equal(await receive(to, { proxy: given }, 16), '+OK ready\r\nhello')
    const wrong = await failure(to, { proxy: url('mario:another%20secret') })
    assert.match(wrong.message, new RegExp(`the proxy ${kind}://127.0.0.1:${proxy.port} does not accept the user name`))
    assert.match((await failure(to, { proxy: proxy.url })).message, /the proxy .* wants a user name and a password/)
    await using open = await start()
    const needless = open.url.replace('://', '://mario:secret@')
    assert.equal(await receive(to, { proxy: needless }, 16), '+OK ready\r\nhello')
  })

  test(`${kind}: TLS is with the server, not with the proxy`, async (t) => {
    const own = makeCertificate()
    const server = createTlsServer({ cert: own.cert, key: own.key }, (socket) => socket.end('inside'))
    server.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const to = { host: 'localhost', port: (server.address() as AddressInfo).port }
    await using proxy = await start()
    const reach = { proxy: proxy.url, trust: own.cert }
    const socket = await connect(to, { tls: true, timeout, reach })
    const [octets] = (await once(socket, 'data')) as [Buffer]
    assert.equal(octets.toString(), 'inside')
    socket.destroy()
    const elsewhere = { ...to, host: 'pop.example.it' }
    await assert.rejects(
      connect(elsewhere, { tls: true, timeout, reach }),
      /pop\.example\.it.* is not for pop\.example\.it/,
    )
  })

  test(`${kind}: a proxy that is not there, that is none, or that says nothing`, async (t) => {
    const to = { host: 'pop.example.it', port: 110 }
    let gone: string
    {
      await using proxy = await start()
      gone = proxy.url
    }
    const { code, message } = await failure(to, { proxy: gone })
    assert.equal(code, 'unreachable')
    assert.match(message, /no way to the proxy: 127\.0\.0\.1:\d+: nothing listens there/)
    const nowhere = await failure(to, { proxy: `${kind}://proxy.nowhere.invalid:1080` })
    assert.match(nowhere.message, /no way to the proxy: .*there is no host of the name proxy\.nowhere\.invalid/)

    await using silent = await start({ silent: true })
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const failing = failure(to, { proxy: silent.url }, 200)
    await silent.spokenTo
    t.mock.timers.tick(200)
    const late = await failing
    t.mock.timers.reset()
    assert.equal(late.code, 'timed-out')
    assert.match(late.message, /the proxy .* did not connect to pop\.example\.it:110 within 0\.2 s/)

    const greeting = '220 mail.example.it ESMTP\r\n\r\n'
    await using other = await start({ instead: greeting })
    assert.match((await failure(to, { proxy: other.url })).message, /the proxy .* does not speak (SOCKS5|HTTP)/)
    await using endless = await start({ instead: Buffer.alloc(1 << 20, 'x') })
    assert.equal((await failure(to, { proxy: endless.url })).code, 'unreachable')
    await using dripping = await start({ instead: Buffer.alloc(5000, 5), drip: true })
    assert.ok(['timed-out', 'unreachable'].includes((await failure(to, { proxy: dripping.url }, 500)).code))
  })

  test(`${kind}: a connection that is given up meanwhile`, async () => {
    await using silent = await start({ silent: true })
    const stop = new AbortController()
    const reach = { proxy: silent.url }
    const connecting = connect({ host: 'x', port: 1 }, { tls: false, timeout, reach, signal: stop.signal })
    setImmediate(() => stop.abort())
    await assert.rejects(connecting, (error) => error instanceof PeerError && error.code === 'connection-lost')
  })
}

test('who is at fault, the proxy or the server, is told', async () => {
  const to = { host: 'pop.example.it', port: 110 }
  const cases: [TestProxy, RegExp][] = [
    [await startSocks({ answer: 1 }), /^the proxy socks5:.* failed/],
    [await startSocks({ answer: 2 }), /^the proxy socks5:.* does not allow/],
    [await startSocks({ answer: 3 }), /^pop\.example\.it:110, by the proxy socks5:.*: its network cannot be reached/],
    [await startSocks({ answer: 4 }), /^pop\.example\.it:110, .*no host of this name/],
    [await startSocks({ answer: 5 }), /^pop\.example\.it:110, .*nothing listens there/],
    [await startSocks({ answer: 6 }), /^pop\.example\.it:110, .*did not answer in time/],
    [await startSocks({ answer: 7 }), /^the proxy .*no CONNECT/],
    [await startSocks({ answer: 99 }), /^the proxy .*unknown code, 99/],
    [
      await startHttp({ answer: 'HTTP/1.1 403 Forbidden\r\n\r\n' }),
      /^the proxy http:.*\(403 Forbidden\); ask who keeps it/,
    ],
    [
      await startHttp({ answer: 'HTTP/1.1 503 No\r\n\r\n' }),
      /^pop\.example\.it:110 cannot be reached from the proxy .*503/,
    ],
    [await startHttp({ answer: `HTTP/1.0 502 \x1b[31m${'x'.repeat(200)}\r\n\r\n` }), /502 \?\[31mx{50,95}\)$/],
  ]
  for (const [proxy, words] of cases) {
    await using used = proxy
    const { code, message } = await failure(to, { proxy: used.url })
    assert.equal(code, 'unreachable')
    assert.match(message, words)
  }
})
