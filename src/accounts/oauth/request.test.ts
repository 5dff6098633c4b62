import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, createServer as createPlainServer, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { certificate } from '../../../test/pop3-house.ts'
import { requestThrough } from './request.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Where a server answers so. */
async function answering(
  t: TestContext,
  answer: Answer,
  make: (answer: Answer) => Server = createServer,
): Promise<string> {
  const server = make(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const get = { method: 'GET', headers: { accept: 'application/json' } }

test('asks and gives the answer: status, fields, octets; follows no redirect', async (t) => {
  const heard: string[] = []
  const at = await answering(t, (request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => heard.push(text))
    request.on('end', () => {
      heard.unshift(`${request.method} ${request.url} ${request.headers.host}`)
      response.writeHead(302, { location: 'http://example.it/', 'content-type': 'application/json' })
      response.end('{"a":1}')
    })
  })
  const body = new URLSearchParams({ code: 'a&b' })
  const answer = await requestThrough(undefined)(`http://${at}/token?x=1`, { method: 'POST', headers: {}, body })
  assert.deepEqual(heard, [`POST /token?x=1 ${at}`, 'code=a%26b'])
  assert.equal(answer.status, 302)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.deepEqual(await answer.json(), { a: 1 })
  const empty = await answering(t, (_, response) => response.writeHead(204).end())
  assert.equal(await (await requestThrough(undefined)(`http://${empty}/`, get)).text(), '')
})

test('in the clear only to this machine, and a certificate must be trusted', async (t) => {
  for (const url of ['http://example.it/token', 'ftp://127.0.0.1/', 'http://127.0.0.1.example.it/'])
    await assert.rejects(requestThrough(undefined)(url, get), { name: 'MisuseError', message: /give an https URL/ })
  const at = await answering(
    t,
    (_, response) => response.end('never'),
    (answer) => createSecureServer(certificate, answer),
  )
  await assert.rejects(requestThrough(undefined)(`https://${at}/`, get), { name: 'PeerError', code: 'tls' })
})

test('an answer without end, one that is none, and nobody there', async (t) => {
  const endless = await answering(t, (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  })
  await assert.rejects(requestThrough(undefined)(`http://${endless}/`, get), {
    name: 'PeerError',
    code: 'reply-too-long',
  })
  const rude = createPlainServer((socket) => socket.end('SSH-2.0-x\r\n')).listen(0, '127.0.0.1')
  await once(rude, 'listening')
  t.after(() => rude.close())
  const { port } = rude.address() as AddressInfo
  await assert.rejects(requestThrough(undefined)(`http://127.0.0.1:${port}/`, get), { name: 'PeerError' })
  rude.close()
  await assert.rejects(requestThrough(undefined)(`http://127.0.0.1:${port}/`, get), {
    name: 'PeerError',
    code: 'unreachable',
  })
  const stop = AbortSignal.abort()
  await assert.rejects(requestThrough(undefined)(`http://${endless}/`, { ...get, signal: stop }), { name: 'PeerError' })
})

test('through the proxy of the account', async (t) => {
  const at = await answering(t, (_, response) => response.end('{}'))
  const asked: string[] = []
  const proxy = await answering(
    t,
    () => undefined,
    (answer) => {
      const server = createServer(answer)
      server.on('connect', (request: IncomingMessage, socket) => {
        asked.push(request.url ?? '')
        const [host = '', port = ''] = (request.url ?? '').split(':')
        const onward = connect(Number(port), host, () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
          onward.pipe(socket).pipe(onward)
        })
        onward.on('error', () => socket.destroy())
        socket.on('error', () => onward.destroy())
      })
      return server
    },
  )
  assert.equal((await requestThrough(`http://${proxy}`)(`http://${at}/`, get)).status, 200)
  assert.deepEqual(asked, [at])
})
