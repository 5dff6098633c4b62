import { runMpop } from '../../test/peers/mpop.ts'
import { join } from 'node:path'
import { password } from '../corpora.ts'
import type { PreparedCorpus } from '../corpora.ts'
import { drain } from '../drain.ts'
import { median } from '../harness.ts'
import type { Bar, Bench, Work } from '../harness.ts'
import { addAccount, addUser, peakMemoryOf, postinoProgram, servePostino } from '../postino.ts'
import { peakMemory } from '../processes.ts'

const bound = 200e6
/**
 * How much more a message of 300 MB may take than one of 100 MB, to call it no growth. (A message of 10 MB ends before the garbage
 * collector has taken all that it ever takes.)
 */
const growth = 20e6

/** Peak memory of the whole process, in octets, by what it did. */
type Peaks = Readonly<Record<string, (corpus: PreparedCorpus) => Promise<number>>>

export const memory: Work = {
  name: 'memory',
  title: 'Peak memory of fetching and of serving one large message',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const port = dovecot.ports['pop3'] ?? 0
    const corpora = [await bench.corpus('big10'), await bench.corpus('big100'), await bench.corpus('big300')]
    const works: Peaks = {
      ...(bench.options.peersOnly ? {} : postinoPeaks(bench, port, (user) => dovecot.maildir(user))),
      'mpop fetches': async (corpus) => {
        const folder = await bench.freshFolder('peer')
        // Once to write its configuration; then, as if nothing had been fetched, once more.
        const nobody = { host: '127.0.0.1', port, login: 'small-two-thousand', password, folder, remove: false }
        await runMpop({ ...nobody, login: corpus.user })
        return peakMemoryOf('mpop', ['--quiet', `--file=${join(folder, 'mpoprc')}`, '--only-new=off'])
      },
    }
    const rows: string[][] = []
    const bars: Bar[] = []
    for (const [name, peak] of Object.entries(works)) {
      const peaks: number[] = []
      for (const corpus of corpora) {
        const all: number[] = []
        for (let run = 0; run < Math.min(3, bench.options.runs); run++) all.push(await peak(corpus))
        peaks.push(median(all))
      }
      const [, large = 0, largest = 0] = peaks
      rows.push([name, ...peaks.map(megabytes)])
      bench.note(`  ${name}: ${peaks.map(megabytes).join(', ')}`)
      if (!name.startsWith('Postino')) continue
      bars.push({ what: `peak memory, ${name} 100 MB`, want: '< 200 MB', got: megabytes(large), met: large < bound })
      bars.push({
        what: `growth from 100 to 300 MB, ${name}`,
        want: 'none (< 20 MB)',
        got: megabytes(largest - large),
        met: largest - large < growth,
      })
    }
    return {
      tables: [{ head: ['peak resident memory', '10 MB', '100 MB', '300 MB'], rows }],
      bars,
      notes: ['VmHWM of the whole process, threads included; median of up to 3 runs.'],
    }
  },
}

function postinoPeaks(bench: Bench, port: number, maildir: (user: string) => string): Peaks {
  return {
    'Postino fetches': async (corpus) => {
      const data = await bench.freshFolder('postino')
      await addAccount(data, { port, tls: 'none', login: corpus.user, password })
      return peakMemoryOf(process.execPath, [postinoProgram, '--data', data, 'fetch', '--json'])
    },
    'Postino serves': async (corpus) => {
      const data = await bench.freshFolder('postino')
      await addUser(data, corpus.user, password, maildir(corpus.user))
      const serving = await servePostino(data)
      try {
        await drain(serving.pop3, corpus, { mode: 'turns' })
        return peakMemory(serving.pid)
      } finally {
        await serving.stop()
      }
    },
  }
}

function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(0)} MB`
}
