import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClockState } from './account-options.ts'
import { type Reading, readClock, witness } from './witness.ts'

const day = 86_400_000
const start: Reading = { wall: 1000 * day, uptime: day, boot: 'one' }

/** So many days by the clock, and by the uptime. */
function after(wall: number, up: number | undefined): Reading {
  return up === undefined
    ? { wall: start.wall + wall * day, uptime: 60_000, boot: 'two' }
    : { wall: start.wall + wall * day, uptime: start.uptime + up * day, boot: 'one' }
}

function steady(...readings: Reading[]): boolean[] {
  let state: ClockState | undefined
  return readings.map((reading) => {
    const seen = witness(state, reading)
    state = seen.state
    return seen.steady
  })
}

test('a clock that goes as time goes is believed, also over a long time without a fetch', () => {
  assert.deepEqual(steady(start, after(1, 1), after(400, 400)), [true, true, true])
})

test('a clock that is far ahead of the uptime is not, until it has run for a week', () => {
  assert.deepEqual(steady(start, after(365, 0), after(371, 6), after(372, 7), after(373, 8)), [
    true,
    false,
    false,
    true,
    true,
  ])
})

test('a clock that was put back, or a little ahead, does no harm', () => {
  assert.deepEqual(steady(start, after(-100, 0), after(-99, 1)), [true, true, true])
  assert.deepEqual(steady(start, after(1.5, 0.1)), [true, true])
  // Put right after it was wrong.
  assert.deepEqual(steady(start, after(-100, 0), after(0, 0)), [true, true, false])
})

test('a clock that was far ahead and is put right is believed again after a week, not when that year comes', () => {
  assert.deepEqual(steady(start, after(365, 0), after(1, 1), after(7, 7), after(8, 8)), [
    true,
    false,
    false,
    false,
    true,
  ])
})

test('over a new start of the machine a month may pass, but no year', () => {
  assert.deepEqual(steady(start, after(30, undefined)), [true, true])
  assert.deepEqual(steady(start, after(365, undefined)), [true, false])
})

test('this machine has a clock', () => {
  const [one, two] = [readClock(), readClock()]
  assert.equal(one.boot, two.boot)
  assert.ok(two.uptime >= one.uptime && one.uptime > 0)
})
