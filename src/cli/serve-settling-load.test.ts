import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Load, restAfter, shareOf, type Used } from './serve-settling-load.ts'

test('while others are busy, settling has a small share, but some', () => {
  assert.ok(shareOf(0) <= 0.5)
  assert.ok(shareOf(1) < shareOf(0) / 5)
  assert.ok(shareOf(100) > 0)
})

test('who rests so long uses no more than the share', () => {
  for (const share of [0.5, 0.05, 1])
    assert.ok(Math.abs(30 / (30 + restAfter(30, share)) - share) < 1e-9, `a share of ${share}`)
})

test('others are the rest of the machine and the thread that serves, not the threads behind the scenes', () => {
  const looks: Used[] = [
    { machine: 1_000_000, process: 5000, thread: 3000, at: 0 },
    // Settling alone works.
    { machine: 1_002_000, process: 7000, thread: 3000, at: 2000 },
    // It works, and this thread serves half of the time.
    { machine: 1_005_000, process: 10_000, thread: 4000, at: 4000 },
    // It rests, and another process takes two processors.
    { machine: 1_009_000, process: 10_000, thread: 4000, at: 6000 },
    // The system tells nothing of the machine.
    { machine: 1_009_000, process: 12_000, thread: 5000, at: 8000 },
  ]
  const load = new Load(() => looks.shift() ?? assert.fail('it was looked too often'))
  assert.deepEqual([load.others(), load.others(), load.others(), load.others()], [0, 0.5, 2, 0.5])
})

test('what the system says is a number of processors', () => {
  const load = new Load()
  const until = performance.now() + 50
  while (performance.now() < until);
  const others = load.others()
  assert.ok(Number.isFinite(others) && others >= 0, `${others}`)
})
