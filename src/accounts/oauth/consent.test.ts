import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { openBrowser } from './browser.ts'
import { consentByBrowser } from './by-browser.ts'
import { consentByDevice } from './by-device.ts'
import { listenForRedirect } from './redirect-listener.ts'
import { type Registration, registrationWith } from './registration.ts'

interface Said {
  readonly status?: number
  readonly body: object | string
}

/** An issuer that says what it is told to, the last answer again and again; and what it was asked. */
async function saying(
  t: TestContext,
  ...answers: Said[]
): Promise<{ registration: Registration; heard: URLSearchParams[] }> {
  const heard: URLSearchParams[] = []
  const server: Server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (more: string) => (text += more))
    request.on('end', () => {
      heard.push(new URLSearchParams(text))
      const { status = 200, body } = (answers.length > 1 ? answers.shift() : answers[0]) ?? { body: {} }
      response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const registration = registrationWith(
    'work',
    {},
    {
      id: 'mine',
      issuer: at,
      scopes: ['mail'],
      redirect: 'oob',
      authorization_endpoint: `${at}/authorize`,
      token_endpoint: `${at}/token`,
      device_authorization_endpoint: `${at}/device`,
    },
  )
  return { registration, heard }
}

async function* lines(...all: string[]): AsyncGenerator<string> {
  yield* all
}

const good = { access_token: 'a', token_type: 'Bearer', expires_in: 60, refresh_token: 'r' }

test('where the browser is sent nowhere, the person copies the code from the page', async (t) => {
  const { registration, heard } = await saying(t, { body: good })
  let copied = false
  const show = (_: string, copy: boolean): void => void (copied = copy)
  const pasted = lines('', 'not a code', ' abc-123 ')
  let odd = 0
  const tokens = await consentByBrowser(registration, { show, pasted, onOdd: () => odd++ })
  assert.equal(odd, 1)
  assert.equal(copied, true)
  assert.equal(tokens.access, 'a')
  assert.deepEqual([heard[0]?.get('code'), heard[0]?.get('redirect_uri')], ['abc-123', 'oob'])
  assert.ok((heard[0]?.get('code_verifier') ?? '').length >= 43)
})

for (const [what, answer, expected] of [
  ['busy', { status: 503, body: 'try later' }, { name: 'RefusedError', reason: 'try-later' }],
  ['too often', { status: 429, body: { error: 'slow' } }, { name: 'RefusedError', reason: 'try-later' }],
  [
    'invalid_client',
    { status: 401, body: { error: 'invalid_client' } },
    { name: 'MisuseError', code: 'configuration' },
  ],
  ['invalid_scope', { status: 400, body: { error: 'invalid_scope' } }, { name: 'MisuseError', code: 'configuration' }],
  [
    'other',
    { status: 400, body: { error: 'x', error_description: 'a\u0007\nb' } },
    { name: 'RefusedError', reply: 'x: a b' },
  ],
  ['a page', { body: '<html>' }, { name: 'PeerError', code: 'protocol' }],
  ['no token', { body: { token_type: 'Bearer', refresh_token: 'hidden' } }, { name: 'PeerError', code: 'protocol' }],
  ['no bearer token', { body: { ...good, token_type: 'mac' } }, { name: 'PeerError', code: 'protocol' }],
] as const)
  test(`an issuer that answers ${what} is told in words, and no error holds its answer`, async (t) => {
    const { registration } = await saying(t, answer)
    const consent = consentByBrowser(registration, { show: () => undefined, pasted: lines('code') })
    await assert.rejects(consent, (error: Error) => {
      for (const [name, value] of Object.entries(expected)) assert.equal((error as never)[name], value, error.message)
      assert.equal(error.cause, undefined)
      assert.doesNotMatch(error.message, /hidden/)
      return true
    })
  })

test('a device asks as seldom as it is told to, and ends when the code does', async (t) => {
  const device = { device_code: 'd', user_code: 'ABCD', verification_uri: 'https://id.example.it/d', expires_in: 600 }
  const error = (code: string): Said => ({ status: 400, body: { error: code } })
  const slow = await saying(
    t,
    { body: { ...device, interval: 1 } },
    error('authorization_pending'),
    error('slow_down'),
    error('slow_down'),
    { body: good },
  )
  const waits: number[] = []
  const wait = (time: number): Promise<void> => Promise.resolve(void waits.push(time))
  assert.equal((await consentByDevice(slow.registration, { show: () => undefined, wait })).access, 'a')
  assert.deepEqual(waits, [1000, 1000, 6000, 11_000])
  const over = await saying(t, { body: device }, error('expired_token'))
  const ending = consentByDevice(over.registration, { show: () => undefined, wait })
  await assert.rejects(ending, { name: 'RefusedError', message: /nobody gave consent at work in time/ })
  const short = await saying(t, { body: { ...device, expires_in: 0.001 } }, error('authorization_pending'))
  const soon = consentByDevice(short.registration, {
    show: () => undefined,
    wait: () => new Promise((resolve) => setTimeout(resolve, 20)),
  })
  await assert.rejects(soon, { name: 'RefusedError', message: /nobody gave consent at work in time/ })
  assert.equal(short.heard.length, 1)
})

test('--device says why, where an issuer has nothing of the kind', async () => {
  const google = registrationWith('google', {}, { id: 'mine' })
  await assert.rejects(consentByDevice(google, { show: () => undefined }), {
    name: 'MisuseError',
    message: /--device does not work with google: Google gives no access to mail that way; without it/,
  })
})

test('the redirect keeps its form, and a browser may take localhost for either address', async (t) => {
  for (const [given, uri] of [
    ['http://127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+$/],
    ['http://localhost', /^http:\/\/localhost:\d+$/],
    ['http://localhost:0/back?x=1', /^http:\/\/localhost:\d+\/back\?x=1$/],
  ] as const) {
    const listener = await listenForRedirect(given, (url) => url.searchParams.get('state') === 'mine')
    t.after(() => listener.close())
    assert.match(listener.uri, uri)
    const back = new URL(listener.uri)
    back.hostname = '127.0.0.1'
    const page = await fetch(`${back.origin}${back.pathname}?state=mine&code=c`)
    assert.equal(page.status, 200)
    assert.equal(page.headers.get('cache-control'), 'no-store')
    assert.equal((await listener.answered).searchParams.get('code'), 'c')
    assert.equal((await fetch(`${back.origin}${back.pathname}?state=mine`, { method: 'POST' })).status, 404)
  }
  const first = await listenForRedirect('http://127.0.0.1', () => true)
  t.after(() => first.close())
  await assert.rejects(
    listenForRedirect(first.uri, () => true),
    { name: 'StoreError', message: /EADDRINUSE/ },
  )
})

test('a browser is opened where there is a screen', () => {
  assert.equal(openBrowser('https://example.it', 'linux', {}), false)
  // None of these is there; that is no fault.
  const nowhere = { PATH: '/nowhere' }
  assert.equal(openBrowser('https://example.it', 'linux', { ...nowhere, WAYLAND_DISPLAY: 'wayland-0' }), true)
  assert.equal(openBrowser('https://example.it', 'darwin', nowhere), true)
  assert.equal(openBrowser('https://example.it', 'win32', nowhere), true)
})
