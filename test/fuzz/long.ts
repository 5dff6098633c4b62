import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { properties } from './properties.ts'

const usage = 'npm run fuzz -- [--minutes 10] [--only WORD] [--seed N]'

/** Runs every property in turn, with new seeds, until the time is over; stops at the first that does not hold. */
async function fuzz(minutes: number, only: string | undefined, seed: number | undefined): Promise<boolean> {
  const chosen = properties.filter(({ name }) => only === undefined || name.includes(only))
  if (chosen.length === 0)
    throw new Error(`nothing is called ${only}: ${properties.map(({ name }) => name).join(', ')}`)
  const until = performance.now() + minutes * 60_000
  const done = new Map<string, number>()
  let least = Infinity
  while (performance.now() < until) {
    for (const { name, property, runs } of chosen) {
      const numRuns = runs * 5
      const details = await fc.check(property, { numRuns, ...(seed !== undefined && { seed }) })
      if (details.failed) {
        console.error(`${name}: seed ${details.seed}, path ${details.counterexamplePath}`)
        console.error(fc.defaultReportMessage(details as fc.RunDetails<unknown>))
        return false
      }
      done.set(name, (done.get(name) ?? 0) + numRuns)
    }
    globalThis.gc?.()
    const used = process.memoryUsage.rss() / 1e6
    least = Math.min(least, used)
    const counts = [...done].map(([name, count]) => `${name} ${count}`).join(', ')
    console.log(`${counts}; ${used.toFixed(0)} MB (least ${least.toFixed(0)})`)
  }
  return true
}

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, only: { type: 'string' }, seed: { type: 'string' } },
})
const minutes = Number(values.minutes)
if (minutes > 0)
  process.exitCode = (await fuzz(minutes, values.only, values.seed === undefined ? undefined : Number(values.seed)))
    ? 0
    : 1
else {
  console.error(usage)
  process.exitCode = 2
}
