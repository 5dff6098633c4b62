import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { type Ended, Schedule, type Scheduled } from './schedule.ts'

const minute = 60_000

// Time goes on by `tick` alone: how long a test takes counts nowhere.
mock.method(performance, 'now', () => 1_000_000)

interface Run {
  address: string
  done: (ok: boolean | Ended) => void
}

type Remembered = { address: string; failures: number; next: number | undefined }

function scheduleOf(
  accounts: (string | Partial<Scheduled>)[],
  options: { every?: number; parallel?: number } = {},
): { schedule: Schedule; runs: Run[]; remembered: Remembered[] } {
  const runs: Run[] = []
  const remembered: Remembered[] = []
  const schedule = new Schedule({
    accounts: () =>
      accounts.map((one, i) => ({
        address: 'a',
        serial: i + 1,
        ...(typeof one === 'string' ? { address: one } : one),
      })),
    every: () => options.every ?? 15 * minute,
    parallel: options.parallel ?? 8,
    random: () => 0.5,
    now: () => performance.now(),
    run: (address) =>
      new Promise((done) => runs.push({ address, done: (end) => done(typeof end === 'boolean' ? { ok: end } : end) })),
    remember: (address, state) => remembered.push({ address, ...state }),
  })
  return { schedule, runs, remembered }
}

/** Ticks on until another fetch begins; gives after how many minutes it did. */
function minutesUntilNext({ schedule, runs }: { schedule: Schedule; runs: Run[] }): number {
  const before = runs.length
  const start = performance.now()
  let now = start
  for (; runs.length === before && now < start + 3000 * minute; now += minute / 4) schedule.tick(now)
  return Math.round((now - start) / minute)
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

test('each account has a time of its own; a provider may want more, and 0 is only when told to', async () => {
  for (const [account, minutes] of [
    [{ every: 60 * minute }, 60],
    [{ every: minute, least: 10 * minute }, 10],
    [{ least: 10 * minute }, 15],
  ] as const) {
    const made = scheduleOf([account])
    made.schedule.tick(performance.now())
    made.schedule.tick(performance.now() + minute)
    made.runs[0]?.done(true)
    await settle()
    assert.equal(minutesUntilNext(made), minutes)
  }
  const never = scheduleOf([{ every: 0 }])
  for (let at = 0; at < 100; at++) never.schedule.tick(performance.now() + at * minute)
  assert.equal(never.runs.length, 0)
})

test('a mailbox that is in use is tried again soon, and less and less; a server that wants time gets it', async () => {
  const made = scheduleOf(['a'])
  made.schedule.tick(performance.now())
  made.schedule.tick(performance.now() + minute)
  const waits: number[] = []
  for (let at = 0; at < 7; at++) {
    made.runs.at(-1)?.done({ ok: false, soon: true })
    await settle()
    waits.push(minutesUntilNext(made))
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64])
  made.runs.at(-1)?.done({ ok: true, wait: 40 * minute })
  await settle()
  assert.equal(minutesUntilNext(made), 40)
})

test('what was remembered counts after a restart: no storm on a server that is to be left alone', async () => {
  const now = performance.now()
  assert.equal(minutesUntilNext(scheduleOf([{ failures: 3, next: now + 50 * minute }])), 50)
  // But not for ever, whatever the clock said then.
  assert.equal(minutesUntilNext(scheduleOf([{ failures: 3, next: now + 5000 * minute }])), 360)
  assert.ok(minutesUntilNext(scheduleOf([{ failures: 0, next: now + 50 * minute }])) <= 1)
  const made = scheduleOf([{ failures: 2, next: now }])
  minutesUntilNext(made)
  made.runs[0]?.done(false)
  await settle()
  assert.deepEqual(
    made.remembered.map(({ failures }) => failures),
    [3],
  )
  assert.equal(Math.round(((made.remembered[0]?.next ?? 0) - performance.now()) / minute), 60)
})

