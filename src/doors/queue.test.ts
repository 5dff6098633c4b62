import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Queue } from './queue.ts'

test('what went in first comes out first, however many there are', () => {
  const queue = new Queue<number>()
  assert.deepEqual([queue.first, queue.take(), queue.length], [undefined, undefined, 0])
  let next = 0
  for (let n = 0; n < 1000; n++) {
    queue.add(n)
    // Two go in, one comes out.
    if (n % 2 === 1) assert.equal(queue.take(), next++)
  }
  assert.deepEqual([queue.length, queue.first], [500, 500])
  while (queue.length > 100) assert.equal(queue.take(), next++)
  assert.deepEqual(
    queue.takeAll(),
    Array.from({ length: 100 }, (_, n) => 900 + n),
  )
  queue.add(7)
  assert.deepEqual([queue.length, queue.take(), queue.take()], [1, 7, undefined])
})
