import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Crowd, TooManyLogIns } from './crowd.ts'

test('who comes alone neither waits behind a crowd, nor is turned away because of it', async () => {
  const crowd = new Crowd()
  const gate = Promise.withResolvers<void>()
  const done: string[] = []
  const came: Promise<void>[] = []
  const come = (place: string): Promise<void> =>
    crowd.inTurn(place, async () => {
      await gate.promise
      done.push(place)
    })
  for (let i = 0; i < 256; i++) for (const place of ['a', 'b', 'c', 'd']) came.push(come(place))
  for (const place of ['a', 'd']) await assert.rejects(come(place), TooManyLogIns)
  came.push(come('alone'))
  await assert.rejects(come('alone'), TooManyLogIns, 'all who may wait do')
  gate.resolve()
  await Promise.all(came)
  assert.equal(done.length, 1025)
  assert(done.indexOf('alone') < 10, `after ${done.indexOf('alone')} others`)
  await come('alone')
})