test('a fetch that is asked for goes behind the one under way, never beside it, and counts', async () => {
  const made = scheduleOf(['a', 'b'])
  made.schedule.tick(performance.now() + minute)
  made.schedule.tick(performance.now() + 2 * minute)
  const asked: string[] = []
  const request = (address: string): Promise<boolean> =>
    made.schedule.request(address, () => {
      asked.push(address)
      return Promise.resolve({ ok: true })
    })
  const first = request('a')
  const second = request('a')
  await settle()
  assert.deepEqual(asked, [])
  made.runs[0]?.done(false)
  assert.deepEqual([await first, await second], [true, true])
  assert.deepEqual(asked, ['a', 'a'])
  assert.deepEqual(
    made.remembered.map(({ failures }) => failures),
    [1, 0, 0],
  )
  assert.equal(await request('nobody'), false)
  assert.equal(await made.schedule.request('a', () => Promise.resolve(undefined)), true)
  assert.equal(made.remembered.length, 3)
})

test('what is new at the server is fetched at once, unless it is to be left alone', async () => {
  const made = scheduleOf(['a'])
  minutesUntilNext(made)
  made.runs[0]?.done(true)
  await settle()
  made.schedule.hurry('a')
  assert.equal(minutesUntilNext(made), 0)
  made.runs[1]?.done({ ok: false })
  await settle()
  made.schedule.hurry('a')
  assert.equal(minutesUntilNext(made), 15)
})

test('an account that is fetched only when told to, and failed then, has a time again as soon as it is given one', async () => {
  const account: Partial<Scheduled> = { every: 0 }
  const made = scheduleOf([account])
  const fail = (ended: Ended): Promise<boolean> => made.schedule.request('a', () => Promise.resolve(ended))
  await fail({ ok: false })
  await fail({ ok: false, soon: true })
  assert.deepEqual(
    made.remembered.map(({ failures, next }) => [failures, next]),
    [
      [1, undefined],
      [2, undefined],
    ],
  )
  assert.equal(made.schedule.next(), undefined)
  Object.assign(account, { every: 15 * minute })
  assert.ok(minutesUntilNext(made) <= 40)
})

test('what is new at the server while a fetch is under way is fetched behind it', async () => {
  const made = scheduleOf(['a'])
  minutesUntilNext(made)
  made.schedule.hurry('a')
  made.runs[0]?.done(true)
  await settle()
  assert.equal(minutesUntilNext(made), 0)
  made.runs[1]?.done(true)
  await settle()
  assert.equal(minutesUntilNext(made), 15)
  made.schedule.hurry('a')
  made.runs[2]?.done({ ok: true, wait: 5 * minute })
  await settle()
  assert.equal(minutesUntilNext(made), 5)
})

test('failures that somebody took back, for the account was changed, are forgotten', async () => {
  const account: Partial<Scheduled> = { failures: 5 }
  const made = scheduleOf([account])
  minutesUntilNext(made)
  for (let at = 0; at < 3; at++) {
    made.runs.at(-1)?.done(false)
    await settle()
    // What is remembered is seen a little later.
    made.schedule.tick(performance.now())
    Object.assign(account, { failures: 6 + at })
    if (at < 2) assert.equal(minutesUntilNext(made), 360)
  }
  made.schedule.tick(performance.now())
  Object.assign(account, { failures: undefined })
  assert.ok(minutesUntilNext(made) <= 1)
  made.runs.at(-1)?.done(false)
  await settle()
  assert.equal(made.remembered.at(-1)?.failures, 1)
})

test('a provider that wants time between two log-ins gets it over a restart, too', () => {
  const now = performance.now()
  const tried = (minutes: number): Partial<Scheduled> => ({ least: 10 * minute, lastTry: now - minutes * minute })
  assert.equal(minutesUntilNext(scheduleOf([tried(2)])), 8)
  assert.ok(minutesUntilNext(scheduleOf([tried(20)])) <= 1)
  assert.ok(minutesUntilNext(scheduleOf([{ lastTry: now }])) <= 1)
  // A clock that was put back since then.
  assert.equal(minutesUntilNext(scheduleOf([tried(-1000)])), 10)
})
