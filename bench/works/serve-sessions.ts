import { X509Certificate } from 'node:crypto'
import { clientLanguage, runClient } from '../clients.ts'
import { password, usersOf } from '../corpora.ts'
import { alternate, median, speedTable } from '../harness.ts'
import type { Bar, Outcome, Sample, Table, Work } from '../harness.ts'
import { addUsers } from '../postino.ts'
import { processorSeconds } from '../processes.ts'
import { dovecotBar, withServers, workersBar } from '../serving.ts'
import type { Server } from '../serving.ts'

/** How many sessions at once, how many in all, and how many times more of them than Dovecot there should be a second. */
interface Load {
  readonly what: string
  readonly security: 'plain' | 'tls'
  readonly atOnce: number
  readonly count: number
  readonly bar: number
}

const loads: readonly Load[] = [
  { what: 'plain, 1 at once', security: 'plain', atOnce: 1, count: 2560, bar: 3 },
  { what: 'plain, 16 at once', security: 'plain', atOnce: 16, count: 10_240, bar: 4 },
  { what: 'plain, 64 at once', security: 'plain', atOnce: 64, count: 10_240, bar: 5 },
  { what: 'TLS 1.3, 16 at once', security: 'tls', atOnce: 16, count: 3840, bar: 2.5 },
]

/** `own`: seconds of processor time that the server used. `client`: those of the clients. */
interface SessionSample extends Sample {
  readonly own: number
  readonly client: number
}

interface Said {
  readonly seconds: number
  readonly sessions: number
  readonly processor: number
  readonly protocol?: string
  /** DER in base64. */
  readonly certificate?: string
}

const users = usersOf('sessions')

async function sessions(
  server: Server,
  { security, atOnce }: Load,
  count: number,
  from: number = 0,
): Promise<SessionSample> {
  const port = server[security]
  const before = processorSeconds(server.pid)
  const words = [String(port), security, password, String(count), ...users.slice(from, from + atOnce)]
  const said = await runClient<Said>('sessions', words)
  if (said.sessions !== count) throw new Error(`${said.sessions} sessions of ${count}`)
  if (security === 'tls') {
    const { publicKey } = new X509Certificate(Buffer.from(said.certificate ?? '', 'base64'))
    const curve = publicKey.asymmetricKeyDetails?.namedCurve
    if (said.protocol !== 'TLSv1.3' || curve !== 'prime256v1') {
      throw new Error(`the server at port ${port} speaks ${said.protocol} with ${curve}, not TLSv1.3 with prime256v1`)
    }
  }
  return { seconds: said.seconds, count, octets: 0, own: processorSeconds(server.pid) - before, client: said.processor }
}

export const serveSessions: Work = {
  name: 'serve-sessions',
  title: 'Serve: sessions a second',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('sessions')
    const tables: Table[] = []
    const bars: Bar[] = []
    const notes: string[] = []
    const fill = (data: string): Promise<void> => addUsers(data, users, password, dovecot.maildir(corpus.user))
    await withServers(bench, fill, async (servers) => {
      for (const load of loads) {
        const count = load.count / (bench.options.quick ? 10 : 1)
        const clients: number[] = []
        const contenders = servers.map((server) => ({
          name: server.name,
          run: async () => {
            const sample = await sessions(server, load, count)
            clients.push((sample.client / count) * 1000)
            return sample
          },
        }))
        // Once unmeasured: servers run for months. Before it each user by turns, for their passwords are then in memory everywhere.
        for (const [index, server] of servers.entries()) {
          for (let from = 0; from < users.length; from += 16) await sessions(server, { ...load, atOnce: 16 }, 16, from)
          await contenders[index]?.run()
        }
        clients.length = 0
        const outcomes = await alternate(bench, contenders)
        const table = speedTable(outcomes, 'sessions')
        tables.push({
          head: [load.what, ...table.head.slice(1), 'server: processor ms/session'],
          rows: table.rows.map((row, index) => [...row, milliseconds(outcomes[index])]),
        })
        notes.push(`${load.what}: the client used ${median(clients).toFixed(2)} ms of processor time a session.`)
        const what = `serve sessions, ${load.what}`
        bars.push(...dovecotBar(what, load.bar, outcomes), ...workersBar(what, outcomes))
      }
    })
    return {
      tables,
      bars,
      notes: [
        `A session: connect, USER, PASS, STAT, QUIT, the server hangs up. As many users as sessions at once, with ${corpus.messages} messages each; one client process (${clientLanguage}) on the same machine has them all.`,
        'TLS is 1.3 with a full handshake for every session, over X25519; both certificates are of ECDSA P-256.',
        'Dovecot runs its log-in processes in high-performance mode, uses each POP3 process for many sessions, and caches log-ins.',
        ...notes,
      ],
    }
  },
}

function milliseconds(outcome: Outcome | undefined): string {
  return outcome === undefined ? '' : outcome.median((sample) => ((sample.own ?? 0) / sample.count) * 1000).toFixed(2)
}
