import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWithin, parseHours } from './hours.ts'

/** Some day at this time on this machine's clock. */
function at(hours: number, minutes: number): number {
  return new Date(2026, 10, 23, hours, minutes).getTime()
}

test('hours of a day: the first minute is in, the last is not', () => {
  const hours = parseHours('01:00-06:00')
  assert.deepEqual(hours, { from: 60, to: 360 })
  if (hours === undefined) return
  assert.deepEqual(
    [at(0, 59), at(1, 0), at(5, 59), at(6, 0), at(13, 0)].map((time) => isWithin(hours, time)),
    [false, true, true, false, false],
  )
})

test('hours over midnight, and up to it', () => {
  const over = parseHours('22:30-05:00')
  const upTo = parseHours('20:00-24:00')
  if (over === undefined || upTo === undefined) return assert.fail('these are hours')
  assert.deepEqual(
    [at(22, 29), at(22, 30), at(0, 0), at(4, 59), at(5, 0)].map((time) => isWithin(over, time)),
    [false, true, true, true, false],
  )
  assert.deepEqual(
    [at(19, 59), at(20, 0), at(23, 59), at(0, 0)].map((time) => isWithin(upTo, time)),
    [false, true, true, false],
  )
})

test('what is no such time is refused', () => {
  for (const text of ['', '1-6', '01:00', '01:00-06:00 ', '01:60-06:00', '25:00-26:00', '24:01-06:00', '06:00-06:00'])
    assert.equal(parseHours(text), undefined, text)
})
