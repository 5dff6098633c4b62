import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { fetchPop3 } from '../../src/doors/fetch-pop3.ts'
import type { FetchOptions, FetchReport } from '../../src/doors/fetching.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { Trouble } from '../../src/store/store.ts'
import { someMail } from './hostile-bench.ts'
import { HostilePop3 } from './hostile-pop3.ts'
import { allOctets } from './watched-mail.ts'

/** A hostile server with some mail, and what comes home from it. */
async function bench(t: TestContext): Promise<{
  server: HostilePop3
  fetch: (options?: FetchOptions) => Promise<FetchReport>
  troubles: () => Promise<Trouble[]>
  home: () => Promise<number>
}> {
  const server = await HostilePop3.start(someMail())
  t.after(() => server.close())
  const mail = await new MemoryStore().open('mario')
  const account = 'pop3:mario@example.it'
  const [host, login] = ['127.0.0.1', 'mario']
  return {
    server,
    fetch: (options) =>
      fetchPop3({ account, host, port: server.port, tls: 'none', login, password: 'secret', leave: 'forever' }, mail, {
        patience: { connect: 30_000, silence: 30_000 },
        ...options,
      }),
    troubles: () => mail.read((view) => view.troubles(account)),
    home: async () => (await allOctets(mail)).length,
  }
}

/** Less than the largest of them has, which is the last but one. */
const largest = 1_000_000

for (const backOff of [true, false]) {
  test(`a message that is too large ends the session, and not the next one${backOff ? ', of a schedule' : ''}`, async (t) => {
    const { fetch, troubles, home } = await bench(t)
    const first = await fetch({ largest, backOff })
    assert.equal(first.error?.code, 'reply-too-long')
    assert.match(first.error.message, /message 7 \(unique-id g\) goes on after 1000000 octets/)
    assert.deepEqual([first.new, first.failed, first.problems], [6, 1, []])
    const [trouble, ...others] = await troubles()
    assert.deepEqual([trouble?.uniqueId, trouble?.attempts, others], ['g', 1, []])
    assert.ok((trouble?.next ?? 0) > Date.now())

    const second = await fetch({ largest, backOff })
    assert.deepEqual([second.new, second.failed], [1, 1])
    assert.equal(second.error?.code, backOff ? undefined : 'reply-too-long')
    assert.equal(await home(), 7)

    const third = await fetch()
    assert.deepEqual([third.error, third.new, third.failed], [undefined, 1, 0])
    assert.deepEqual([await home(), await troubles()], [8, []])
  })
}

test('a message that never ends is given up', async (t) => {
  const { server, fetch, troubles, home } = await bench(t)
  server.hostility = { endless: { at: 'RETR', what: 'line' } }
  const report = await fetch({ largest })
  assert.match(report.error?.message ?? '', /message 1 \(unique-id a\) goes on after/)
  assert.deepEqual(
    (await troubles()).map(({ uniqueId }) => uniqueId),
    ['a'],
  )
  assert.equal(await home(), 0)
  assert.ok(server.sent < 20 * largest, `${server.sent} octets were sent`)
})

test('a message of just the size that is allowed comes home', async (t) => {
  const { server, fetch } = await bench(t)
  server.messages = server.messages.filter(({ uniqueId }) => uniqueId === 'g')
  const size = server.messages[0]?.octets.length ?? 0
  assert.equal((await fetch({ largest: size - 1 })).error?.code, 'reply-too-long')
  assert.deepEqual(await fetch({ largest: size }).then(({ error, new: fresh }) => [error, fresh]), [undefined, 1])
})

test('a listing that goes on and on is given up: good lines, lines without sense, unique-ids without measure', async (t) => {
  const { server, fetch, home } = await bench(t)
  const lines = (count: number, line: (number: number) => string): string =>
    `+OK\r\n${Array.from({ length: count }, (_, place) => `${line(place + 1)}\r\n`).join('')}`
  const endless: Record<string, [verb: string, reply: string]> = {
    'unique-ids': ['UIDL', lines(1001, (number) => `${number} u${number}`)],
    'one unique-id again and again': ['UIDL', lines(1001, () => '1 u')],
    'long unique-ids': ['UIDL', lines(300, (number) => `${number} ${number}${'u'.repeat(512)}`)],
    'no unique-ids': ['UIDL', lines(1001, () => 'x')],
    sizes: ['LIST', lines(1001, (number) => `${number} 10`)],
    'no sizes': ['LIST', lines(1001, () => 'x')],
  }
  for (const [name, [verb, reply]] of Object.entries(endless)) {
    server.hostility = { instead: { [verb]: reply } }
    const { error } = await fetch({ longest: 1000 })
    assert.equal(error?.code, 'reply-too-long', name)
    assert.match(error.message, new RegExp(`answer to ${verb} is longer than 1000 lines`))
  }
  assert.equal(await home(), 0)
  server.hostility = {}
  assert.equal((await fetch({ longest: 8 })).new, 8)
})
