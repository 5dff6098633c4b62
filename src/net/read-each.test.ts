import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { test } from 'node:test'
import { readEach } from './read-each.ts'

/** Two ends of one connection. */
async function pair(): Promise<{ near: Socket; far: Socket } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const near = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  const [far] = (await once(server, 'connection')) as [Socket]
  for (const socket of [near, far]) socket.on('error', () => undefined)
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.destroy()
      far.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const never = (): boolean => false

test('all that comes is given in order, and the end is told', async () => {
  await using ends = await pair()
  let got = ''
  const reading = readEach(ends.near, (octets) => void (got += octets.toString()), never)
  for (const text of ['one ', 'two ', 'three']) ends.far.write(text)
  ends.far.end()
  await reading
  assert.equal(got, 'one two three')
})

test('while what was given is being taken, nothing more is given, and the end comes behind it', async () => {
  await using ends = await pair()
  const steps: string[] = []
  const begun = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const take = async (octets: Buffer): Promise<void> => {
    steps.push(`begin ${octets.length}`)
    begun.resolve()
    await gate.promise
    steps.push('end')
  }
  const reading = readEach(ends.near, take, never)
  ends.far.write('first')
  await begun.promise
  ends.far.end('second')
  await wait(20)
  assert.deepEqual(steps, ['begin 5'])
  gate.resolve()
  await reading
  assert.deepEqual(steps, ['begin 5', 'end', 'begin 6', 'end'])
})

test('a connection that breaks is told, but not before what came is taken', async () => {
  await using ends = await pair()
  const begun = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  let over = false
  const take = (): Promise<void> => {
    begun.resolve()
    return gate.promise
  }
  const reading = readEach(ends.near, take, never).finally(() => (over = true))
  ends.far.write('first')
  await begun.promise
  const closed = new Promise((resolve) => ends.near.once('close', resolve))
  ends.near.destroy(new Error('broken'))
  await closed
  assert.equal(over, false)
  gate.resolve()
  await assert.rejects(reading, /broken/)
})

test('once there is enough, the rest is left to whoever reads next', async () => {
  await using ends = await pair()
  let got = ''
  ends.far.write('first')
  await readEach(
    ends.near,
    (octets) => void (got += octets.toString()),
    () => got !== '',
  )
  ends.far.write('second')
  await wait(20)
  assert.equal(got, 'first')
  const reading = once(ends.near.resume(), 'data')
  const [rest] = (await reading) as [Buffer]
  assert.equal(rest.toString(), 'second')
})

test('a fault of the taker ends it, at once or later', async () => {
  for (const take of [
    (): undefined => {
      throw new Error('no room')
    },
    (): Promise<void> => Promise.reject(new Error('no room')),
  ]) {
    await using ends = await pair()
    const reading = readEach(ends.near, take, never)
    ends.far.write('first')
    await assert.rejects(reading, /no room/)
  }
})
