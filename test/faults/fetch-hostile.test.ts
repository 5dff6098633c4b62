import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { RefusedError } from '../../src/errors.ts'
import { makeSelfSigned } from '../../src/net/self-signed.ts'
import { HostileBench, someMail } from './hostile-bench.ts'
import type { Hostility, RemoteMessage } from './hostile-pop3.ts'

/** Each test ends by itself: a hanging server must not hang us. */
const limit = { timeout: 60_000 }

for (const leave of ['forever', 'delete'] as const) {
  for (const reset of [false, true]) {
    const how = reset ? 'resets' : 'drops'
    test(`${leave}: a server that ${how} the connection in the middle of a message`, limit, async () => {
      const size = someMail()[2]?.octets.length ?? 0
      // In the status line, at its end, in the message, and around the terminator.
      for (const after of [0, 3, 5, 6, 1000, size >> 1, size, size + 5, size + 6, size + 7]) {
        await using bench = await HostileBench.open()
        bench.leave = leave
        const report = await bench.fetch({ drop: { number: 3, after, reset } })
        assert.ok(report.error !== undefined, `after ${after} octets`)
        assert.match(report.error.code, /connection-lost|unreachable/)
        assert.deepEqual(bench.server.committed(), [])
        await bench.expectAllHome()
      }
    })
  }

  for (const hang of ['CONNECT', 'CAPA', 'USER', 'PASS', 'UIDL', 'LIST', 'RETR', 'RETR-MIDDLE', 'DELE', 'QUIT']) {
    if (hang === 'DELE' && leave === 'forever') continue
    test(`${leave}: a server that hangs at ${hang}`, limit, async () => {
      await using bench = await HostileBench.open({ disk: hang === 'RETR-MIDDLE' })
      bench.leave = leave
      const report = await bench.fetch({ hang })
      if (hang === 'QUIT' && leave === 'forever') {
        // Where nothing was to be deleted, nothing hangs on the answer.
        assert.equal(report.error, undefined)
      } else {
        assert.equal(report.error?.code, 'timed-out')
        assert.match(report.error.message, /127\.0\.0\.1:\d+/)
        assert.equal(report.deleted, 0)
      }
      await bench.expectAllHome()
    })
  }

  const lies: Record<string, Hostility['listedSize']> = {
    'too small': (_, real) => real >> 1,
    'too large': (_, real) => real * 2 + 7,
    'all nought': () => 0,
    'more than any message has': () => Number.MAX_SAFE_INTEGER,
  }
  for (const [name, listedSize] of Object.entries(lies)) {
    test(`${leave}: a server whose sizes are ${name}`, limit, async () => {
      await using bench = await HostileBench.open()
      bench.leave = leave
      const lying: Hostility = listedSize === undefined ? {} : { listedSize }
      const first = await bench.fetch(lying)
      assert.equal(first.error, undefined)
      assert.equal(first.new, 8)
      const second = await bench.fetch(lying)
      assert.equal(second.new, 0)
      // It lies the same way as before, so nothing is fetched again.
      assert.ok(!bench.lastVerbs().includes('RETR'))
      await bench.expectAllHome()
    })
  }

  test(`${leave}: a server that gives one unique-id to several messages`, limit, async () => {
    for (const uniqueId of [() => 'same', (number: number, own: string) => (number < 4 ? 'same' : own)]) {
      await using bench = await HostileBench.open()
      bench.leave = leave
      assert.equal((await bench.fetch({ uniqueId })).new, 8)
      assert.equal((await bench.fetch({ uniqueId })).new, 0)
      if (leave === 'delete') assert.deepEqual(bench.server.messages, [])
    }
  })

  test(`${leave}: a server that gives a unique-id to another message later`, limit, async () => {
    await using bench = await HostileBench.open()
    bench.leave = leave
    await bench.fetch()
    bench.server.messages = bench.server.messages.filter(({ uniqueId }) => uniqueId !== 'a')
    bench.arrive({ uniqueId: 'a', octets: Buffer.from('Subject: another\r\n\r\nNot the first a.\r\n') }, 0)
    assert.equal((await bench.fetch()).new, 1)
    await bench.expectAllHome()
  })

  test(`${leave}: a server that numbers its messages anew`, limit, async () => {
    await using bench = await HostileBench.open()
    bench.leave = leave
    await bench.fetch({ refuse: { number: 3, times: 99 } })
    bench.server.messages = bench.server.messages.toReversed()
    bench.arrive({ uniqueId: 'i', octets: Buffer.from('Subject: new\r\n\r\nFirst of all.\r\n') }, 0)
    assert.equal((await bench.fetch()).new, 2)
    await bench.expectAllHome()
  })

  test(`${leave}: a server without UIDL`, limit, async () => {
    await using bench = await HostileBench.open()
    bench.leave = leave
    const mute: Hostility = { unknown: ['UIDL'], capabilities: ['USER'] }
    const first = await bench.fetch(mute)
    assert.equal(first.new, 8)
    assert.match(first.problems.join(), /UIDL/)
    assert.equal((await bench.fetch(mute)).new, 0)
    if (leave === 'delete') assert.deepEqual(bench.server.messages, [])
  })

  test(`${leave}: a server that knows neither CAPA nor TOP nor STAT nor NOOP`, limit, async () => {
    await using bench = await HostileBench.open()
    bench.leave = leave
    const report = await bench.fetch({ unknown: ['CAPA', 'TOP', 'STAT', 'NOOP', 'AUTH'] })
    assert.deepEqual([report.error, report.new], [undefined, 8])
    await bench.expectAllHome()
  })

  test(`${leave}: a server that cannot give one message`, limit, async () => {
    for (const reply of ['-ERR cannot read it\r\n', '-ERR [SYS/TEMP] later\r\n', '-ERR\r\n']) {
      await using bench = await HostileBench.open({ disk: true })
      bench.leave = leave
      const report = await bench.fetch({ refuse: { number: 3, times: 99, reply } })
      assert.deepEqual([report.error, report.new, report.failed], [undefined, 7, 1])
      assert.equal(report.problems.length, 1)
      if (leave === 'delete')
        assert.deepEqual(
          bench.server.messages.map(({ uniqueId }) => uniqueId),
          ['c'],
        )
      await bench.expectAllHome()
    }
  })

  test(`${leave}: a server that sends in pieces, and splits what ends a message over packets`, limit, async () => {
    const small = someMail().filter(({ octets }) => octets.length < 1000)
    for (const hostility of [{ pieces: 1 }, { splitTerminator: true }]) {
      await using bench = await HostileBench.open({ messages: small })
      bench.leave = leave
      assert.equal((await bench.fetch(hostility)).new, small.length)
      await bench.expectAllHome()
    }
  })

  test(`${leave}: a server that does not stuff dots`, limit, async () => {
    await using bench = await HostileBench.open({ messages: someMail().filter(({ uniqueId }) => uniqueId !== 'b') })
    bench.leave = leave
    // The second message ends for us at its lone dot, and what follows is no reply.
    const cut: RemoteMessage = { uniqueId: 'b', octets: Buffer.from('Subject: dots\r\n\r\nbefore\r\n.\r\nafter\r\n') }
    bench.server.messages.splice(1, 0, cut)
    const report = await bench.fetchUnjudged({ unstuffed: true })
    assert.equal(report.error?.code, 'protocol')
    assert.deepEqual(bench.server.committed(), [])
  })

  test(`${leave}: a server that says PIPELINING and answers slowly, one by one`, limit, async () => {
    await using bench = await HostileBench.open()
    bench.leave = leave
    assert.equal((await bench.fetch({ slowness: 10 })).new, 8)
    await bench.expectAllHome()
  })
}

