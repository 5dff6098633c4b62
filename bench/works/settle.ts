import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readMaildir } from '../../test/peers/maildir.ts'
import { run, whereIs } from '../../test/peers/run.ts'
import { password } from '../corpora.ts'
import type { CorpusName, PreparedCorpus } from '../corpora.ts'
import { alternate, seconds, times } from '../harness.ts'
import type { Bar, Bench, Outcome, Table, Work } from '../harness.ts'
import { diskUsage, fillMdbox, mdboxOf, startMdbox } from '../mdbox.ts'
import { addUser, peakMemoryOf, postino, postinoProgram } from '../postino.ts'

/** From the issue: of Dovecot's mdbox; MB/s; octets. */
const [mostWithout, mostAll, leastSpeed, mostMemory] = [0.5, 0.8, 40, 300e6]

/** What the mail of a corpus takes up, octets as `du` counts them. */
interface Sizes {
  readonly name: string
  readonly maildir: number
  readonly mdbox: number
  /** Segments, index, search index: before and after settling. */
  readonly before?: Parts
  readonly after?: Parts
}

interface Parts {
  readonly segments: number
  readonly index: number
  readonly search: number
}

export const settle: Work = {
  name: 'settle',
  title: 'Settle: what mail takes up on the disk, and how fast it is settled',
  run: async (bench) => {
    const names: CorpusName[] = [
      'realistic',
      'realistic-text',
      'small',
      ...(bench.options.corpus === undefined ? [] : ['given' as const]),
    ]
    const dovecot = await bench.dovecot()
    const mdbox = await startMdbox(bench, names)
    const sizes: Sizes[] = []
    const outcomes: Outcome[] = []
    const peaks: number[] = []
    try {
      for (const name of names) {
        const corpus = await bench.corpus(name)
        const maildir = dovecot.maildir(corpus.user)
        await fillMdbox(mdbox, [name], maildir, corpus)
        const peers = { name, maildir: diskUsage(maildir), mdbox: diskUsage(mdboxOf(mdbox, name)) }
        if (bench.options.peersOnly) sizes.push(peers)
        else {
          const { before, after, outcome, peak } = await settleCorpus(bench, corpus, maildir, name)
          sizes.push({ ...peers, before, after })
          outcomes.push(outcome)
          peaks.push(peak)
        }
        bench.note(`  ${name}: ${sizes.at(-1)?.mdbox} octets in mdbox, ${without(sizes.at(-1)?.after)} settled`)
      }
    } finally {
      await mdbox.stop()
    }
    return {
      tables: [diskTable(sizes), ...(outcomes.length === 0 ? [] : [speedTable(outcomes, peaks)])],
      bars: [
        ...sizes.flatMap(diskBars),
        ...outcomes.flatMap((outcome, place) => speedBars(outcome, peaks[place] ?? 0)),
      ],
      notes: [
        '`realistic-text` is `realistic` without those that have attachments. Each attachment is random octets and unlike any other, as photographs and archives are: base64 made them a third larger, and what is left without that no program makes smaller.',
        'On the disk: as `du` counts, in MB (10⁶). Dovecot: mdbox, each message by zstd (`zlib_save = zstd`, its usual level), LF line ends, as mdbox has them; with its map, index and cache. Its Maildir has the messages as they came, with CRLF.',
        'Settled: `postino settle` as a process of its own, held to one processor (`taskset`), on a copy of the same data each time; MB of the messages as they came. Memory is the most that was resident (VmHWM).',
        'What was exported before settling is the mail of the Maildir, octet for octet, and `diff -r` finds no difference between that and what is exported after; or there is no result.',
      ],
    }
  },
}

/** Imports, exports, settles as often as there are runs, exports again, and compares. */
async function settleCorpus(
  bench: Bench,
  corpus: PreparedCorpus,
  maildir: string,
  name: string,
): Promise<{ before: Parts; after: Parts; outcome: Outcome; peak: number }> {
  const raw = await bench.freshFolder('settle-raw')
  const settled = join(raw, '..', 'settle-settled')
  const [original, exported] = [await bench.freshFolder('settle-original'), join(raw, '..', 'settle-exported')]
  await addUser(raw, corpus.user, password, maildir)
  await postino(raw, ['export', original, '--user', corpus.user, '--format', 'eml'])
  expectSameMail(original, maildir)
  const before = partsOf(raw, corpus.user)
  let peak = 0
  const one = whereIs('taskset')
  const words = [postinoProgram, '--data', settled, 'settle', '--quiet']
  const [command, first] = one === undefined ? [process.execPath, []] : [one, ['-c', '0', process.execPath]]
  const outcomes = await alternate(bench, [
    {
      name,
      run: async () => {
        await bench.freshFolder('settle-settled')
        cpSync(raw, settled, { recursive: true, preserveTimestamps: true })
        execFileSync('sync')
        const started = performance.now()
        peak = Math.max(peak, await peakMemoryOf(command, [...first, ...words]))
        return { seconds: (performance.now() - started) / 1000, count: corpus.messages, octets: corpus.octets }
      },
    },
  ])
  // Brings the search index up to date, if that is anything.
  await postino(settled, ['search', 'nothing', '--user', corpus.user])
  await bench.freshFolder('settle-exported')
  await postino(settled, ['export', exported, '--user', corpus.user, '--format', 'eml'])
  const { code, stdout } = await run('diff', ['-r', original, exported])
  if (code !== 0) throw new Error(`what was settled is not what was imported: ${stdout.slice(0, 1000)}`)
  await postino(settled, ['check', '--user', corpus.user])
  const after = partsOf(settled, corpus.user)
  for (const folder of [raw, settled, original, exported]) rmSync(folder, { recursive: true, force: true })
  const [outcome] = outcomes
  if (outcome === undefined) throw new Error('nothing was settled')
  return { before, after, outcome, peak }
}

