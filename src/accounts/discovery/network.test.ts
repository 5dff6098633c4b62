import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createServer as createTls, TLSSocket } from 'node:tls'
import { nameServer } from '../../../test/loopback-dns.ts'
import { PeerError } from '../../errors.ts'
import { makeSelfSigned } from '../../net/self-signed.ts'
import type { Endpoint, Protocol } from '../provider.ts'
import { discover } from './discover.ts'
import { IspdbFolder } from './ispdb-folder.ts'
import type { Look } from './look.ts'
import { Network } from './network.ts'

// The real network on the loopback: a name server, a web server and mail servers of the domain posta.example.

const hosts = ['posta.example', 'autoconfig.posta.example', 'pop.posta.example', 'imap.posta.example']
const now = Date.now()
const own = makeSelfSigned({ name: 'posta', hosts, addresses: [], from: now - 3_600_000, until: now + 3_600_000 })
const ca = own.cert
const loopback = ['127.0.0.1']
const zone = {
  a: { ...Object.fromEntries(hosts.map((host) => [host, loopback])), 'other.example': loopback },
  mx: { 'posta.example': [{ exchange: 'mx.aruba.it', priority: 10 }] },
  srv: { '_pop3s._tcp.posta.example': [{ name: 'pop.posta.example', port: 995, priority: 3, weight: 4 }] },
  broken: ['broken.example'],
}
const signal = (): AbortSignal => AbortSignal.timeout(30_000)

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** A mail server that says these lines, one for each line that it hears, the first one unasked. `log`: what it heard. */
async function speaker(t: TestContext, lines: readonly string[], log: string[], tls = false): Promise<number> {
  const speak = (socket: Socket, said: readonly string[]): void => {
    let next = 1
    socket.on('error', () => undefined)
    socket.write(said[0] ?? '')
    socket.on('data', (octets: Buffer) => {
      for (const line of octets.toString().split('\r\n').slice(0, -1)) {
        log.push(line)
        socket.write(said[next++] ?? '')
        if (!/^(?:STLS|a STARTTLS)$/.test(line)) continue
        socket.removeAllListeners('data')
        const secure = new TLSSocket(socket, { isServer: true, ...own })
        secure.on('error', () => undefined).on('data', (more: Buffer) => log.push(`tls: ${more.toString().trim()}`))
      }
    })
  }
  const server = tls
    ? createTls(own, (socket) => speak(socket, lines)).on('tlsClientError', () => undefined)
    : createServer((socket) => speak(socket, lines))
  return await listening(t, server)
}

const greets = async (look: Look, host: string, port: number, tls: Endpoint['tls'], protocol: Protocol = 'pop3') => {
  try {
    await look.hello({ host, port, tls }, protocol, signal())
    return 'hello'
  } catch (error) {
    assert(error instanceof PeerError, String(error))
    return `${error.code}: ${error.message}`
  }
}

test('DNS: records, no such name, nothing of that kind, a name server that fails, and one that is silent', async (t) => {
  const { address } = await nameServer(t, zone)
  const look = new Network({ nameServers: [address] })
  assert.deepEqual(
    (await look.srv('_pop3s._tcp.posta.example', signal())).map(({ name, port, priority, weight }) => [
      name,
      port,
      priority,
      weight,
    ]),
    [['pop.posta.example', 995, 3, 4]],
  )
  assert.deepEqual(
    (await look.mx('posta.example', signal())).map(({ exchange, priority }) => [exchange, priority]),
    [['mx.aruba.it', 10]],
  )
  assert.deepEqual(await look.mx('nowhere.example', signal()), [])
  assert.deepEqual(await look.mx('other.example', signal()), [])
  const failed = (code: string) => (error: unknown) => error instanceof PeerError && error.code === code
  await assert.rejects(look.mx('broken.example', signal()), failed('protocol'))
  const silent = new Network({ nameServers: [(await nameServer(t, zone, true)).address] })
  await assert.rejects(silent.mx('posta.example', AbortSignal.timeout(200)), failed('timed-out'))
  await assert.rejects(silent.page('https://posta.example/', AbortSignal.abort()), failed('timed-out'))
})

