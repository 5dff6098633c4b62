import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './harness.ts'
import type { Section, Work } from './harness.ts'
import { type Measured, resultsText } from './report.ts'
import { works } from './works.ts'

const figures = join(root, 'bench', 'results.json')
const page = join(root, 'bench', 'results.md')

/**
 * Writes what was measured to `bench/results.json`, in the place of what was there of these works, and makes `bench/results.md` of all that
 * is there: a run of some works leaves the figures of the others as they were, with the machine and the day of theirs.
 */
export function keepResults(machine: readonly string[], done: readonly (readonly [Work, Section])[]): void {
  const kept: Record<string, Measured> = existsSync(figures)
    ? (JSON.parse(readFileSync(figures, 'utf8')) as Record<string, Measured>)
    : {}
  for (const [{ name }, section] of done) kept[name] = { machine, section }
  const all = works.flatMap((work) => {
    const measured = kept[work.name]
    return measured === undefined ? [] : [{ work, measured }]
  })
  const ordered = Object.fromEntries(all.map(({ work, measured }) => [work.name, measured]))
  writeFileSync(figures, `${JSON.stringify(ordered, undefined, 1)}\n`)
  writeFileSync(page, resultsText(all))
}
