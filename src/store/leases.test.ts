import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { type Lease, type Leases, leaseTime, MemoryLeases, type NoLease } from './leases.ts'
import { SqliteLeases } from './leases-sqlite.ts'

interface Clock {
  now: number
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'postino-leases-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function given(answer: Lease | NoLease): Lease {
  assert.ok(!('why' in answer), JSON.stringify(answer))
  return answer
}

const mario = { user: 'mario', device: undefined, from: '10.0.0.1' }
const phone = { ...mario, device: 'phone' }

const kinds: Readonly<Record<string, (t: TestContext, clock: Clock) => Leases>> = {
  'in memory': (_, clock) => new MemoryLeases({ now: () => clock.now }),
  'between processes': (t, clock) => {
    const leases = new SqliteLeases(folder(t), 'one', { now: () => clock.now })
    t.after(() => leases.close())
    return leases
  },
}

for (const [kind, make] of Object.entries(kinds)) {
  const it = (what: string, body: (leases: Leases, clock: Clock) => void): void => {
    test(`leases ${kind}: ${what}`, (t) => {
      const clock = { now: 1_000_000 }
      body(make(t, clock), clock)
    })
  }

  it('a maildrop is for one at a time, and who comes second is told who has it', (leases, clock) => {
    const lease = given(leases.acquire(mario))
    clock.now += 5000
    assert.deepEqual(leases.acquire({ ...mario, from: '10.0.0.2' }), {
      why: 'in-use',
      from: '10.0.0.1',
      since: 1_000_000,
      process: leases.process,
    })
    assert.ok(leases.holds(lease))
    leases.release(lease)
    assert.ok(!leases.holds(lease))
    const second = given(leases.acquire({ ...mario, from: '10.0.0.2' }))
    leases.release(lease)
    assert.ok(leases.holds(second), 'a lease that is over releases nothing')
  })

  it('users and devices do not stand in each other’s way', (leases) => {
    given(leases.acquire(mario))
    given(leases.acquire(phone))
    given(leases.acquire({ ...mario, user: 'anna' }))
    assert.equal('why' in leases.acquire(phone), true)
  })

  it('the time between two log-ins is kept, also where the clock was put back', (leases, clock) => {
    leases.release(given(leases.acquire({ ...mario, delay: 60_000 })))
    clock.now += 59_999
    assert.deepEqual(leases.acquire({ ...mario, delay: 60_000 }), { why: 'soon', since: 1_000_000 })
    given(leases.acquire({ ...phone, delay: 60_000 }))
    clock.now += 1
    const lease = given(leases.acquire({ ...mario, delay: 60_000 }))
    assert.equal((leases.acquire({ ...mario, delay: 60_000 }) as NoLease).why, 'in-use')
    leases.release(lease)
    clock.now -= 1_000_000
    given(leases.acquire({ ...mario, delay: 60_000 }))
  })

  it('a user has so many devices at once, and who names none always has room', (leases) => {
    const first = given(leases.acquire({ ...phone, most: 2 }))
    given(leases.acquire({ ...phone, device: 'tablet', most: 2 }))
    assert.deepEqual(leases.acquire({ ...phone, device: 'watch', most: 2 }), { why: 'too many' })
    given(leases.acquire({ ...mario, most: 2 }))
    leases.release(first)
    assert.deepEqual(leases.acquire({ ...phone, most: 2 }), { why: 'too many' })
    given(leases.acquire({ ...phone, most: 3 }))
  })

  it('a maildrop that could not be opened was no log-in', (leases) => {
    leases.release(given(leases.acquire({ ...mario, delay: 60_000 })), false)
    const lease = given(leases.acquire({ ...mario, delay: 60_000 }))
    leases.release(lease)
    leases.release(lease, false)
    assert.equal((leases.acquire({ ...mario, delay: 60_000 }) as NoLease).why, 'soon')
  })

  it('all leases of a process can be voided', (leases) => {
    given(leases.acquire(mario))
    leases.releaseAllOf('another')
    assert.equal('why' in leases.acquire(mario), true)
    leases.releaseAllOf()
    given(leases.acquire(mario))
  })
}