test('https: a page, none, a move, and nothing of what is not proved, too long or moved to http', async (t) => {
  const asked: string[] = []
  const server = createHttps(own, (request, response) => {
    asked.push(`${request.headers.host} ${request.url}`)
    const at = (status: number, location: string): void => void response.writeHead(status, { location }).end()
    const port = String((server.address() as AddressInfo).port)
    if (request.url === '/page?a=b') response.end('<x/>')
    else if (request.url === '/moved') at(302, `https://posta.example:${port}/page?a=b`)
    else if (request.url === '/http') at(302, `http://posta.example:${port}/page?a=b`)
    else if (request.url === '/round') at(301, '/round')
    else if (request.url === '/long') response.end('x'.repeat(100_000))
    else response.writeHead(request.url === '/broken' ? 503 : 404).end('<x/>')
  })
  const port = await listening(t, server)
  const nameServers = [(await nameServer(t, zone)).address]
  const look = new Network({ nameServers, ca })
  const page = (path: string, host = 'autoconfig.posta.example'): Promise<string | undefined> =>
    look.page(`https://${host}:${port}${path}`, signal())
  assert.equal(await page('/page?a=b'), '<x/>')
  assert.deepEqual(asked, [`autoconfig.posta.example:${port} /page?a=b`])
  assert.equal(await page('/moved'), '<x/>')
  assert.equal(await page('/none'), undefined)
  assert.equal(await page('/http'), undefined)
  assert.equal(await page('/page?a=b', 'nowhere.example'), undefined)
  await assert.rejects(page('/round'), /moved more than 3 times/)
  await assert.rejects(page('/long'), /longer than/)
  await assert.rejects(page('/broken'), /answered 503/)
  await assert.rejects(page('/page?a=b', 'other.example'), /certificate is not for other\.example/)
  const strangers = new Network({ nameServers })
  await assert.rejects(strangers.page(`https://posta.example:${port}/`, signal()), /certificate is not trusted/)
})

test('a mail server says hello: with TLS from the start and by STARTTLS, and only with a certificate for its name', async (t) => {
  const look = new Network({ nameServers: [(await nameServer(t, zone)).address], ca })
  const log: string[] = []
  const pop3s = await speaker(t, ['+OK ready\r\n'], log, true)
  assert.equal(await greets(look, 'pop.posta.example', pop3s, 'implicit'), 'hello')
  const pop3 = await speaker(t, ['+OK ready\r\n', '+OK begin\r\n'], log)
  assert.equal(await greets(look, 'pop.posta.example', pop3, 'starttls'), 'hello')
  const imap = await speaker(t, ['* OK ready\r\n', '* CAPABILITY IMAP4rev1\r\na OK begin\r\n'], log)
  assert.equal(await greets(look, 'imap.posta.example', imap, 'starttls', 'imap'), 'hello')
  assert.match(await greets(look, 'other.example', pop3s, 'implicit'), /^tls: .*not for other\.example/)
  assert.match(await greets(look, 'other.example', pop3, 'starttls'), /^tls: .*not for other\.example/)
  assert.match(await greets(look, 'pop.posta.example', imap, 'starttls'), /^protocol: .*its greeting/)
  assert.match(await greets(look, 'nowhere.example', pop3, 'starttls'), /^unreachable: /)
  assert.deepEqual(
    log.filter((line) => !/^(?:STLS|a STARTTLS|QUIT|tls: (?:QUIT|b LOGOUT))$/.test(line)),
    [],
    'no password, nothing else',
  )
})

