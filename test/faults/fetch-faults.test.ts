import { describe, test } from 'node:test'
import { leaves } from './fault.ts'
import { runFault } from './fault-run.ts'
import { faultTable } from './fault-table.ts'

/** Each ends by itself: a hanging server must not hang us. */
const timeout = 120_000

for (const { title, faults } of faultTable) {
  describe(title, { concurrency: 8 }, () => {
    for (const fault of faults) {
      if (fault.took !== undefined) continue
      for (const leave of fault.only ?? leaves) {
        test(`${leave}: a server that ${fault.name}`, { timeout }, async () => {
          for (const [place, way] of fault.ways().entries()) {
            try {
              await runFault(fault, leave, way)
            } catch (error) {
              throw new Error(`way ${place}: ${JSON.stringify(way)}`, { cause: error })
            }
          }
        })
      }
    }
  })
}
