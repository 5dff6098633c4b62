import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Random } from '../corpus/generate-random.ts'
import { fetchApart } from './fault-child.ts'
import { type Fault, leaves } from './fault.ts'
import { prepare } from './fault-run.ts'
import { faultTable } from './fault-table.ts'
import { seed } from './kill-bench.ts'

const timeout = 300_000
/** More than the process has at its start (octets), whatever a server does. */
const memory = 256 << 20
const kills = 3

for (const { title, faults } of faultTable) {
  describe(`killed: ${title}`, { concurrency: 3 }, () => {
    for (const fault of faults) {
      test(`a fetch, killed at random moments, from a server that ${fault.name}`, { timeout }, async () => {
        const random = new Random(seed + fault.name.length)
        const took = await undisturbed(fault)
        const ways = fault.ways()
        for (let trial = 0; trial < (fault.trials ?? kills); trial++) {
          const leave = (fault.only ?? leaves)[trial % (fault.only ?? leaves).length] ?? 'forever'
          const way = fault.ways()[random.between(0, ways.length - 1)] ?? {}
          const killAfter = random.fraction() * took
          try {
            await using bench = await prepare(fault, leave, { disk: true })
            await fetchApart(bench, fault, way, killAfter)
            await bench.expectDurable()
            await bench.expectAllHome({}, fault.stays === true ? way : fault.manners)
          } catch (error) {
            const when = `killed after ${killAfter.toFixed(0)} ms of ${took.toFixed(0)}`
            throw new Error(`trial ${trial} of seed ${seed}, ${leave}, ${when}: ${JSON.stringify(way)}`, {
              cause: error,
            })
          }
        }
      })
    }
  })
}

/** How long a fetch takes that nobody kills (milliseconds). */
async function undisturbed(fault: Fault): Promise<number> {
  await using bench = await prepare(fault, fault.only?.[0] ?? 'delete', { disk: true })
  const { end, took } = await fetchApart(bench, fault, fault.ways()[0] ?? {})
  assert.ok(end !== undefined)
  await bench.expectDurable()
  assert.ok(end.memory < memory, `it took ${end.memory >> 20} MiB of memory`)
  return took
}
