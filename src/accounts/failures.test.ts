import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Failures } from './failures.ts'
import { placeOf } from '../net/place.ts'

const pepper = new Uint8Array(32)
const minute = 60_000
const now = 1_800_000_000_000

async function folder(t: TestContext): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'postino-failures-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  return data
}

function opened(t: TestContext, data: string | undefined): Failures {
  const failures = new Failures(data, pepper)
  t.after(() => failures.close())
  return failures
}

test('each failure of one place with one user costs twice as much, up to 15 seconds, and is forgotten after 15 minutes', async (t) => {
  for (const data of [undefined, await folder(t)]) {
    const failures = opened(t, data)
    const waits = Array.from({ length: 9 }, () => failures.failed('192.0.2.1', 'mario', now))
    assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
    assert.equal(failures.failed('192.0.2.1', 'mario', now + 14 * minute), 15_000)
    assert.equal(failures.failed('192.0.2.1', 'mario', now + 30 * minute), 250)
    failures.succeeded('192.0.2.1', 'mario')
    assert.equal(failures.failed('192.0.2.1', 'mario', now + 30 * minute), 250)
  }
})

test('one place with many users, and one user from many places, cost from the eleventh on', async (t) => {
  const failures = opened(t, undefined)
  const place = Array.from({ length: 12 }, (_, i) => failures.failed('192.0.2.1', `user${i}`, now))
  const user = Array.from({ length: 12 }, (_, i) => failures.failed(`198.51.100.${i}`, 'mario', now))
  for (const waits of [place, user]) assert.deepEqual(waits, [...Array.from({ length: 11 }, () => 250), 500])
})

test('all processes count together, and nobody reads in the file who tried what', async (t) => {
  const data = await folder(t)
  const [one, other] = [opened(t, data), opened(t, data)]
  assert.equal(one.failed('192.0.2.1', 'typed-password', now), 250)
  assert.equal(other.failed('192.0.2.1', 'typed-password', now), 500)
  other.succeeded('192.0.2.1', 'typed-password')
  assert.equal(one.failed('192.0.2.1', 'typed-password', now), 250)
  for (const name of readdirSync(data)) {
    const octets = await readFile(join(data, name))
    for (const word of ['typed-password', '192.0.2.1']) assert.equal(octets.includes(word), false, name)
    assert.equal((await stat(join(data, name))).mode & 0o077, 0)
  }
})

test('a right log-in makes no file; a damaged one is made anew; where none can be made it counts all the same', async (t) => {
  const data = await folder(t)
  opened(t, data).succeeded('192.0.2.1', 'mario')
  assert.deepEqual(readdirSync(data), [])
  await writeFile(join(data, 'failures.sqlite'), 'this is no database. '.repeat(500))
  const failures = opened(t, data)
  assert.equal(failures.failed('192.0.2.1', 'mario', now), 250)
  assert.equal(failures.failed('192.0.2.1', 'mario', now), 250) // the first one stood in memory only
  assert.equal(opened(t, data).failed('192.0.2.1', 'mario', now), 500)
  const full = await folder(t)
  await mkdir(join(full, 'failures.sqlite'))
  const alone = opened(t, full)
  assert.equal(alone.failed('192.0.2.1', 'mario', now), 250)
  assert.equal(alone.failed('192.0.2.1', 'mario', now), 500)
})

test('the count stays small under an attack', async (t) => {
  const failures = opened(t, await folder(t))
  const before = process.memoryUsage.rss()
  for (let i = 0; i < 5000; i++) failures.failed(`192.0.${i >> 8}.${i & 255}`, `user${i}`, now + i)
  assert(process.memoryUsage.rss() - before < 100 << 20)
})

test('one place: an IPv4 address however it is written, or an IPv6 /64', () => {
  assert.equal(placeOf('::ffff:192.0.2.7'), '192.0.2.7')
  assert.equal(placeOf('2001:db8:0:0:ffff::2'), placeOf('2001:db8::1'))
  assert.notEqual(placeOf('2001:db8:0:1::2'), placeOf('2001:db8::1'))
  assert.equal(placeOf('fe80::1%eth0'), placeOf('fe80::2'))
})
