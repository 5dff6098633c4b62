import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { PeerError } from '../errors.ts'
import { Observed } from './observed.ts'
import { Probe } from './probe.ts'

/** A probe, and the server's end of its connection. */
async function connected(t: TestContext) {
  const observed = new Observed()
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer((socket) => accepted.resolve(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const probe = await Probe.open({ host: '127.0.0.1', port }, { patience: 2000, observed })
  const socket = await accepted.promise
  t.after(() => {
    probe.drop()
    socket.destroy()
    server.close()
  })
  return { probe, socket, observed }
}

test('lines and multi-line answers come whole, however they are cut', async (t) => {
  const { probe, socket } = await connected(t)
  for (const octet of '+OK hi\r\n+OK 2\r\na\r\n..b\r\n.\r\n+OK\r\n.\r\n-ERR [IN-USE/X] no\r\n') socket.write(octet)
  assert.equal((await probe.reply()).line, '+OK hi')
  assert.equal((await probe.reply()).status, '+OK')
  assert.equal((await probe.body()).toString(), 'a\r\n..b\r\n')
  await probe.reply()
  assert.equal((await probe.body()).length, 0)
  const { status, code } = await probe.reply()
  assert.deepEqual([status, code], ['-ERR', 'IN-USE/X'])
})

test('silence and the end of the connection are told apart, and name the command but never its argument', async (t) => {
  const { probe, socket } = await connected(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const asked = probe.ask('PASS secret')
  t.mock.timers.tick(2000)
  await assert.rejects(asked, (error: unknown) => {
    assert.ok(error instanceof PeerError && error.code === 'timed-out')
    assert.match(error.message, /^no answer to PASS within 2 s$/)
    return true
  })
  const quiet = probe.quiet(20)
  t.mock.timers.tick(20)
  assert.equal(await quiet, true)
  socket.end()
  await assert.rejects(probe.ask('c2VjcmV0'), (error: unknown) => {
    assert.ok(error instanceof PeerError && error.code === 'connection-lost')
    assert.doesNotMatch(error.message, /c2VjcmV0/i)
    return true
  })
})

test('what is wrong in an answer is noted, with an example', async (t) => {
  const { probe, socket, observed } = await connected(t)
  socket.write(
    Buffer.from(`+ok low\r\n+OK lf\n+OK caf\xe9\r\n+OK ${'x'.repeat(600)}\r\n-ERR [not a code\r\n`, 'latin1'),
  )
  for (let i = 0; i < 5; i++) await probe.reply()
  const { replies, oddStatus, bareLf, notAscii, tooLong, oddCodes } = observed
  assert.equal(replies, 5)
  for (const found of [oddStatus, bareLf, notAscii, tooLong, oddCodes]) assert.equal(found.length, 1)
  assert.equal(notAscii[0], 'greeting: "+OK caf\\xe9"')
})

test('a session that has read or marked a message knows it: it must not end with QUIT', async (t) => {
  const { probe } = await connected(t)
  probe.send('NOOP\r\nSTAT\r\n')
  assert.equal(probe.touched, false)
  probe.send('NOOP\r\nDELE 1\r\n')
  assert.equal(probe.touched, true)
})
