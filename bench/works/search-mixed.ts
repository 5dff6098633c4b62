import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SearchIndex } from '../../src/search/index-file.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { available, run, runWell } from '../../test/peers/run.ts'
import { median, root, whole } from '../harness.ts'
import type { Bar, Bench, Section, Work } from '../harness.ts'
import { addUser, postino } from '../postino.ts'
import { password } from '../corpora.ts'
import { writeSearchMail } from '../search-corpus.ts'
import { type MixedQuery, mixedQueries } from '../search-queries.ts'

const user = 'search'
/** As many as a page has. */
const page = 50

/** Debian's own, whatever else is called python3. */
const python = '/usr/bin/python3'

export const searchMixed: Work = {
  name: 'search-mixed',
  title: 'Search: 50 mixed queries on 100,000 messages',
  run: async (bench) => {
    if (bench.options.peersOnly) return { tables: [], bars: [], notes: ['notmuch is measured beside Postino only.'] }
    const count = bench.options.quick ? 10_000 : 100_000
    const folder = await prepare(bench, count)
    const rounds = Math.max(3, bench.options.runs)
    const ours = await askPostino(join(folder, 'data'), rounds)
    const theirs = await askNotmuch(bench, folder, rounds)
    return report(count, rounds, ours, theirs)
  },
}

/** The mail, in Postino's folder and in a Maildir that notmuch has indexed; what was made before is used again. */
async function prepare(bench: Bench, count: number): Promise<string> {
  const folder = bench.keptFolder(`search-mixed-${count}`)
  const record = join(folder, 'made')
  // The version of the generator is part of it: when that changes, so must this number.
  const key = JSON.stringify({ count, generator: 1 })
  if (existsSync(record) && readFileSync(record, 'utf8') === key) return folder
  bench.note(`  making ${whole(count)} messages, once`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const mail = join(folder, 'mail')
  writeSearchMail(mail, count)
  await addUser(join(folder, 'data'), user, password, mail)
  if (available('notmuch')) {
    const config = join(folder, 'notmuch-config')
    writeFileSync(
      config,
      `[database]\npath=${mail}\n[user]\nprimary_email=a@example.it\n[new]\ntags=\n[search]\nexclude_tags=\n`,
    )
    await runWell('notmuch', ['new', '--quiet'], { env: { NOTMUCH_CONFIG: config } })
  }
  writeFileSync(record, key)
  return folder
}

interface Asked {
  readonly query: MixedQuery
  readonly hits: number
  /** The median of the rounds, milliseconds: which messages they are, and what a list shows of them. */
  readonly list: number
  /** The same with snippets; undefined where there are none. */
  readonly page: number | undefined
}

async function askPostino(data: string, rounds: number): Promise<Asked[]> {
  // So that nothing is left to index, and the file is in memory, as notmuch's is.
  await postino(data, ['search', 'nientedelgenere', '--user', user])
  const store = new DiskStore(data)
  const mail = await store.open(user)
  const index = SearchIndex.open(store.userFolder(user), mail)
  try {
    const asked: Asked[] = []
    // Once before, so that the program is compiled.
    for (const { postino: text } of mixedQueries) await index.search(text, { limit: page })
    for (const query of mixedQueries) {
      const options = { limit: page, ...(query.order && { order: query.order }) }
      const lists: number[] = []
      const pages: number[] = []
      let hits = 0
      for (let round = 0; round < rounds; round++) {
        lists.push(await milliseconds(async () => (hits = (await index.find(query.postino, options)).length)))
        pages.push(await milliseconds(() => index.search(query.postino, options)))
      }
      asked.push({ query, hits, list: median(lists), page: median(pages) })
    }
    return asked
  } finally {
    index.close()
    await store.close()
  }
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** Undefined where notmuch, or its library for Python, is not installed. */
async function askNotmuch(bench: Bench, folder: string, rounds: number): Promise<Asked[] | undefined> {
  const config = join(folder, 'notmuch-config')
  const there = existsSync(config) && existsSync(python) && (await run(python, ['-c', 'import notmuch2'])).code === 0
  if (!there) {
    bench.note('  notmuch or python3-notmuch2 is not installed: not compared')
    return undefined
  }
  const shared = mixedQueries.filter(({ notmuch, order }) => notmuch !== undefined && order === undefined)
  const script = join(root, 'bench', 'clients', 'notmuch-search.py')
  const { stdout } = await runWell(python, [script, join(folder, 'mail'), config, String(rounds + 1)], {
    input: shared.map(({ notmuch }) => `${JSON.stringify(notmuch)}\n`).join(''),
  })
  return stdout
    .trim()
    .split('\n')
    .flatMap((line, place): Asked[] => {
      const query = shared[place]
      const { hits, times } = JSON.parse(line) as { hits: number; times: number[] }
      // The first one is for its files to be in memory.
      return query === undefined ? [] : [{ query, hits, list: median(times.slice(1)), page: undefined }]
    })
}

function report(count: number, rounds: number, ours: readonly Asked[], theirs: readonly Asked[] | undefined): Section {
  const list = percentile(ours.map((one) => one.list))
  const pages = percentile(ours.map((one) => one.page ?? Number.NaN))
  const rows = [
    row('Postino, all', ours),
    ...(theirs === undefined
      ? []
      : [row('Postino, those that notmuch can be asked', sharedWith(ours, theirs)), row('notmuch, the same', theirs)]),
  ]
  const bars: Bar[] = [
    { what: 'search, p95 of 50 mixed queries', want: '≤ 20 ms', got: text(list), met: list <= 20 },
    { what: 'search, first page with snippets, p95', want: '≤ 50 ms', got: text(pages), met: pages <= 50 },
  ]
  if (theirs !== undefined) {
    const [a, b] = [mean(sharedWith(ours, theirs)), mean(theirs)]
    bars.push({ what: 'search, mean of the same queries', want: `≤ notmuch (${text(b)})`, got: text(a), met: a <= b })
  }
  const slowest = ours.toSorted((one, two) => two.list - one.list).slice(0, 5)
  return {
    tables: [{ head: ['', 'queries', 'median', 'mean', 'p95', 'slowest', 'page with snippets, p95'], rows }],
    bars,
    notes: [
      `Of ${whole(count)} messages the first ${page} hits, the newest first or by relevance; of each query the median of ${rounds} rounds. Both programs stay open between queries; notmuch is asked through its library (Python).`,
      `The slowest of Postino: ${slowest.map(({ query, list: time }) => `\`${query.postino}\`${query.order === undefined ? '' : ` by ${query.order}`} ${text(time)}`).join(', ')}.`,
    ],
  }
}

function sharedWith(ours: readonly Asked[], theirs: readonly Asked[]): Asked[] {
  return ours.filter(({ query }) => theirs.some((one) => one.query === query))
}

function row(name: string, asked: readonly Asked[]): string[] {
  const lists = asked.map((one) => one.list)
  const pages = asked.flatMap((one) => one.page ?? [])
  const figures = [median(lists), mean(asked), percentile(lists), Math.max(...lists)]
  return [name, String(asked.length), ...figures.map(text), pages.length === 0 ? '–' : text(percentile(pages))]
}

function mean(asked: readonly Asked[]): number {
  return asked.reduce((sum, one) => sum + one.list, 0) / asked.length
}

function percentile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN
}

function text(value: number): string {
  return `${value.toFixed(1)} ms`
}
