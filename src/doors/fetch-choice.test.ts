import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Choice, choose, type Fetchable } from './fetch-choice.ts'

const wanted: readonly Fetchable[] = [
  { uniqueId: 'a', octets: 300 },
  { uniqueId: 'b', octets: 100 },
  { uniqueId: 'c', octets: undefined },
  { uniqueId: 'd', octets: 900 },
]

function ids(
  choice: Choice,
  marks: { resting?: [string, string][]; last?: [string, number][] } = {},
): { due: string; later: string; headers: string } {
  const { due, later } = choose(wanted, choice, { resting: new Map(marks.resting), last: new Map(marks.last) })
  return {
    due: due.map(({ uniqueId }) => uniqueId).join(''),
    later: later.map(({ message }) => message.uniqueId).join(''),
    headers: later.flatMap(({ message, header }) => (header ? message.uniqueId : [])).join(''),
  }
}

test('all of it, in the order of the listing, unless something is said', () => {
  assert.deepEqual(ids({}), { due: 'abcd', later: '', headers: '' })
})

test('small or new first; what went wrong before comes last', () => {
  assert.equal(ids({ first: 'small' }).due, 'cbad')
  assert.equal(ids({ first: 'new' }).due, 'dcba')
  assert.equal(ids({}, { last: [['a', 1]] }).due, 'bcda')
  const attempts: [string, number][] = Object.entries({ a: 2, b: 3, c: 1 })
  assert.equal(ids({}, { last: attempts }).due, 'dcab')
  assert.equal(ids({ first: 'small' }, { last: [['c', 1]] }).due, 'badc')
})

test('what is too large waits, and its header comes where that is wanted', () => {
  assert.deepEqual(ids({ largest: 300 }), { due: 'abc', later: 'd', headers: '' })
  assert.deepEqual(ids({ largest: 299, beyond: 'header' }), { due: 'bc', later: 'ad', headers: 'ad' })
})

test('what rests waits; what is too large does not come anyway, but its header does', () => {
  const resting: [string, string][] = [
    ['b', 'it failed'],
    ['d', 'it failed'],
  ]
  assert.deepEqual(ids({ largest: 300, beyond: 'header' }, { resting }), { due: 'ac', later: 'bd', headers: 'd' })
  const { later } = choose(wanted, { largest: 300 }, { resting: new Map(resting), last: new Map() })
  assert.deepEqual(
    later.map((one) => one.for),
    ['rest', 'size'],
  )
})

test('so many octets a day, but one message may be larger than that', () => {
  const octets = (amount: number, whole = false): string => {
    const { due, later } = ids({ budget: { octets: amount, whole } })
    return `${due} ${later}`
  }
  assert.equal(octets(400), 'abc d')
  assert.equal(octets(399), 'a bcd')
  assert.equal(octets(0), ' abcd')
  assert.equal(octets(0, true), 'a bcd')
  assert.equal(octets(399, true), 'a bcd')
})

test('small or new first: the one that does not fit any more goes once a day, or it would never come', () => {
  const day = (first: Choice['first'], amount: number, whole: boolean): string =>
    ids({ first, budget: { octets: amount, whole } }).due
  assert.equal(day('small', 500, true), 'cbad')
  assert.equal(day('small', 350, true), 'cba')
  assert.equal(day('small', 350, false), 'cb')
  assert.equal(day('new', 950, true), 'dcb')
  assert.equal(day('new', 50, true), 'd')
})

test('what is asked for by name is fetched, whatever else is said', () => {
  assert.deepEqual(
    ids({ only: new Set(['d']), largest: 1, budget: { octets: 0, whole: false } }, { resting: [['d', 'it failed']] }),
    {
      due: 'd',
      later: '',
      headers: '',
    },
  )
})
