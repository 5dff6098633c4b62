import { describe, test } from 'node:test'
import { killFault } from './fault-kill.ts'
import { faultTable } from './fault-table.ts'

const timeout = 1_200_000

for (const { title, faults } of faultTable) {
  describe(`killed: ${title}`, { concurrency: 3 }, () => {
    for (const fault of faults)
      test(`a fetch, killed at random moments, from a server that ${fault.name}`, { timeout }, async () => {
        await killFault(fault)
      })
  })
}
