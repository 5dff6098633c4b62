import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from './turns.ts'

test('what is finished early waits for what was begun before it', async () => {
  const turns = new Turns()
  assert.ok(turns.free)
  const [first, third] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
  const order: string[] = []
  const take = async (finishing: Promise<string>): Promise<void> => void order.push(await turns.take(finishing))
  const all = [take(first.promise), take(Promise.resolve('second')), take(third.promise), take(Promise.resolve('last'))]
  assert.ok(!turns.free)
  third.resolve('third')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(order, [])
  first.resolve('first')
  await Promise.all(all)
  assert.deepEqual(order, ['first', 'second', 'third', 'last'])
})

test('one that fails tells only who began it', async () => {
  const turns = new Turns()
  const failing = turns.take(Promise.reject(new Error('no room')))
  const next = turns.take(Promise.resolve('next'))
  await assert.rejects(failing, /no room/)
  assert.equal(await next, 'next')
})
