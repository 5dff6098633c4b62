import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rests, worse } from './trouble.ts'

test('each failure doubles the pause, from five minutes up to a day, with some jitter', () => {
  let trouble = worse(undefined, 'no', 0, { random: () => 0.5 })
  const minutes: number[] = []
  for (let times = 0; times < 11; times++) {
    minutes.push(trouble.next / 60_000)
    assert.equal(trouble.attempts, times + 1)
    trouble = worse({ ...trouble, account: '', uniqueId: '' }, 'no', 0, { random: () => 0.5 })
  }
  assert.deepEqual(minutes, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440])
  assert.deepEqual(
    [0, 1].map((random) => worse(undefined, 'no', 0, { random: () => random }).next / 60_000),
    [4, 6],
  )
})

test('what is to rest until a time that no back-off reaches was noted by a wrong clock, and does not rest', () => {
  const trouble = (next: number): Parameters<typeof rests>[0] => ({
    account: '',
    uniqueId: '',
    attempts: 1,
    why: '',
    next,
  })
  assert.equal(rests(trouble(1000), 999), true)
  assert.equal(rests(trouble(1000), 1000), false)
  assert.equal(rests(trouble(10 * 86_400_000), 0), false)
  assert.equal(rests(undefined, 0), false)
})

test('what is not to cost waiting at first does so from the next failure on', () => {
  const first = worse(undefined, 'no', 1000, { free: 1 })
  assert.deepEqual([first.attempts, first.next], [1, 1000])
  const second = worse({ ...first, account: '', uniqueId: '' }, 'no', 0, { free: 1, random: () => 0.5 })
  assert.equal(second.next, 5 * 60_000)
})
