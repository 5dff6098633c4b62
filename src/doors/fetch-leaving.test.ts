import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Held, leaving, type LeavingOptions } from './fetch-leaving.ts'

const day = 86_400_000
const now = 100 * day

/** A message that came home so many days ago and is as old; undefined: it is not home. */
function held(age: number | undefined, octets: number | undefined = 100): Held {
  return { octets, home: age === undefined ? undefined : { stored: now - age * day, received: now - age * day } }
}

function places(all: readonly Held[], options: Partial<LeavingOptions> & Pick<LeavingOptions, 'leave'>): number[] {
  return leaving(all, { now, ...options }).go.map((one) => all.indexOf(one.held))
}

const all = [held(50), held(40), held(undefined), held(3), held(10)]

test('for ever leaves all, delete takes what is home', () => {
  assert.deepEqual(places(all, { leave: 'forever' }), [])
  assert.deepEqual(places(all, { leave: 'delete' }), [0, 1, 3, 4])
})

test('so many days after it came home', () => {
  assert.deepEqual(places(all, { leave: 40 }), [0, 1])
  assert.deepEqual(places(all, { leave: 41 }), [0])
})

test('where the clock has jumped, nothing goes for its age, and that is told', () => {
  const { go, note } = leaving(all, { leave: 30, now, clockSteady: false })
  assert.deepEqual(go, [])
  assert.match(note ?? '', /clock has jumped.* 2 messages/)
  assert.equal(leaving(all, { leave: 60, now, clockSteady: false }).note, undefined)
})

test('the newest stay, by when they were received; what is not home yet is one of them', () => {
  assert.deepEqual(places(all, { leave: { newest: 3 } }), [0, 1])
  assert.deepEqual(places(all, { leave: { newest: 0 } }), [0, 1, 4, 3])
  assert.deepEqual(places(all, { leave: { newest: 9 } }), [])
})

test('what waits there on purpose, or another program had, is as old as what follows it: it drives out nothing newer', () => {
  const waiting = [held(undefined), held(undefined), held(10), held(undefined), held(3), held(1)]
  assert.deepEqual(places(waiting, { leave: { newest: 3 } }), [2])
  assert.deepEqual(places(waiting, { leave: { newest: 4 } }), [])
  const dated = [
    held(5),
    { ...held(undefined), received: now - 4 * day },
    { ...held(undefined), received: now - 9 * day },
  ]
  assert.deepEqual(places(dated, { leave: { newest: 2 } }), [])
  assert.deepEqual(places(dated, { leave: { newest: 1 } }), [0])
})

test('the oldest go until the rest fits', () => {
  assert.deepEqual(places(all, { leave: { octets: 500 } }), [])
  assert.deepEqual(places(all, { leave: { octets: 499 } }), [0])
  assert.deepEqual(places(all, { leave: { octets: 250 } }), [0, 1, 4])
  assert.deepEqual(places(all, { leave: { percent: 50 }, room: 500 }), [0, 1, 4])
  const { go, note } = leaving(all, { leave: { percent: 50 }, now })
  assert.deepEqual(go, [])
  assert.match(note ?? '', /--room/)
})

test('whatever is wanted, only what is home goes, and none twice', () => {
  const message = fc.record({
    octets: fc.option(fc.nat(1000), { nil: undefined }),
    home: fc.option(fc.record({ stored: fc.nat(now), received: fc.nat(now) }), { nil: undefined }),
  })
  const leave = fc.oneof(
    fc.constantFrom('forever' as const, 'delete' as const),
    fc.nat(90),
    fc.record({ newest: fc.nat(5) }),
    fc.record({ octets: fc.nat(3000) }),
    fc.record({ percent: fc.nat(99) }),
  )
  fc.assert(
    fc.property(fc.array(message), leave, fc.boolean(), (messages, wanted, clockSteady) => {
      const { go } = leaving(messages, { leave: wanted, now, room: 2000, clockSteady })
      assert.ok(go.every((one) => one.held.home !== undefined && one.why !== ''))
      assert.equal(new Set(go.map((one) => one.held)).size, go.length)
    }),
  )
})
