import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Schedule } from './schedule.ts'

const minute = 60_000

interface Run {
  address: string
  done: (ok: boolean) => void
}

function scheduleOf(
  addresses: string[],
  options: { every?: number; parallel?: number } = {},
): { schedule: Schedule; runs: Run[] } {
  const runs: Run[] = []
  const schedule = new Schedule({
    accounts: () => addresses.map((address, i) => ({ address, serial: i + 1 })),
    every: () => options.every ?? 15 * minute,
    parallel: options.parallel ?? 8,
    random: () => 0.5,
    run: (address) => new Promise((done) => runs.push({ address, done })),
  })
  return { schedule, runs }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('accounts are first fetched after some seconds; one that hangs holds up no other', async () => {
  const { schedule, runs } = scheduleOf(['a', 'b'])
  const start = performance.now()
  schedule.tick(start)
  assert.equal(runs.length, 0)
  schedule.tick(start + 10_000)
  assert.deepEqual(
    runs.map((run) => run.address),
    ['a', 'b'],
  )
  runs[1]?.done(true)
  await settle()
  schedule.tick(start + 20 * minute)
  assert.deepEqual(
    runs.map((run) => run.address),
    ['a', 'b', 'b'],
  )
})

test('after failures it waits longer each time, up to some hours', async () => {
  const { schedule, runs } = scheduleOf(['a'])
  const start = performance.now()
  schedule.tick(start)
  let now = start + 10_000
  const waits: number[] = []
  for (let i = 0; i < 8; i++) {
    schedule.tick(now)
    runs.at(-1)?.done(false)
    await settle()
    const before = runs.length
    const failed = performance.now()
    for (now = failed; runs.length === before; now += minute) schedule.tick(now)
    waits.push(Math.round((now - failed) / minute))
  }
  assert.deepEqual(
    waits.map((wait) => Math.round(wait / 15)),
    [1, 2, 4, 8, 16, 24, 24, 24],
  )
})

test('no more than so many at once, never with 0, and nothing after the end', async () => {
  const few = scheduleOf(['a', 'b', 'c'], { parallel: 2 })
  const start = performance.now()
  few.schedule.tick(start)
  few.schedule.tick(start + minute)
  assert.equal(few.runs.length, 2)
  few.runs[0]?.done(true)
  await settle()
  few.schedule.tick(start + minute)
  assert.deepEqual(
    few.runs.map((run) => run.address),
    ['a', 'b', 'c'],
  )
  const stopped = few.schedule.stop()
  for (const run of few.runs) run.done(false)
  await stopped
  few.schedule.tick(start + 60 * minute)
  assert.equal(few.runs.length, 3)
  const never = scheduleOf(['a'], { every: 0 })
  never.schedule.tick(start)
  never.schedule.tick(start + 1000 * minute)
  assert.equal(never.runs.length, 0)
})
