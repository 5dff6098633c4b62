import assert from 'node:assert/strict'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { askServer } from './control-client.ts'
import { type ControlLine, controlPath, type ControlRequest } from './control-words.ts'
import { ControlListener } from './serve-control.ts'

type Answer = (request: ControlRequest, say: (line: ControlLine) => void) => Promise<void>

async function folder(t: TestContext, name = 'data'): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'postino-control-'))
  t.after(() => rm(made, { recursive: true, force: true }))
  return join(made, name)
}

async function listening(t: TestContext, data: string, answer: Answer): Promise<ControlListener> {
  const listener = new ControlListener(answer)
  assert.equal(await listener.listen(data), undefined)
  t.after(() => listener.close())
  return listener
}

const request: ControlRequest = { fetch: { accounts: ['a@example.it'], dryRun: false } }

/** Everything that comes until the end. */
async function sent(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => (text += more))
  await new Promise((resolve) => (socket.destroyed ? resolve(undefined) : socket.once('close', resolve)))
  return text
}

test('a request is answered line by line; without a server nobody is asked', async (t) => {
  const data = await folder(t)
  assert.equal(await askServer(data, request, () => assert.fail()), false)
  const asked: ControlRequest[] = []
  const listener = await listening(t, data, async (one, say) => {
    asked.push(one)
    say({ progress: { address: 'a', amount: { messages: 1, of: 2, octets: 3, ofOctets: undefined } } })
  })
  const lines: ControlLine[] = []
  const take = (line: ControlLine): Promise<void> => Promise.resolve(void lines.push(line))
  assert.equal(await askServer(data, request, take), true)
  assert.deepEqual(asked, [request])
  assert.deepEqual(
    lines.map((line) => Object.keys(line)),
    [['progress'], ['done']],
  )
  await listener.close()
  assert.equal(await askServer(data, request, () => assert.fail()), false)
})

test('what makes no sense, or never ends, closes its connection and nothing else', async (t) => {
  const data = await folder(t)
  let asked = 0
  await listening(t, data, () => Promise.resolve(void asked++))
  const odd: unknown[] = [
    null,
    [],
    {},
    { fetch: null },
    { fetch: { accounts: 'a', dryRun: false } },
    { fetch: { accounts: [1], dryRun: false } },
    { fetch: { accounts: ['a'], dryRun: 'no' } },
    { fetch: { accounts: ['a'], dryRun: false, only: 5 } },
    { fetch: { accounts: ['a'], dryRun: false, only: [{}] } },
  ]
  for (const text of [...odd.map((one) => `${JSON.stringify(one)}\n`), 'no JSON\n', 'x'.repeat(2 << 20)]) {
    const socket = connect(controlPath(data)).on('error', () => undefined)
    socket.write(text)
    assert.equal(await sent(socket), '', text.slice(0, 60))
  }
  assert.equal(asked, 0)
  assert.equal(await askServer(data, request, () => Promise.resolve()), true)
})

test('an answer that fails ends its connection, not the process', async (t) => {
  const data = await folder(t)
  await listening(t, data, () => Promise.reject(new Error('a fault of ours')))
  await assert.rejects(
    askServer(data, request, () => Promise.resolve()),
    { code: 'connection-lost' },
  )
})

test('who does not read gets less of the progress, and all of the rest', async (t) => {
  const data = await folder(t)
  const outcome = { address: 'a', user: 'mario', report: {} } as unknown as NonNullable<ControlLine['outcome']>
  const all = 50_000
  const told = Promise.withResolvers<void>()
  await listening(t, data, (_, say) => {
    for (let messages = 0; messages < all; messages++)
      say({ progress: { address: 'a', amount: { messages, of: all, octets: 0, ofOctets: undefined } } })
    say({ outcome })
    told.resolve()
    return Promise.resolve()
  })
  const socket = connect(controlPath(data))
  socket.write(`${JSON.stringify(request)}\n`)
  await told.promise
  const lines = (await sent(socket)).trimEnd().split('\n')
  assert.ok(lines.length < all / 2, `${lines.length} lines`)
  assert.deepEqual(
    lines.slice(-2).map((line) => JSON.parse(line) as unknown),
    [{ outcome }, { done: true }],
  )
})

test('the socket is its owner’s alone, also where one was left over; it goes with the server', async (t) => {
  const data = await folder(t)
  mkdirSync(join(data, 'locks'), { recursive: true })
  writeFileSync(controlPath(data), '')
  const listener = await listening(t, data, () => Promise.resolve())
  assert.equal(statSync(controlPath(data)).mode & 0o777, 0o600)
  await listener.close()
  assert.equal(existsSync(controlPath(data)), false)
})

test('a data folder with a long path has its socket elsewhere, for its owner alone', async (t) => {
  const data = await folder(t, 'x'.repeat(120))
  await listening(t, data, () => Promise.resolve())
  assert.ok(Buffer.byteLength(controlPath(data)) <= 100)
  assert.equal(statSync(join(controlPath(data), '..')).mode & 0o077, 0)
  assert.equal(await askServer(data, request, () => Promise.resolve()), true)
})