test(
  'a large message that is broken off leaves no file open',
  { ...limit, skip: process.platform !== 'linux' },
  async () => {
    const size = 8 << 20
    const large: RemoteMessage = { uniqueId: 'l', octets: Buffer.from(`A: b\r\n\r\n${'x'.repeat(size)}\r\n`) }
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
      bench.patience = 30_000
      await bench.expectAllHome()
    }
  },
)

test('a server that refuses to delete', limit, async () => {
  await using bench = await HostileBench.open()
  bench.leave = 'delete'
  const report = await bench.fetch({ instead: { DELE: '-ERR read-only\r\n' } })
  assert.deepEqual([report.error, report.new, report.deleted], [undefined, 8, 0])
  assert.match(report.problems.join(), /read-only/)
  await bench.expectAllHome()
})

test('a server whose QUIT fails', limit, async () => {
  await using bench = await HostileBench.open()
  bench.leave = 'delete'
  const report = await bench.fetch({ instead: { QUIT: '-ERR some deleted messages not removed\r\n' } })
  assert.deepEqual([report.error, report.new], [undefined, 8])
  assert.match(report.problems.join(), /some deleted messages not removed/)
  assert.equal(bench.server.messages.length, 8)
  await bench.expectAllHome()
})

test('a banner that never ends is given up early', limit, async () => {
  await using bench = await HostileBench.open()
  const report = await bench.fetch({ endless: { at: 'CONNECT', what: 'status' } })
  assert.equal(report.error?.code, 'line-too-long')
  assert.ok(bench.server.sent < 16 << 20, `${bench.server.sent} octets were sent`)
  await bench.expectAllHome()
})

