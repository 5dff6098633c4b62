import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Crowd, type LimitReached, type Session } from './crowd.ts'
import { isNetwork, networks } from './networks.ts'
import { placeOf } from './place.ts'
import { Tally } from './tally.ts'

/** A session that does nothing by itself. */
class Standing implements Session {
  readonly #over = Promise.withResolvers<void>()
  readonly over: Promise<void> = this.#over.promise
  deadline = Infinity
  loggedIn = false
  why: string | undefined

  giveUp(why: string): void {
    this.why = why
    this.#over.resolve()
  }

  closeSoon(): void {
    this.giveUp('closing')
  }
}

function arrive(crowd: Crowd, address: string, loggedIn = false): Standing | undefined {
  if (!crowd.admits(address)) return undefined
  const session = new Standing()
  session.loggedIn = loggedIn
  crowd.watch(session, 'pop3', address)
  return session
}

/** Lets promises be settled. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('where all places are taken, the oldest who has not logged in makes room; who has logged in stays', async () => {
  const limits: LimitReached[] = []
  const crowd = new Crowd({ limits: { sessions: 3 }, onLimit: (which) => limits.push(which) })
  const [first, second, third] = [
    arrive(crowd, '192.0.2.1', true),
    arrive(crowd, '192.0.2.2'),
    arrive(crowd, '192.0.2.3'),
  ]
  const fourth = arrive(crowd, '192.0.2.4')
  assert.deepEqual([first?.why, second?.why, third?.why], [undefined, 'made room', undefined])
  await turn()
  if (third !== undefined) third.loggedIn = true
  if (fourth !== undefined) fourth.loggedIn = true
  assert.equal(arrive(crowd, '192.0.2.5'), undefined, 'all have logged in')
  first?.giveUp('connection lost')
  await turn()
  assert.ok(arrive(crowd, '192.0.2.5'))
  assert.deepEqual(limits, ['made-room', 'sessions'])
})

test('one address has its own limit, an IPv6 network of 64 bits as well, and cannot push out others', async () => {
  const crowd = new Crowd({ limits: { perAddress: 2 } })
  const one = arrive(crowd, '2001:db8:0:1::1')
  assert.ok(one)
  assert.ok(arrive(crowd, '2001:db8:0:1:ffff::2'))
  assert.equal(arrive(crowd, '2001:db8::1:0:0:0:3'), undefined)
  assert.ok(arrive(crowd, '2001:db8:0:2::1'), 'another network')
  one.giveUp('connection lost')
  await turn()
  assert.ok(arrive(crowd, '2001:db8:0:1::3'))
})

test('limits may be changed while it runs', () => {
  const crowd = new Crowd({ limits: { perAddress: 1 } })
  assert.ok(arrive(crowd, '192.0.2.1'))
  assert.equal(arrive(crowd, '192.0.2.1'), undefined)
  crowd.limits = { ...crowd.limits, perAddress: 2 }
  assert.ok(arrive(crowd, '192.0.2.1'))
})

test('what other processes count, counts', async () => {
  let fresh = 0
  const [here, there] = [new Tally(() => fresh++), new Tally(() => undefined)]
  const crowds = [here, there].map((tally) => new Crowd({ tally, limits: { perAddress: 2, sessions: 3 } }))
  const [a, b] = crowds
  assert.ok(a && b)
  const session = arrive(a, '192.0.2.1', true)
  assert.ok(arrive(a, '192.0.2.1', true))
  assert.equal(fresh, 1, 'told once, until it is asked what')
  there.hear(here.changes())
  assert.equal(arrive(b, '192.0.2.1'), undefined)
  assert.ok(arrive(b, '192.0.2.2', true))
  here.hear(there.changes())
  assert.equal(arrive(a, '192.0.2.3'), undefined, 'full')
  session?.giveUp('connection lost')
  await turn()
  there.hear(here.changes())
  assert.ok(arrive(b, '192.0.2.1'))
  assert.deepEqual(here.changes(), [])
})

test('a place is an IPv4 address, or an IPv6 network of 64 bits', () => {
  assert.equal(placeOf('::ffff:192.0.2.7'), '192.0.2.7')
  assert.equal(placeOf('2001:db8::1'), placeOf('2001:db8:0:0:ffff::2'))
  assert.notEqual(placeOf('2001:db8:0:1::1'), placeOf('2001:db8::1'))
  assert.equal(placeOf('fe80::1%eth0'), placeOf('fe80::2'))
})

test('an address lies in the networks that are named', () => {
  const ours = networks(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'])
  assert.deepEqual(
    ['127.0.0.1', '127.0.0.2', '10.255.0.1', '11.0.0.1', '2001:db8:1::1', '2001:db9::1', 'nobody', ''].map(ours),
    [true, false, true, false, true, false, false, false],
  )
  for (const wrong of ['10.0.0.0/33', '::/129', '10.0.0', 'localhost', '10.0.0.0/', ''])
    assert.equal(isNetwork(wrong), false, wrong)
})