/** Throws unless an export has each message of a Maildir, and no other, as often as it is there. */
function expectSameMail(exported: string, maildir: string): void {
  const hash = (octets: Buffer): string => createHash('sha256').update(octets).digest('hex')
  const names = readdirSync(exported, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.eml'))
  const there = readMaildir(maildir).map(hash).toSorted()
  const here = names.map((name) => hash(readFileSync(join(exported, name)))).toSorted()
  if (there.length !== here.length || there.some((one, place) => one !== here[place]))
    throw new Error(`the export has ${here.length} messages that are not the ${there.length} of ${maildir}`)
}

function partsOf(data: string, user: string): Parts {
  const folder = join(data, 'users', user)
  const sum = (prefix: string): number =>
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix))
      .reduce((octets, name) => octets + diskUsage(join(folder, name)), 0)
  const segments = sum('segments')
  const search = sum('search.')
  // Whatever else there is counts as well.
  return { segments, search, index: diskUsage(folder) - segments - search }
}

function without(parts: Parts | undefined): number {
  return parts === undefined ? Number.NaN : parts.segments + parts.index
}

function diskTable(sizes: readonly Sizes[]): Table {
  const rows = sizes.flatMap(({ name, maildir, mdbox, before, after }) => {
    const row = (what: string, parts: readonly number[], all: number, least: number): string[] => [
      `${name}: ${what}`,
      ...Array.from({ length: 3 }, (_, place) => megabytes(parts[place])),
      megabytes(all),
      times(least / mdbox),
      times(all / mdbox),
    ]
    const ours = (what: string, parts: Parts | undefined): string[][] => {
      if (parts === undefined) return []
      const { segments, index, search } = parts
      return [row(what, [segments, index, search], segments + index + search, segments + index)]
    }
    return [
      row('Maildir', [], maildir, maildir),
      row('Dovecot, mdbox with zstd', [], mdbox, mdbox),
      ...ours('Postino, before', before),
      ...ours('Postino, settled', after),
    ]
  })
  return { head: ['MB', 'mail', 'index', 'search', 'in all', 'without search: of mdbox', 'in all: of mdbox'], rows }
}

function diskBars({ name, mdbox, after }: Sizes): Bar[] {
  if (after === undefined) return []
  const bar = (what: string, octets: number, most: number): Bar => ({
    what: `on the disk after settling, ${name}, ${what}`,
    want: `≤ ${most} × Dovecot mdbox with zstd`,
    got: times(octets / mdbox),
    met: octets <= most * mdbox,
  })
  const all = without(after) + after.search
  return [bar('without search', without(after), mostWithout), bar('all in', all, mostAll)]
}

function speedTable(outcomes: readonly Outcome[], peaks: readonly number[]): Table {
  return {
    head: ['settled on one processor', 'runs', 'seconds (median)', 'fastest–slowest', 'MB/s', 'memory'],
    rows: outcomes.map((outcome, place) => [
      outcome.name,
      String(outcome.samples.length),
      seconds(outcome.seconds),
      outcome.range,
      outcome.megabytes.toFixed(1),
      `${megabytes(peaks[place])} MB`,
    ]),
  }
}

function speedBars(outcome: Outcome, peak: number): Bar[] {
  const { name, megabytes: speed } = outcome
  return [
    {
      what: `settling, ${name}, one processor`,
      want: `≥ ${leastSpeed} MB/s`,
      got: `${speed.toFixed(1)} MB/s`,
      met: speed >= leastSpeed,
    },
    {
      what: `settling, ${name}, memory`,
      want: `< ${mostMemory / 1e6} MB`,
      got: `${megabytes(peak)} MB`,
      met: peak < mostMemory,
    },
  ]
}

function megabytes(octets: number | undefined): string {
  return octets === undefined ? '' : (octets / 1e6).toFixed(octets < 1e8 ? 1 : 0)
}
