import { clientLanguage } from '../clients.ts'
import { median, seconds, whole } from '../harness.ts'
import type { Bar, Work } from '../harness.ts'
import { listing } from '../listing.ts'
import { millionUser, prepareMillion } from '../million.ts'
import { hasWorkers, servePostino } from '../postino.ts'
import { atRest, memoryOf, peakMemoryOfAll } from '../processes.ts'
import { oneProcess, twoWorkers } from '../serving.ts'

const longest = 3
const most = 300e6

/** What one server took: seconds of the sessions, and octets. */
interface Taken {
  readonly first: number
  readonly login: number
  readonly next: number
  readonly peak: number
  readonly memory: number
}

export const serveMillion: Work = {
  name: 'serve-million',
  title: 'Serve: log in and list 1,000,000 messages',
  run: async (bench) => {
    if (bench.options.peersOnly) return { tables: [], bars: [], notes: ['Only Postino is measured here.'] }
    const count = bench.options.quick ? 100_000 : 1_000_000
    bench.note(`  ${whole(count)} messages are made, unless they are there from before …`)
    const data = await prepareMillion(bench.keptFolder('million'), count)
    const rows: string[][] = []
    const all: Taken[] = []
    const contenders: [string, number | undefined][] = [[oneProcess, undefined]]
    if (await hasWorkers()) contenders.push([twoWorkers, 2])
    for (const [name, workers] of contenders) {
      const runs: Taken[] = []
      for (let run = 0; run < Math.min(3, bench.options.runs); run++) runs.push(await once(data, workers, count))
      const middle = (of: keyof Taken): number => median(runs.map((taken) => taken[of]))
      const taken = {
        first: middle('first'),
        login: middle('login'),
        next: middle('next'),
        peak: middle('peak'),
        memory: middle('memory'),
      }
      all.push(taken)
      const times = [taken.first, taken.login, taken.next].map(seconds)
      rows.push([name, String(runs.length), ...times, megabytes(taken.peak), megabytes(taken.memory)])
      bench.note(`  ${name}: ${times.join(', ')} s, ${megabytes(taken.peak)}`)
    }
    const slowest = Math.min(...all.map(({ first, next }) => Math.max(first, next)))
    const peak = Math.min(...all.map((taken) => taken.peak))
    const what = `log-in, STAT, LIST, UIDL on ${whole(count)}`
    const bars: Bar[] = [
      { what, want: `< ${longest} s`, got: `${seconds(slowest)} s`, met: slowest < longest },
      { what: `${what}: peak memory`, want: '< 300 MB', got: megabytes(peak), met: peak < most },
    ]
    const head = [
      '',
      'runs',
      'first session (s)',
      'of it log-in (s)',
      'next session (s)',
      'most resident',
      'PSS afterwards',
    ]
    return {
      tables: [{ head, rows }],
      bars,
      notes: [
        `${whole(count)} messages of about 60 octets. \`serve\` is started anew for each run, and rests before the first session; the time is from before the connection to the last octet of UIDL (client in ${clientLanguage}).`,
        'Most resident: VmHWM, PSS: of all processes of Postino summed, after three sessions; what they share is in VmHWM for each. The bars are held against the better row.',
        'Dovecot is left out: there is no bar for it, and a Maildir of a million files takes longer to make than everything else.',
      ],
    }
  },
}

async function once(data: string, workers: number | undefined, count: number): Promise<Taken> {
  const serving = await servePostino(data, workers === undefined ? {} : { workers })
  try {
    await atRest(serving.pid)
    const first = await listing(serving.pop3, millionUser, count)
    const next = await listing(serving.pop3, millionUser, count)
    await listing(serving.pop3, millionUser, count)
    return {
      first: first.seconds,
      login: first.own,
      next: next.seconds,
      peak: peakMemoryOfAll(serving.pid),
      memory: memoryOf(serving.pid),
    }
  } finally {
    await serving.stop()
  }
}

function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(0)} MB`
}
