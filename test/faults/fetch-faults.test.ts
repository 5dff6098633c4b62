import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readReport, reportText, runsOf, shown } from './fault-report.ts'
import { leavesOf, runFault } from './fault-run.ts'
import { faultTable } from './fault-table.ts'

/** Each ends by itself: a hanging server must not hang us. */
const timeout = 600_000
/** What was told, by the name of the fault; nothing, too. */
const told = new Map<string, Set<string>>()

for (const { title, faults } of faultTable) {
  describe(title, { concurrency: 8 }, () => {
    for (const fault of faults) {
      if (fault.took !== undefined) continue
      const lines = new Set<string>()
      told.set(fault.name, lines)
      for (const leave of leavesOf(fault)) {
        test(`${leave}: a server that ${fault.name}`, { timeout }, async () => {
          for (const [place, way] of fault.ways().entries()) {
            try {
              const [line = ''] = await runFault(fault, leave, way)
              lines.add(shown(line))
            } catch (error) {
              throw new Error(`way ${place}: ${JSON.stringify(way)}`, { cause: error })
            }
          }
        })
      }
    }
  })
}

test('docs/faults.md says what came out', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/faults.md'), 'utf8')
  const rows = readReport(page)
  const advice = 'run: npm run faults -- --write'
  for (const fault of faultTable.flatMap(({ faults }) => faults)) {
    const row = rows.get(fault.name)
    assert.deepEqual([row?.does, row?.runs], [fault.does, runsOf(fault)], `${fault.name}; ${advice}`)
    const lines = told.get(fault.name)
    if (lines === undefined) assert.match(row?.says ?? '', fault.says ?? /^$/)
    else assert.ok(lines.has(row?.says ?? ''), `${fault.name}: it says ${[...lines].join(' | ')}; ${advice}`)
  }
  // And nothing else.
  assert.equal(
    page,
    reportText((fault) => rows.get(fault.name) ?? { does: '', says: '', runs: '' }),
    advice,
  )
})
