import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerError, RefusedError } from '../errors.ts'
import { fetchInRounds } from './fetch-rounds.ts'
import type { FetchReport } from './fetching.ts'

function report(fetched: number, more: Partial<FetchReport> = {}): FetchReport {
  return {
    new: fetched,
    skipped: 0,
    failed: 0,
    waiting: 0,
    deleted: 0,
    octets: fetched * 10,
    seconds: 1,
    problems: [],
    error: undefined,
    ...more,
  }
}

/** Gives these reports in turn; fails when asked for more. */
function sessions(...reports: FetchReport[]): () => Promise<FetchReport> {
  return () => Promise.resolve(reports.shift() ?? assert.fail('a session too many'))
}

const lost = new PeerError('connection-lost', 'it broke')

test('a session that ends well is the only one', async () => {
  assert.equal((await fetchInRounds(sessions(report(3)))).new, 3)
})

test('where the line broke it goes on at once, as long as something comes', async () => {
  const done = await fetchInRounds(
    sessions(report(3, { error: lost }), report(2, { error: lost, skipped: 3 }), report(1, { skipped: 5 })),
  )
  assert.deepEqual([done.new, done.skipped, done.octets, done.error], [6, 0, 60, undefined])
  const stuck = await fetchInRounds(sessions(report(3, { error: lost }), report(0, { error: lost, skipped: 3 })))
  assert.deepEqual([stuck.new, stuck.error], [3, lost])
})

test('a refusal is no broken line, and who was told to stop stops', async () => {
  const refused = new RefusedError('in-use', '[IN-USE]', 'no')
  assert.equal((await fetchInRounds(sessions(report(3, { error: refused })))).error, refused)
  const stop = new AbortController()
  stop.abort()
  assert.equal((await fetchInRounds(sessions(report(3, { error: lost })), { signal: stop.signal })).error, lost)
})

test('a server that wants time between two log-ins gets it: no second session at once', async () => {
  const waiting = await fetchInRounds(sessions(report(3, { error: lost, leastWait: 600_000 })))
  assert.deepEqual([waiting.new, waiting.leastWait], [3, 600_000])
})

test('what one session learnt of the server is not forgotten by the next', async () => {
  const done = await fetchInRounds(sessions(report(3, { error: lost, oneByOne: true }), report(1)))
  assert.equal(done.oneByOne, true)
})

test('a provider that lists only a part is asked until it lists nothing new', async () => {
  const done = await fetchInRounds(
    sessions(
      report(250, { skipped: 4, leastWait: 300_000 }),
      report(250, { skipped: 254 }),
      report(0, { skipped: 504 }),
    ),
    { partial: true },
  )
  assert.deepEqual([done.new, done.skipped], [500, 4])
})