test('listings that never end are given up early', limit, async () => {
  for (const verb of ['CAPA', 'LIST', 'UIDL']) {
    await using bench = await HostileBench.open()
    const report = await bench.fetch({ instead: { [verb]: `+OK\r\n${'x'.repeat(1 << 20)}` } })
    assert.ok(report.error !== undefined)
    await bench.expectAllHome()
  }
})

test('replies that are no replies end the session with the words that came', limit, async () => {
  for (const verb of ['CAPA', 'USER', 'PASS', 'LIST', 'RETR', 'DELE']) {
    await using bench = await HostileBench.open()
    bench.leave = 'delete'
    const report = await bench.fetch({ instead: { [verb]: '220 mail.example.it ESMTP\r\n' } })
    assert.equal(report.error?.code, 'protocol')
    assert.match(report.error.message, /220 mail\.example\.it/)
    await bench.expectAllHome()
  }
})

test('a server that takes no session now, or no log-in, says why', limit, async () => {
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
    assert.doesNotMatch(report.error.message, /secret/)
    await bench.expectAllHome()
  }
})

test('an odd message and a line of 64 MB come home octet for octet', limit, async () => {
  const long: RemoteMessage = { uniqueId: 'long', octets: Buffer.from(`A: b\r\n\r\n${'.x'.repeat(32 << 20)}\r\n`) }
  await using bench = await HostileBench.open({ disk: true, messages: [...someMail(), long] })
  bench.leave = 'delete'
  bench.patience = 30_000
  assert.equal((await bench.fetch()).new, 9)
  await bench.expectAllHome()
})

const tls = makeSelfSigned({
  name: 'hostile',
  hosts: ['localhost'],
  addresses: [Uint8Array.of(127, 0, 0, 1)],
  from: Date.now() - 86_400_000,
  until: Date.now() + 86_400_000,
})
const stls = { capabilities: ['USER', 'UIDL', 'STLS', 'PIPELINING'] }

/** Lets this process trust the server's certificate while `work` runs. */
async function trusting(work: () => Promise<void>): Promise<void> {
  const usual = getCACertificates('default')
  setDefaultCACertificates([...usual, tls.cert])
  try {
    await work()
  } finally {
    setDefaultCACertificates(usual)
  }
}

test('without TLS the password is not sent, whatever the server does about STLS', limit, async () => {
  const servers: [Hostility, RegExp][] = [
    [{ capabilities: ['USER'] }, /STLS/],
    [{ unknown: ['CAPA'] }, /STLS/],
    [stls, /no TLS here/],
    [{ ...stls, hang: 'STLS' }, /silent|within/],
    [{ ...stls, instead: { STLS: '+OK begin\r\nthis is no handshake\r\n' } }, /127/],
    [{ ...stls, tls }, /not trusted/],
  ]
  for (const [hostility, words] of servers) {
    await using bench = await HostileBench.open()
    bench.tls = 'starttls'
    const report = await bench.fetch(hostility)
    assert.ok(report.error !== undefined)
    assert.match(report.error.message, words)
    assert.deepEqual(
      bench.server.commands().filter((line) => /^(USER|PASS|AUTH)/.test(line)),
      [],
    )
  }
})

test('with STLS everything comes home', limit, async () => {
  await trusting(async () => {
    await using bench = await HostileBench.open()
    bench.tls = 'starttls'
    assert.equal((await bench.fetch({ ...stls, tls })).new, 8)
  })
})

// RFC 2595 §4, RFC 9325 §3.2: what came in clear behind the +OK is no reply to anything.
test('plain text injected behind the +OK of STLS is not believed', limit, async () => {
  await trusting(async () => {
    for (const injected of ['+OK\r\nUSER\r\n.\r\n', '+OK\r\n', '-ERR [AUTH] no\r\n', 'x']) {
      await using bench = await HostileBench.open()
      bench.tls = 'starttls'
      const report = await bench.fetch({ ...stls, tls: { ...tls, injected } })
      assert.ok(report.error !== undefined)
      assert.deepEqual(
        bench.server.commands().filter((line) => /^(USER|PASS|AUTH)/.test(line)),
        [],
      )
    }
  })
})
