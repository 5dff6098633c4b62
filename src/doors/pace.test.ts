import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from './pace.ts'

test('no more than so many go in any minute, and nobody waits longer than needed', async () => {
  let now = 0
  const waits: number[] = []
  const pace = new Pace(3, undefined, {
    now: () => now,
    wait: (milliseconds) => {
      waits.push(milliseconds)
      now += milliseconds
      return Promise.resolve()
    },
  })
  const gone: number[] = []
  for (let at = 0; at < 7; at++) {
    await pace.next()
    gone.push(now)
    now += 1000
  }
  assert.deepEqual(gone, [0, 1000, 2000, 60_000, 61_000, 62_000, 120_000])
  assert.deepEqual(waits, [57_000, 57_000])
})

test('who waits can be stopped', async () => {
  const stop = new AbortController()
  const pace = new Pace(1, stop.signal)
  await pace.next()
  const waiting = pace.next()
  stop.abort()
  await assert.rejects(waiting, /stopped/)
})
