import { setTimeout as wait } from 'node:timers/promises'
import { startDovecot } from '../../test/peers/dovecot.ts'
import { password, users, usersOf } from '../corpora.ts'
import { median } from '../harness.ts'
import type { Bar, Work } from '../harness.ts'
import { openSessions } from '../idle.ts'
import { addUsers, hasWorkers, servePostino } from '../postino.ts'
import { atRest, family, memoryOf } from '../processes.ts'
import { oneProcess, twoWorkers } from '../serving.ts'

/** A server that was started for one measurement. */
interface Started {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

/** Octets: without sessions, and with all of them; and in how many processes then. */
interface Taken {
  readonly before: number
  readonly after: number
  readonly processes: number
}

const perSession = (taken: Taken, sessions: number): number => (taken.after - taken.before) / sessions

export const serveIdle: Work = {
  name: 'serve-idle',
  title: 'Serve: memory of 1,000 sessions that are logged in and idle',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('idle')
    const all = usersOf('idle').slice(0, bench.options.quick ? 100 : 1000)
    const servers = new Map<string, () => Promise<Started>>()
    if (!bench.options.peersOnly) {
      const data = await bench.freshFolder('idle')
      await addUsers(data, all, password, dovecot.maildir(corpus.user))
      servers.set(oneProcess, () => postino(data))
      if (await hasWorkers()) servers.set(twoWorkers, () => postino(data, 2))
    }
    const spare = (settings: string) => (): Promise<Started> => spareDovecot(dovecot.folder, settings)
    servers.set('Dovecot', spare(''))
    servers.set(
      'Dovecot, 500 sessions a process',
      spare('service pop3 {\n  client_limit = 500\n  process_min_avail = 2\n}'),
    )
    const rows: string[][] = []
    const each = new Map<string, number>()
    for (const [name, start] of servers) {
      const runs: Taken[] = []
      for (let run = 0; run < Math.min(3, bench.options.runs); run++) runs.push(await measure(await start(), all))
      const middle = (of: (taken: Taken) => number): number => median(runs.map(of))
      const one = middle((taken) => perSession(taken, all.length))
      each.set(name, one)
      rows.push([
        name,
        String(runs.length),
        `${middle(({ processes }) => processes)}`,
        megabytes(middle(({ before }) => before)),
        megabytes(middle(({ after }) => after)),
        kilobytes(one),
      ])
      bench.note(`  ${name}: ${kilobytes(one)} a session`)
    }
    const ours = Math.min(each.get(oneProcess) ?? Infinity, each.get(twoWorkers) ?? Infinity)
    const theirs = each.get('Dovecot') ?? 0
    const bars: Bar[] = [
      {
        what: `memory of an idle session, ${all.length} of them`,
        want: '≤ 1/10 of Dovecot',
        got: `1/${(theirs / ours).toFixed(1)}`,
        met: ours <= theirs / 10,
      },
    ]
    return {
      tables: [{ head: ['', 'runs', 'processes', 'before', 'with all of them', 'a session'], rows }],
      bars: bench.options.peersOnly ? [] : bars,
      notes: [
        `PSS of all processes of the server summed, before the first of ${all.length} sessions and while all are open, without TLS, each of a user of its own with ${corpus.messages} messages, after USER, PASS and STAT. The server is started anew for each run, and 16 sessions come and go before.`,
        'Dovecot is as in the other works: a process for each session that is open. The bar is held against that. It can also be told to have many sessions in one process, which it does not by default, for there one that waits for its disk holds up the others; that row is to compare with.',
      ],
    }
  },
}

async function measure(server: Started, users: readonly string[]): Promise<Taken> {
  try {
    const warm = await openSessions(server.port, users.slice(0, 16))
    await warm.close()
    await atRest(server.pid)
    const before = memoryOf(server.pid)
    const sessions = await openSessions(server.port, users)
    await wait(1000)
    await atRest(server.pid)
    const taken = { before, after: memoryOf(server.pid), processes: family(server.pid).length }
    await sessions.close()
    return taken
  } finally {
    await server.stop()
  }
}

async function postino(data: string, workers?: number): Promise<Started> {
  // All sessions come from one address.
  const env = { POSTINO_SERVE_SESSIONS_PER_ADDRESS: '4096' }
  const serving = await servePostino(data, { env, ...(workers !== undefined && { workers }) })
  return { pid: serving.pid, port: serving.pop3, stop: () => serving.stop() }
}

/** One more Dovecot, with the mail of the first. */
async function spareDovecot(folder: string, settings: string): Promise<Started> {
  const dovecot = await startDovecot({ folder, users: users(), settings })
  return { pid: dovecot.pid, port: dovecot.ports['pop3'] ?? 0, stop: () => dovecot.stop() }
}

function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(0)} MB`
}

function kilobytes(octets: number): string {
  return `${(octets / 1e3).toFixed(1)} KB`
}
