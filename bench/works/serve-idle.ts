import { setTimeout as wait } from 'node:timers/promises'
import { startDovecot } from '../../test/peers/dovecot.ts'
import { password, users, usersOf } from '../corpora.ts'
import type { Bar, Work } from '../harness.ts'
import { openSessions } from '../idle.ts'
import { addUsers, hasWorkers, servePostino } from '../postino.ts'
import { atRest, family, memoryOf } from '../processes.ts'
import { oneProcess, twoWorkers } from '../serving.ts'
import { slopeOf } from '../slope.ts'

/** Of all sessions, these parts are open when it is looked. */
const steps = [0, 0.25, 0.5, 0.75, 1]

/** A server that was started for one measurement. */
interface Started {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

/** Octets with so many sessions; and in how many processes in the end. */
interface Taken {
  readonly memory: readonly (readonly [sessions: number, octets: number])[]
  readonly processes: number
}

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
      const { memory, processes } = await measure(await start(), all)
      // The first sessions find room that the log-ins before them left.
      const one = slopeOf(memory.slice(1))
      each.set(name, one)
      rows.push([name, String(processes), ...memory.map(([, octets]) => megabytes(octets)), kilobytes(one)])
      bench.note(`  ${name}: ${kilobytes(one)} a session`)
    }
    const theirs = each.get('Dovecot') ?? 0
    const ours = [oneProcess, twoWorkers].flatMap((name) => each.get(name) ?? [])
    // What is less than nothing is noise, and no result.
    const better = Math.min(...ours.filter((one) => one > 0))
    const bars: Bar[] = [
      {
        what: `memory of an idle session, ${all.length} of them`,
        want: '≤ 1/10 of Dovecot',
        got: better === Infinity ? 'lost in noise' : `1/${(theirs / better).toFixed(1)}`,
        met: better <= theirs / 10,
      },
    ]
    return {
      tables: [{ head: ['', 'processes', ...steps.map((part) => `${part * all.length} sessions`), 'a session'], rows }],
      bars: bench.options.peersOnly ? [] : bars,
      notes: [
        `PSS of all processes of the server summed; a session: the slope of the line through all but the first (least squares), for the first sessions find memory that is free. Without TLS, each session of a user of its own with ${corpus.messages} messages, after USER, PASS and STAT. The server is started for this, and 16 sessions come and go before. Each is measured once: a thousand log-ins take a minute where passwords are hashed as they should be.`,
        'Dovecot is as in the other works: a process for each session that is open. The bar is held against that. It can also be told to have many sessions in one process, which it does not by default, for there one that waits for its disk holds up the others; that row is to compare with.',
      ],
    }
  },
}

async function measure(server: Started, users: readonly string[]): Promise<Taken> {
  try {
    const warm = await openSessions(server.port, users.slice(0, 16))
    await warm.close()
    const memory: [number, number][] = []
    const open: Awaited<ReturnType<typeof openSessions>>[] = []
    for (const part of steps) {
      const count = part * users.length
      open.push(await openSessions(server.port, users.slice(memory.at(-1)?.[0] ?? 0, count)))
      await wait(1000)
      await atRest(server.pid)
      memory.push([count, memoryOf(server.pid)])
    }
    const taken = { memory, processes: family(server.pid).length }
    for (const sessions of open) await sessions.close()
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
