import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { searchPath } from '../../src/search/database.ts'
import { available, runWell } from '../../test/peers/run.ts'
import { type CorpusName, password } from '../corpora.ts'
import { alternate, ratioBar, speedTable, whole } from '../harness.ts'
import type { Bar, Bench, Contender, Outcome, Section, Work } from '../harness.ts'
import { postino } from '../postino.ts'

/** Who is indexed with what words of a shell, and where the index then lies. */
interface Peer {
  readonly name: 'mu' | 'notmuch'
  readonly index: (maildir: string, folder: string) => Promise<number>
}

const peers: readonly Peer[] = [
  {
    name: 'mu',
    index: async (maildir, folder) => {
      await runWell('mu', ['init', `--muhome=${folder}`, `--maildir=${maildir}`])
      const { seconds } = await runWell('mu', ['index', `--muhome=${folder}`, '--quiet'])
      return seconds
    },
  },
  {
    name: 'notmuch',
    index: async (maildir, folder) => {
      const config = join(folder, 'config')
      const words = ['[database]', `path=${join(folder, 'index')}`, `mail_root=${maildir}`, '[new]', 'tags=', 'ignore=']
      writeFileSync(config, `${words.join('\n')}\n[user]\nname=U\nprimary_email=u@example.test\n`)
      const { seconds } = await runWell('notmuch', ['new', '--quiet'], { env: { NOTMUCH_CONFIG: config } })
      return seconds
    },
  },
]

/** The same mail for all: these corpora of the benchmark. */
const corpora: readonly { readonly name: CorpusName; readonly what: string }[] = [
  { name: 'realistic', what: 'realistic messages' },
  { name: 'small', what: 'small messages' },
]

export const index: Work = {
  name: 'index',
  title: 'Index for search, one worker, beside mu and notmuch: messages a second, and the bytes of the index',
  run: async (bench) => {
    const sections: Section[] = []
    const given = bench.options.corpus === undefined ? [] : [{ name: 'given', what: 'messages given' } as const]
    for (const { name, what } of [...corpora, ...given]) sections.push(await indexed(bench, name, what))
    return {
      tables: sections.flatMap(({ tables }) => tables),
      bars: sections.flatMap(({ bars }) => bars),
      notes: [
        ...sections.flatMap(({ notes }) => notes),
        'Postino: the whole process of `postino search nothing` on imported mail whose index is not there: one thread. mu and notmuch: `mu index` and `notmuch new` on a Maildir of the same mail, new indexes, their usual settings; mu uses as many threads as there are processors. Indexes are measured when everything is closed.',
      ],
    }
  },
}

async function indexed(bench: Bench, name: CorpusName, what: string): Promise<Section> {
  const dovecot = await bench.dovecot()
  const corpus = await bench.corpus(name)
  const folder = await bench.freshFolder('index')
  const maildir = join(folder, 'Maildir')
  onlyMail(dovecot.maildir(corpus.user), maildir)
  const sizes = new Map<string, number>()
  const sample = (seconds: number): Awaited<ReturnType<Contender['run']>> => ({
    seconds,
    count: corpus.messages,
    octets: corpus.octets,
  })
  const contenders: Contender[] = []
  if (!bench.options.peersOnly) {
    const data = join(folder, 'postino')
    await postino(data, ['user', 'add', corpus.user, '--password-stdin'], { input: `${password}\n` })
    await postino(data, ['import', maildir, '--user', corpus.user])
    const file = searchPath(join(data, 'users', corpus.user))
    contenders.push({
      name: 'Postino',
      run: async () => {
        for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
        const { seconds } = await postino(data, ['search', 'nothing', '--user', corpus.user])
        sizes.set('Postino', statSync(file).size)
        return sample(seconds)
      },
    })
  }
  for (const peer of peers) {
    if (!available(peer.name)) continue
    contenders.push({
      name: peer.name,
      runs: 2,
      run: async () => {
        const at = join(folder, peer.name)
        rmSync(at, { recursive: true, force: true })
        mkdirSync(join(at, 'index'), { recursive: true })
        const seconds = await peer.index(maildir, at)
        sizes.set(peer.name, sizeOfFolder(at))
        return sample(seconds)
      },
    })
  }
  const outcomes = await alternate(bench, contenders)
  const usual = speedTable(outcomes)
  return {
    tables: [
      {
        head: [what, ...usual.head.slice(1), 'index, MB'],
        rows: usual.rows.map((row) => [...row, megabytes(sizes.get(row[0] ?? ''))]),
      },
    ],
    bars: bars(what, outcomes, sizes),
    notes: [`${whole(corpus.messages)} ${what}: ${(corpus.octets / 1e6).toFixed(0)} MB.`],
  }
}

function bars(what: string, outcomes: readonly Outcome[], sizes: ReadonlyMap<string, number>): Bar[] {
  const [ours, theirs] = [sizes.get('Postino'), sizes.get('mu')]
  const size: Bar[] = []
  if (ours !== undefined && theirs !== undefined)
    size.push({
      what: `index ${what}: bytes`,
      want: '≤ 1/3 of mu',
      got: `1/${(theirs / ours).toFixed(2)}`,
      met: ours * 3 <= theirs,
    })
  return [
    ...ratioBar(`index ${what}`, 3, outcomes, 'Postino', 'mu'),
    ...ratioBar(`index ${what}`, 10, outcomes, 'Postino', 'notmuch'),
    ...size,
  ]
}

/** The messages of a Maildir under more names, without what Dovecot keeps beside them. */
function onlyMail(from: string, to: string): void {
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(to, part), { recursive: true })
  for (const part of ['cur', 'new']) execFileSync('cp', ['-al', `${join(from, part)}/.`, join(to, part)])
}

function sizeOfFolder(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

function megabytes(octets: number | undefined): string {
  return octets === undefined ? '' : (octets / 1e6).toFixed(1)
}
