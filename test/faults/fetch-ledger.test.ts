import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HostileBench } from './hostile-bench.ts'
import type { Hostility, RemoteMessage } from './hostile-pop3.ts'

/** Each test ends by itself: a hanging server must not hang us. */
const limit = { timeout: 600_000 }

function letters(count: number): RemoteMessage[] {
  return Array.from({ length: count }, (_, place) => letter(`id-${place}`, String(10_000 + place)))
}

function letter(uniqueId: string, name: string): RemoteMessage {
  const octets = Buffer.from(`Message-ID: <${name}@example.it>\r\nSubject: ${name}\r\n\r\nText.\r\n`)
  return { uniqueId, octets }
}

/** A provider that has moved to another machine. */
function renamed(messages: readonly RemoteMessage[]): RemoteMessage[] {
  return messages.map(({ uniqueId, octets }) => ({ uniqueId: `new-${uniqueId}`, octets }))
}

for (const hostility of [{ unknown: ['TOP'] }, {}] satisfies Hostility[]) {
  const how = hostility.unknown === undefined ? '' : ', without TOP'
  test(`all unique-ids changed${how}, and the line breaks in the middle: nothing comes twice`, limit, async () => {
    await using bench = await HostileBench.open({ messages: letters(30) })
    await bench.fetch()
    bench.server.messages = renamed(bench.server.messages)
    bench.arrive(letter('new', 'new'), 0)
    const report = await bench.fetch({ ...hostility, drop: { number: 12, after: 40 } })
    if (hostility.unknown !== undefined) assert.equal(report.error?.code, 'connection-lost')
    const again = await bench.fetch(hostility)
    assert.equal(report.new + again.new, 1)
    await bench.expectAllHome()
  })
}

test(
  'a server that once has no UIDL, or leaves lines out of it: nothing comes twice, then or later',
  limit,
  async () => {
    const odd: Hostility[] = [
      { unknown: ['UIDL'] },
      { uniqueId: (number, own) => (number % 2 === 0 ? own : undefined) },
      { uniqueId: () => undefined },
    ]
    for (const hostility of odd) {
      await using bench = await HostileBench.open({ messages: [...letters(10), letter('twin', '10000')] })
      await bench.fetch()
      bench.arrive(letter('late', 'late'))
      assert.equal((await bench.fetch(hostility)).new, 1)
      assert.equal((await bench.fetch(hostility)).new, 0)
      await bench.expectAllHome()
      bench.arrive(letter('later', 'later'), 3)
      assert.equal((await bench.fetch(hostility)).new, 1)
      await bench.expectAllHome()
    }
  },
)

test('a message that the server does not give again stays there, and is still known', limit, async () => {
  await using bench = await HostileBench.open({ messages: letters(2) })
  await bench.fetch()
  bench.leave = 'delete'
  // Without TOP it is to be read again before it goes.
  const kept = await bench.fetch({ unknown: ['TOP'], refuse: { number: 1, times: 1 } })
  assert.equal(kept.deleted, 1)
  assert.match(kept.problems.join(), /message 1 was left on the server.*does not give it again/)
  const known = await bench.fetch({ unknown: ['TOP'] })
  assert.deepEqual([known.skipped, known.deleted, bench.server.messages], [1, 1, []])
})

test('all unique-ids and the listed sizes changed: nothing comes twice', limit, async () => {
  const double: Hostility['listedSize'] = (_, real) => real * 2
  for (const [before, after] of [
    [double, undefined],
    [undefined, double],
  ]) {
    await using bench = await HostileBench.open({ messages: letters(30) })
    await bench.fetch(before === undefined ? {} : { listedSize: before })
    bench.server.messages = renamed(bench.server.messages)
    bench.arrive(letter('new', 'new'), 0)
    const moved = await bench.fetch(after === undefined ? {} : { listedSize: after })
    assert.equal(moved.new, 1)
    // The true sizes are familiar, so the headers told.
    if (after === undefined) assert.equal(bench.lastVerbs().filter((verb) => verb === 'RETR').length, 1)
    await bench.expectAllHome()
  }
})
