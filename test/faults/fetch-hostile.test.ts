import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import type { RefusedError } from '../../src/errors.ts'
import { HostileBench, letter, someMail } from './hostile-bench.ts'
import type { Hostility, RemoteMessage } from './hostile-pop3.ts'

// What is particular to one fault; what is true of all is in fetch-faults.test.ts.

/** Each test ends by itself: a hanging server must not hang us. */
const limit = { timeout: 600_000 }

for (const leave of ['forever', 'delete'] as const) {
  const lies: Record<string, (number: number, real: number) => number> = {
    'too small': (_, real) => real >> 1,
    'too large': (_, real) => real * 2 + 7,
    'all nought': () => 0,
    'more than any message has': () => Number.MAX_SAFE_INTEGER,
  }
  for (const [name, listedSize] of Object.entries(lies)) {
    test(`${leave}: a server whose sizes are always ${name} is asked for each message once`, limit, async () => {
      await using bench = await HostileBench.open()
      bench.leave = leave
      assert.equal((await bench.fetch({ listedSize })).new, 8)
      assert.equal((await bench.fetch({ listedSize })).new, 0)
      // It lies the same way as before, so nothing is fetched again.
      assert.ok(!bench.lastVerbs().includes('RETR'))
    })
  }

  test(
    `${leave}: what comes in any split is what was sent, also where PIPELINING is not to be had`,
    limit,
    async () => {
      const small = someMail().filter(({ octets }) => octets.length < 1000)
      for (const hostility of [{ pieces: 1, capabilities: ['USER', 'UIDL'] }, { pieces: 7 }]) {
        await using bench = await HostileBench.open({ messages: small })
        bench.leave = leave
        assert.equal((await bench.fetch(hostility)).new, small.length)
        await bench.expectAllHome()
      }
    },
  )
}

test(
  'a large message that is broken off leaves no file open',
  { ...limit, skip: process.platform !== 'linux' },
  async () => {
    const size = 8 << 20
    const large: RemoteMessage = letter('l', `A: b\r\n\r\n${'x'.repeat(size)}\r\n`)
    for (const hostility of [{ drop: { number: 1, after: size - 1 } }, { hang: 'RETR-MIDDLE' }]) {
      await using bench = await HostileBench.open({ disk: true, messages: [large, ...someMail()] })
      assert.ok((await bench.fetch(hostility)).error !== undefined)
      const open = readdirSync('/proc/self/fd').map((name) => {
        try {
          return readlinkSync(`/proc/self/fd/${name}`)
        } catch {
          return ''
        }
      })
      assert.deepEqual(
        open.filter((path) => path.includes('spool')),
        [],
      )
      await bench.expectAllHome()
    }
  },
)

test('a server that takes no session now, or no log-in: the reason is known', limit, async () => {
  const refusals: [Hostility, RefusedError['reason']][] = [
    [{ greeting: '-ERR [SYS/TEMP] too busy' }, 'try-later'],
    [{ instead: { PASS: '-ERR [IN-USE] maildrop is locked\r\n' } }, 'in-use'],
    [{ instead: { PASS: '-ERR [SYS/TEMP] come back\r\n' } }, 'try-later'],
    [{ instead: { PASS: '-ERR [SYS/PERM] call us\r\n' } }, 'broken'],
    [{ instead: { PASS: '-ERR [AUTH] wrong password\r\n' } }, 'bad-login'],
    [{ instead: { PASS: '-ERR [LOGIN-DELAY] too soon\r\n' } }, 'login-delay'],
    [{ instead: { USER: '-ERR who?\r\n' } }, 'no'],
  ]
  for (const [hostility, reason] of refusals) {
    await using bench = await HostileBench.open()
    const report = await bench.fetch(hostility)
    assert.equal(report.error?.code, 'refused')
    assert.equal((report.error as RefusedError).reason, reason)
  }
})

test('an odd message and a line of 64 MB come home octet for octet', limit, async () => {
  const long: RemoteMessage = letter('long', `A: b\r\n\r\n${'.x'.repeat(32 << 20)}\r\n`)
  await using bench = await HostileBench.open({ disk: true, messages: [...someMail(), long] })
  bench.leave = 'delete'
  assert.equal((await bench.fetch()).new, 9)
  await bench.expectAllHome()
})

test(
  'a message that the server cannot end goes behind the others next time, and rests from the second time on',
  limit,
  async () => {
    const messages = ['a', 'b', 'c', 'd'].map((name) => letter(name, `Subject: ${name}\r\n\r\nText\r\n`))
    await using bench = await HostileBench.open({ messages })
    const broken: Hostility = { drop: { number: 2, after: 10 }, capabilities: ['USER', 'UIDL'] }
    assert.equal((await bench.fetch(broken)).new, 1)
    const second = await bench.fetch(broken, { backOff: true })
    assert.deepEqual([second.new, second.error?.code], [2, 'connection-lost'])
    const third = await bench.fetch(broken, { backOff: true })
    assert.deepEqual([third.new, third.failed, third.error], [0, 1, undefined])
    await bench.expectAllHome()
  },
)

test('a message without its end takes down no other: those behind it come the next time', limit, async () => {
  const messages = ['a', 'b', 'c', 'd', 'e'].map((name) => letter(name, `Subject: ${name}\r\n\r\nText\r\n`))
  for (const capabilities of [
    ['USER', 'UIDL', 'PIPELINING'],
    ['USER', 'UIDL'],
  ]) {
    await using bench = await HostileBench.open({ messages })
    bench.leave = 'delete'
    const unended: Hostility = { unended: 2, capabilities }
    await bench.fetch(unended)
    const { error } = await bench.fetch(unended)
    assert.ok(error !== undefined)
    assert.equal((await bench.kept()).length, 4)
    assert.deepEqual(bench.server.committed(), [])
    await bench.expectAllHome()
  }
})

test('where an answer was lost, commands go one by one for as long as that is said', limit, async () => {
  await using bench = await HostileBench.open()
  const lossy: Hostility = { lose: { verb: 'RETR', nth: 3 } }
  const first = await bench.fetch(lossy)
  assert.deepEqual([first.error, first.new, first.oneByOne], [undefined, 8, true])
  bench.arrive(letter('i', 'Subject: i\r\n\r\n'))
  const sessions = bench.server.steps.at(-1)?.session ?? 0
  const second = await bench.fetch(lossy, { pipelining: false })
  assert.deepEqual([second.error, second.new, second.oneByOne, second.problems], [undefined, 1, undefined, []])
  assert.equal(bench.server.steps.at(-1)?.session, sessions + 1)
})
