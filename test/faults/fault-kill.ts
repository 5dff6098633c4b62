import assert from 'node:assert/strict'
import { Random } from '../corpus/generate-random.ts'
import { fetchApart } from './fault-child.ts'
import type { FetchEnd } from './fault-fetch.ts'
import type { Fault, LeaveName } from './fault.ts'
import { expectGoodEnd, leavesOf, prepare } from './fault-run.ts'
import type { HostileBench } from './hostile-bench.ts'
import type { Hostility } from './hostility.ts'
import { seed } from './kill-bench.ts'

/** No fetch needs more (octets): the process has some 100 MiB at its start. */
const mostMemory = 256 << 20
const usualKills = 2

/** How often a fault is met by a fetch that is killed. */
export function killsOf({ kills = usualKills }: Fault): number {
  return kills
}

/** Kills fetches from a server with the fault, each at a random moment; after each, what is here must be right, and a good fetch bring the rest. Gives what a fetch said that was not killed. */
export async function killFault(fault: Fault): Promise<readonly string[]> {
  const random = new Random(seed + fault.name.length)
  const among = leavesOf(fault)
  const undisturbed = await alone(
    fault,
    among.at(-1) ?? 'days',
    fault.took !== undefined ? random.fraction() * fault.took : undefined,
  )
  if (fault.took !== undefined) return undisturbed.told
  for (let trial = 0; trial < killsOf(fault); trial++) {
    const leave = among[trial % among.length] ?? 'forever'
    const ways = fault.ways()
    const way = ways[random.between(0, ways.length - 1)] ?? {}
    const killAfter = random.fraction() * undisturbed.took
    const when = `trial ${trial} of seed ${seed}, ${leave}, killed after ${killAfter.toFixed(0)} ms of ${undisturbed.took.toFixed(0)}`
    try {
      await using bench = await prepare(fault, leave, { disk: true })
      await fetchApart(bench, fault, way, killAfter)
      await comesHome(bench, fault, way)
    } catch (error) {
      throw new Error(`${when}: ${JSON.stringify(way)}`, { cause: error })
    }
  }
  return undisturbed.told
}

/** A fetch that is not killed, but another before it where `killAfter` is given. */
async function alone(
  fault: Fault,
  leave: LeaveName,
  killAfter: number | undefined,
): Promise<{ took: number; told: readonly string[] }> {
  const way = fault.ways()[0] ?? {}
  await using bench = await prepare(fault, leave, { disk: true })
  if (killAfter !== undefined) {
    await fetchApart(bench, fault, way, killAfter)
    await bench.expectDurable()
  }
  const { end, took } = await fetchApart(bench, fault, way)
  assert.ok(end !== undefined)
  const { memory = mostMemory } = fault
  assert.ok(end.memory < memory, `it took ${end.memory >> 20} MiB of memory`)
  await (killAfter === undefined ? bench.expectDurable() : comesHome(bench, fault, way))
  return { took, told: told(end) }
}

async function comesHome(bench: HostileBench, fault: Fault, way: Hostility): Promise<void> {
  await bench.expectDurable()
  await expectGoodEnd(fault, bench, way)
}

function told({ error, problems }: FetchEnd): readonly string[] {
  return error === undefined ? problems : [error.message, ...problems]
}
