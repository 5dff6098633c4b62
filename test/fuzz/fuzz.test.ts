import { test } from 'node:test'
import fc from 'fast-check'
import { properties } from './properties.ts'

// A second of each; `npm run fuzz` goes on for as long as one likes.
for (const { name, property, runs } of properties) {
  test(`fuzzed: ${name}`, async () => {
    await fc.assert(property, { numRuns: runs })
  })
}
