// `npm run rfc`: whether every RFC that is cited is in rfc/index.tsv, and every one in it cited. `npm run rfc -- 1939`: where, by section.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** Where citations are looked for. */
const places = ['src', 'test', 'scripts', 'bench', 'docs', 'README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']
const skipped = /\/(?:unpacked|work|rfc\.test\.ts)$/

/**
 * What may be said of an RFC: `whole`: we do all of it that concerns us; `part`: what the note says; `used`: we take rules or words
 * from it, and claim no more; `named`: it is only spoken of.
 */
const statuses = ['whole', 'part', 'used', 'named']

interface Listed {
  readonly number: string
  readonly status: string
  readonly title: string
  readonly note: string
}

interface Citation {
  readonly number: string
  /** `§4` or empty. */
  readonly section: string
  readonly file: string
}

/** What is wrong between rfc/index.tsv and the citations; empty where nothing is. */
export function rfcFaults(listed: readonly Listed[] = index(), cited: readonly Citation[] = citations()): string[] {
  const known = new Set(listed.map(({ number }) => number))
  const named = new Set(cited.map(({ number }) => number))
  return [
    ...cited.flatMap(({ number, file }) =>
      known.has(number) ? [] : [`${file} cites RFC ${number}, which rfc/index.tsv does not list`],
    ),
    ...listed.flatMap(({ number, status }) => [
      ...(named.has(number) ? [] : [`rfc/index.tsv lists RFC ${number}, which nothing cites`]),
      ...(statuses.includes(status) ? [] : [`rfc/index.tsv: RFC ${number} is "${status}", not ${statuses.join(', ')}`]),
    ]),
  ]
}

function index(): Listed[] {
  const [, ...rows] = readFileSync(join(root, 'rfc/index.tsv'), 'utf8').trimEnd().split('\n')
  return rows.map((row) => {
    const [number = '', status = '', title = '', note = ''] = row.split('\t')
    return { number, status, title, note }
  })
}

function citations(): Citation[] {
  return places.flatMap(filesIn).flatMap((file) => citationsIn(readFileSync(join(root, file), 'utf8'), file))
}

/** `RFC 1939 §5`, `RFC 5802, 7677`. */
export function citationsIn(text: string, file: string): Citation[] {
  return [...text.matchAll(/\bRFCs? (\d{3,5}(?:(?:, | and )\d{4}\b)*)(?: (§[\w.]*\w))?/g)].flatMap(
    ([, numbers = '', section = '']) => numbers.split(/, | and /).map((number) => ({ number, section, file })),
  )
}

function filesIn(path: string): string[] {
  if (/\.(?:ts|md|txt)$/.test(path)) return [path]
  return readdirSync(join(root, path), { withFileTypes: true })
    .map((entry) => ({ entry, inner: `${path}/${entry.name}` }))
    .filter(({ entry, inner }) => !skipped.test(inner) && (entry.isDirectory() || /\.(?:ts|md|txt)$/.test(inner)))
    .flatMap(({ inner }) => filesIn(inner))
}

if (import.meta.main) {
  const cited = citations()
  const wanted = process.argv.slice(2)
  for (const { number, status, title, note } of index()) {
    if (wanted.length > 0 && !wanted.includes(number)) continue
    const own = cited.filter((one) => one.number === number)
    console.log(`${number.padStart(5)}  ${status.padEnd(5)}  ${title}${note && ` (${note})`}: ${own.length} citations`)
    if (wanted.length === 0) continue
    const bySection = Map.groupBy(own, ({ section }) => section)
    for (const [section, there] of [...bySection].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })))
      console.log(`  ${section.padEnd(10)}  ${[...new Set(there.map(({ file }) => file))].join(' ')}`)
  }
  const faults = rfcFaults()
  for (const fault of new Set(faults)) console.error(fault)
  process.exitCode = faults.length === 0 ? 0 : 1
}
