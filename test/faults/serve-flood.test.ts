import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { closed, countOf, growthWhile, intoIt, served, talk } from './served.ts'

// What comes in floods. Memory is that of the real program, so there are bounds, not figures: what the garbage collector lets lie
// differs. Each flood is a multiple of them.

const most = 80 << 20
const small = Array.from({ length: 100 }, (_, number) => `Subject: ${number}\r\n\r\nText ${number}.\r\n`)

/** The same text over and over, some at a time. */
function* repeated(text: string, times: number): Generator<string> {
  const some = 500
  for (let left = times; left > 0; left -= some) yield text.repeat(Math.min(left, some))
}

function* all(...parts: Iterable<string>[]): Generator<string> {
  for (const part of parts) yield* part
}

test('100,000 commands that are sent at once are all answered, in little memory', async (t) => {
  const { port, serving } = await served(t, small)
  const deletes = Array.from({ length: 100 }, (_, number) => `DELE ${number + 1}\r\n`).join('')
  const grown = await growthWhile(serving.pid, async () => {
    const noops = await talk(port, all([intoIt], repeated('NOOP\r\n', 100_000), ['QUIT\r\n']))
    assert.equal(countOf(noops, '+OK\r\n'), 100_000)
    const messages = await talk(port, all([intoIt], repeated('RETR 7\r\n', 100_000), ['QUIT\r\n']))
    assert.equal(countOf(messages, 'Subject: 6\r\n\r\nText 6.\r\n.\r\n+OK'), 100_000)
    const removals = await talk(port, all([intoIt], repeated(`${deletes}RSET\r\n`, 1000), ['STAT\r\nQUIT\r\n']))
    assert.equal(countOf(removals, 'marked as deleted\r\n'), 100_000)
    assert.match(removals.toString().slice(-60), /\+OK 100 \d+\r\n\+OK bye\r\n$/)
    const tops = await talk(port, all([intoIt], repeated('TOP 1 0\r\nLIST\r\nUIDL 3\r\n', 10_000), ['QUIT\r\n']))
    assert.equal(countOf(tops, '\r\n.\r\n'), 20_000)
  })
  assert.ok(grown < most, `${grown >> 20} MiB more`)
})

test('AUTH that is cancelled, or hung up on, leaves nothing behind, however often', async (t) => {
  const { port, serving } = await served(t, small.slice(0, 1))
  // The first ones are learnt from: code is made, and memory taken that stays.
  await talk(port, repeated('AUTH PLAIN\r\n*\r\n', 20_000))
  const grown = await growthWhile(serving.pid, async () => {
    const heard = await talk(port, repeated('AUTH PLAIN\r\n*\r\n', 100_000))
    assert.equal(countOf(heard, '+ \r\n-ERR '), 100_000)
    for (let round = 0; round < 20; round++) {
      const sockets = Array.from({ length: 50 }, () => connect(port, '127.0.0.1'))
      const over = sockets.map(closed)
      for (const socket of sockets) {
        socket.write('AUTH PLAIN\r\n')
        socket.on('data', (octets: Buffer) => {
          if (octets.includes('+ ')) socket.resetAndDestroy()
        })
      }
      await Promise.all(over)
    }
  })
  assert.ok(grown < most, `${grown >> 20} MiB more`)
  assert.match((await talk(port, [intoIt, 'QUIT\r\n'])).toString(), /\+OK bye\r\n$/)
})

test('a line without an end is not kept, and ends the session', async (t) => {
  const { port, serving } = await served(t, small.slice(0, 1))
  const megabyte = Buffer.alloc(1 << 20, 'a')
  const grown = await growthWhile(serving.pid, async () => {
    // Ten of them at once, each 100 MB as far as the server lets it come.
    const heard = await Promise.all(
      Array.from({ length: 10 }, () =>
        talk(
          port,
          Array.from({ length: 100 }, () => megabyte),
        ),
      ),
    )
    for (const said of heard) assert.ok(said.length < 1000)
  })
  assert.ok(grown < most, `${grown >> 20} MiB more`)
  assert.match((await talk(port, [intoIt, 'QUIT\r\n'])).toString(), /\+OK bye\r\n$/)
})

test('clients that ask for much and never read cost little, and let go of their maildrops', async (t) => {
  const big = `Subject: big\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(130_000)}`
  const { port, serving } = await served(t, [big])
  const deaf: Socket[] = []
  const devices = Array.from({ length: 12 }, (_, number) => `mario+device${number}`)
  const logIn = (login: string): string => `USER ${login}\r\nPASS secret\r\n`
  // Somebody who reads is served before, and all the while.
  const read = async (): Promise<void> => {
    const heard = await talk(port, [intoIt, 'RETR 1\r\nQUIT\r\n'])
    assert.equal(countOf(heard, '\r\n.\r\n'), 1)
  }
  for (let turn = 0; turn < 10; turn++) await read()
  const grown = await growthWhile(serving.pid, async () => {
    for (const device of devices) {
      const socket = connect({ port, host: '127.0.0.1' })
      void closed(socket)
      socket.pause()
      socket.write(logIn(device) + 'RETR 1\r\n'.repeat(1000))
      deaf.push(socket)
    }
    for (let turn = 0; turn < 5; turn++) await read()
  })
  // Each has asked for 10 GB.
  assert.ok(grown < 2 * most, `${grown >> 20} MiB more`)
  for (const socket of deaf) socket.destroy()
  for (const device of devices) await inAgain(port, logIn(device))
})

/** Logs in as soon as the server has noticed that the session before is gone. */
async function inAgain(port: number, logIn: string): Promise<void> {
  const until = performance.now() + 60_000
  for (;;) {
    const heard = (await talk(port, [`${logIn}QUIT\r\n`])).toString()
    if (heard.endsWith('+OK bye\r\n') && !heard.includes('-ERR')) return
    assert.ok(performance.now() < until, heard)
  }
}

test('10,000 connections that say nothing keep nobody out', async (t) => {
  // Each is an open file on both sides; the limit of this process is that of the one that it starts.
  const files = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).replace('unlimited', '1e9'))
  const count = Math.min(10_000, files - 500)
  if (count < 10_000) t.diagnostic(`only ${count} connections: no more files may be open`)
  const limit = String(count + 100)
  const env = {
    POSTINO_SERVE_SESSIONS: limit,
    POSTINO_SERVE_SESSIONS_PER_ADDRESS: limit,
    // On a busy machine it takes longer than a minute until the last is there.
    POSTINO_SERVE_PATIENCE_BEFORE: '1h',
  }
  const { port, serving } = await served(t, small.slice(0, 3), env)
  const idle: Socket[] = []
  t.after(() => idle.forEach((socket) => socket.destroy()))
  const grown = await growthWhile(serving.pid, async () => {
    for (let done = 0; done < count; done += 250) {
      const some = Array.from({ length: Math.min(250, count - done) }, () => greeted(port))
      idle.push(...(await Promise.all(some)))
    }
    assert.match((await talk(port, [intoIt, 'STAT\r\nQUIT\r\n'])).toString(), /\+OK 3 \d+\r\n\+OK bye\r\n$/)
  })
  assert.equal(idle.filter((socket) => !socket.destroyed).length, count)
  t.diagnostic(`${(grown / count / 1024).toFixed(1)} KiB for each`)
  assert.ok(grown / count < 64 << 10, `${grown / count} octets for each`)
})

/** A connection whose greeting has come. */
function greeted(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.once('data', () => resolve(socket))
    socket.on('close', () => reject(new Error('the server closed an idle connection')))
  })
}
