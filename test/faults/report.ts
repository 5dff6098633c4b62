import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { killFault } from './fault-kill.ts'
import { reportText, runsOf, shown } from './fault-report.ts'
import { leavesOf, runFault } from './fault-run.ts'
import { faultTable } from './fault-table.ts'
import type { Fault } from './fault.ts'

// Runs the table of faults and prints what came out; with --write, into docs/faults.md. Ends with 1 where something was not as it must be.

const said = new Map<Fault, string>()
const failures: string[] = []

/** The first words in the first run that has any: that with mail which is deleted, for more is done then. */
async function run(fault: Fault): Promise<string> {
  let first = ''
  if (fault.took === undefined)
    for (const leave of leavesOf(fault).toSorted())
      for (const way of fault.ways()) {
        const [line = ''] = await runFault(fault, leave, way)
        first ||= line
      }
  const [apart = ''] = await killFault(fault)
  return first || (fault.took === undefined ? '' : apart)
}

const faults = faultTable.flatMap((group) => group.faults)
let next = 0
const lane = async (): Promise<void> => {
  for (let fault = faults[next++]; fault !== undefined; fault = faults[next++]) {
    const began = performance.now()
    try {
      said.set(fault, shown(await run(fault)))
      console.error(`✓ ${fault.name} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
    } catch (error) {
      failures.push(fault.name)
      console.error(`✗ ${fault.name}`, error)
    }
  }
}
await Promise.all(Array.from({ length: 4 }, lane))

const text = reportText((fault) => ({ does: fault.does, says: said.get(fault) ?? '', runs: runsOf(fault) }))
if (failures.length > 0) {
  console.error(`${failures.length} of ${faults.length} faults did not end as they must: ${failures.join('; ')}`)
  process.exitCode = 1
} else if (process.argv.includes('--write')) writeFileSync(join(import.meta.dirname, '../../docs/faults.md'), text)
else process.stdout.write(text)
