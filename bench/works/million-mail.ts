import { join } from 'node:path'
import { runWell } from '../../test/peers/run.ts'
import { median, root, whole } from '../harness.ts'
import type { Bar, Work } from '../harness.ts'
import type { Looks } from '../million-probe.ts'
import { millionUser, prepareMillion } from '../million.ts'
import { postino } from '../postino.ts'

/** What each may take, milliseconds: to open, to show a page, to find. */
const most = { open: 200, page: 50, search: 100 }

export const millionMail: Work = {
  name: 'million-mail',
  title: 'A user of 1,000,000 messages: open, list, page, search',
  run: async (bench) => {
    if (bench.options.peersOnly) return { tables: [], bars: [], notes: ['Only Postino is measured here.'] }
    const count = bench.options.quick ? 100_000 : 1_000_000
    bench.note(`  ${whole(count)} messages are made, unless they are there from before …`)
    const data = await prepareMillion(bench.keptFolder('million'), count)
    // One message, a thousandth of all, all, many words, one day.
    const queries = [
      String(count / 2),
      'group123',
      'tiny',
      'group1*',
      'subject:77 tiny',
      '"tiny of group7"',
      'after:2023',
    ]
    const runs: Looks[] = []
    const words = [join(root, 'bench', 'million-probe.ts'), '--', data, millionUser, ...queries]
    for (let run = 0; run < bench.options.runs; run++)
      runs.push(JSON.parse((await runWell(process.execPath, words)).stdout) as Looks)
    const looks = Object.keys(runs[0] ?? {}).map((what) => ({ what, of: runs.map((run) => run[what] ?? Number.NaN) }))
    const medians = new Map(looks.map(({ what, of }) => [what, median(of)]))
    const slowest = (of: (what: string) => boolean): number =>
      Math.max(...[...medians].filter(([what]) => of(what)).map(([, took]) => took))
    const list = await postino(data, ['list', '--user', millionUser, '--limit', '50'])
    const search = await postino(data, ['search', 'group123', '--user', millionUser, '--limit', '50'])
    const bar = (what: string, limit: number, took: number): Bar => ({
      what: `${whole(count)} messages: ${what}`,
      want: `≤ ${limit} ms`,
      got: `${took.toFixed(1)} ms`,
      met: took <= limit,
    })
    return {
      tables: [
        {
          head: ['', 'runs', 'ms (median)', 'fastest–slowest'],
          rows: looks.map(({ what, of }) => [
            what,
            String(of.length),
            median(of).toFixed(1),
            `${Math.min(...of).toFixed(1)}–${Math.max(...of).toFixed(1)}`,
          ]),
        },
      ],
      bars: [
        bar('open', most.open, medians.get('open') ?? Number.NaN),
        bar(
          'a page of the list',
          most.page,
          slowest((what) => what.includes('page')),
        ),
        bar(
          'a search, the first 50 with snippets',
          most.search,
          slowest((what) => what.startsWith('search ')),
        ),
      ],
      notes: [
        `${whole(count)} messages of about 60 octets; each run is a fresh process, the files are in memory. A search is one of ${queries.length}; the slowest counts: ${queries.map((query) => `\`${query}\``).join(', ')}.`,
        `The whole process of \`postino list --limit 50\` took ${(list.seconds * 1000).toFixed(0)} ms, of \`postino search group123 --limit 50\` ${(search.seconds * 1000).toFixed(0)} ms.`,
      ],
    }
  },
}