test('a server that offers no TLS, sends too much, hangs or drops is none', async (t) => {
  const look = new Network({ nameServers: [(await nameServer(t, zone)).address], ca })
  const host = 'pop.posta.example'
  const refuses = await speaker(t, ['+OK ready\r\n', '-ERR no\r\n'], [])
  assert.match(await greets(look, host, refuses, 'starttls'), /^protocol: .*its answer to STLS/)
  const injected = await speaker(t, ['+OK ready\r\n', '+OK begin\r\n+OK you are in\r\n'], [])
  assert.match(await greets(look, host, injected, 'starttls'), /^protocol: .*before TLS/)
  const endless = await speaker(t, ['x'.repeat(20_000)], [])
  assert.match(await greets(look, host, endless, 'starttls'), /^line-too-long: /)
  const drops = await listening(
    t,
    createServer((socket) => void socket.end('+OK')),
  )
  assert.match(await greets(look, host, drops, 'starttls'), /^connection-lost: /)
  const hangs = await speaker(t, [], [])
  const patience = AbortSignal.timeout(300)
  await assert.rejects(
    look.hello({ host, port: hangs, tls: 'starttls' }, 'pop3', patience),
    (error) => error instanceof PeerError && error.code === 'timed-out',
  )
})

test('through a proxy nobody else is asked: no name server', async (t) => {
  const names = await nameServer(t, zone)
  const heard: string[] = []
  const proxy = await listening(
    t,
    createServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', (octets: Buffer) => {
          heard.push(octets.toString().split('\r\n')[0] ?? '')
          socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
        })
    }),
  )
  const look = new Network({ nameServers: [names.address], reach: { proxy: `http://127.0.0.1:${proxy}` } })
  const ispdb = new IspdbFolder(join(tmpdir(), 'postino-no-such-folder'))
  const { found, tried } = await discover('mario@posta.example', { offline: false, look, ispdb })
  assert.equal(found, undefined)
  assert.match(tried[2]?.why ?? '', /a proxy carries no such questions/)
  assert.deepEqual(names.asked, [])
  assert.ok(heard.includes('CONNECT autoconfig.posta.example:443 HTTP/1.1'))
  assert.ok(heard.includes('CONNECT pop.posta.example:995 HTTP/1.1'))
})

test('the whole of discovery over real sockets: autoconfig, then MX, then a knock', async (t) => {
  const ispdb = new IspdbFolder(join(tmpdir(), 'postino-no-such-folder'))
  const text = `<clientConfig version="1.1"><emailProvider id="x"><incomingServer type="pop3"><hostname>pop.posta.example</hostname>
    <port>995</port><socketType>SSL</socketType><authentication>password-cleartext</authentication></incomingServer></emailProvider></clientConfig>`
  const https = await listening(
    t,
    createHttps(own, (request, response) => {
      const wanted = request.url === '/mail/config-v1.1.xml?emailaddress=mario%40posta.example'
      response.writeHead(wanted ? 200 : 404).end(wanted ? text : '')
    }),
  )
  const pop3s = await speaker(t, ['+OK ready\r\n'], [], true)
  const closed = await listening(
    t,
    createServer((socket) => void socket.destroy()),
  )
  /** The usual ports are not ours to have: each question goes to the port of the test instead. */
  const shifted = (network: Network, web: number): Look => ({
    srv: (name, until) => network.srv(name, until),
    mx: (domain, until) => network.mx(domain, until),
    page: (url, until) => network.page(url.replace(/^(https:\/\/[^/]+)/, `$1:${web}`), until),
    hello: (server, protocol, until) =>
      network.hello({ ...server, port: server.port === 995 ? pop3s : closed }, protocol, until),
  })
  const found = async (records: object, web: number) => {
    const { address } = await nameServer(t, { ...zone, srv: {}, ...records })
    const look = shifted(new Network({ nameServers: [address], ca }), web)
    return (await discover('mario@posta.example', { offline: false, look, ispdb })).found
  }
  const told = await found({}, https)
  assert.deepEqual(
    [told?.source, told?.server, told?.login],
    ['autoconfig', 'pop.posta.example', 'mario@posta.example'],
  )
  assert.equal((await found({}, closed))?.server, 'pop3s.aruba.it')
  const knocked = await found({ mx: {} }, closed)
  assert.deepEqual([knocked?.source, knocked?.server, knocked?.port], ['probe', 'pop.posta.example', 995])
  const { srv } = zone
  assert.equal((await found({ srv }, closed))?.source, 'srv')
})