test('leases hold between processes, and those of a process that died can be freed at once', (t) => {
  const data = folder(t)
  const here = new SqliteLeases(data, 'here')
  t.after(() => here.close())
  const module = new URL('leases-sqlite.ts', import.meta.url).href
  const program = `import { SqliteLeases } from ${JSON.stringify(module)}
    const leases = new SqliteLeases(${JSON.stringify(data)}, 'there')
    leases.acquire({ user: 'mario', device: undefined, from: '10.0.0.9' })
    process.kill(process.pid, 'SIGKILL')`
  spawnSync(process.execPath, ['--input-type=module', '-e', program])
  const held = here.acquire(mario) as NoLease
  assert.deepEqual({ ...held, since: 0 }, { why: 'in-use', from: '10.0.0.9', since: 0, process: 'there' })
  here.releaseAllOf('there')
  given(here.acquire(mario))
})

test('a lease whose process says no more that it is alive can be taken over by another', (t) => {
  const data = folder(t)
  const clock = { now: 1_000_000 }
  const [one, two] = ['one', 'two'].map((name) => new SqliteLeases(data, name, { uptime: () => clock.now }))
  assert.ok(one && two)
  t.after(() => [one, two].forEach((leases) => leases.close()))
  const lease = given(one.acquire(mario))
  clock.now += leaseTime - 1
  assert.equal('why' in two.acquire(mario), true)
  one.renew()
  clock.now += leaseTime - 1
  assert.equal('why' in two.acquire(mario), true)
  clock.now += 1
  assert.equal('why' in one.acquire(mario), true, 'to itself a process is alive')
  clock.now += leaseTime
  const next = given(two.acquire(mario))
  assert.ok(!one.holds(lease))
  one.release(lease)
  assert.ok(two.holds(next))
  assert.equal('why' in one.acquire(mario), true)
})

test('a clock that is put forward or back takes nobody’s maildrop away', (t) => {
  const data = folder(t)
  const clock = { now: 1_700_000_000_000 }
  const [one, two] = ['one', 'two'].map((name) => new SqliteLeases(data, name, { now: () => clock.now }))
  assert.ok(one && two)
  t.after(() => [one, two].forEach((leases) => leases.close()))
  const lease = given(one.acquire(mario))
  for (const jump of [10 * leaseTime, -1_000_000_000, 2_000_000_000]) {
    clock.now += jump
    assert.equal((two.acquire(mario) as NoLease).why, 'in-use')
    assert.ok(one.holds(lease))
  }
})

test('a damaged file of leases is made anew, and only its owner may read it', (t) => {
  const data = folder(t)
  writeFileSync(join(data, 'leases.sqlite'), 'not a database '.repeat(1000), { mode: 0o600 })
  const leases = new SqliteLeases(data, 'one')
  t.after(() => leases.close())
  given(leases.acquire(mario))
  assert.equal(statSync(join(data, 'leases.sqlite')).mode & 0o777, 0o600)
})

test('a file of leases that is damaged within, as it may be after the power was lost, is made anew too', (t) => {
  const data = folder(t)
  const file = join(data, 'leases.sqlite')
  const before = new SqliteLeases(data, 'before')
  for (let n = 0; n < 500; n++) given(before.acquire({ ...mario, user: `user-${n}` }))
  before.close()
  const octets = readFileSync(file)
  writeFileSync(file, octets.fill(0xa5, 8192, octets.length - 4096))
  const leases = new SqliteLeases(data, 'one')
  t.after(() => leases.close())
  for (let n = 0; n < 500; n++) given(leases.acquire({ ...mario, user: `user-${n}` }))
})

test('leases whose file is lost can be let go of', (t) => {
  const data = folder(t)
  const leases = new SqliteLeases(data, 'one')
  const other = new DatabaseSync(join(data, 'leases.sqlite'))
  other.exec('drop table leases')
  other.close()
  leases.close()
})
