import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Due, Pace } from './pop3-pace.ts'

const to = { host: 'pop.example.it', port: 995 }
const minute = 60_000

/** Looks once a minute at what `due` says then; gives what was found too slow. */
async function watching(t: TestContext, dues: readonly (Due | undefined)[]): Promise<string[]> {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const said: string[] = []
  let look = 0
  const pace = new Pace(
    to,
    minute,
    () => dues[look++],
    (why) => said.push(why),
  )
  for (const _ of dues) {
    t.mock.timers.tick(minute)
    await nextTurn()
  }
  pace.stop()
  t.mock.timers.tick(5 * minute)
  await nextTurn()
  assert.equal(look, dues.length)
  return said
}

const capa = (octets: number): Due => ({ what: 'its answer to CAPA', ordinal: 1, long: false, octets })
const message = (ordinal: number, octets: number, long = true): Due => {
  return { what: `its answer to RETR ${ordinal}`, ordinal, long, octets }
}

test('a short answer that is still not whole at the second look is too slow, however much comes', async (t) => {
  assert.deepEqual(await watching(t, [capa(0), capa(100_000)]), [
    'pop.example.it:995 did not end its answer to CAPA within 60 s',
  ])
})

test('one answer after the other is fast enough, as slow as each may be', async (t) => {
  const dues = [message(1, 0, false), message(2, 10, false), message(3, 20), message(4, 30)]
  assert.deepEqual(await watching(t, dues), [])
})

test('a message has begun and goes on by a kilobyte a minute: that is a slow line', async (t) => {
  const dues = [message(1, 0, false), message(1, 1), message(1, 1025), message(1, 2049), message(1, 50_000)]
  assert.deepEqual(await watching(t, dues), [])
})

test('a message that goes on by less is one that drips', async (t) => {
  assert.deepEqual(await watching(t, [message(1, 0), message(1, 1024), message(1, 2047)]), [
    'pop.example.it:995 sent fewer than 1024 octets of its answer to RETR 1 in 60 s',
  ])
})

test('while nothing is due, or what came is being taken, nobody is slow', async (t) => {
  assert.deepEqual(await watching(t, [undefined, undefined, capa(1), undefined, capa(1), undefined]), [])
})
