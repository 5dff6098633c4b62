import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { runWell } from '../../test/peers/run.ts'
import { password, sessionNames } from '../corpora.ts'
import { alternate, median, ratioBar, root, speedTable } from '../harness.ts'
import type { Bar, Contender, Outcome, Sample, Table, Work } from '../harness.ts'
import { addUser, servePostino } from '../postino.ts'
import type { Serving } from '../postino.ts'
import { processorSeconds } from '../processor.ts'

type Security = 'plain' | 'tls'

const bars: Readonly<Record<Security, number>> = { plain: 4, tls: 2.5 }

interface Server {
  readonly pid: number
  readonly plain: number
  readonly tls: number
}

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

/** So many sessions, 16 at once, each user one at a time. */
async function sessions(server: Server, security: Security, count: number): Promise<SessionSample> {
  const port = server[security]
  const before = processorSeconds(server.pid)
  const program = join(root, 'bench', 'clients', 'sessions.py')
  const { stdout } = await runWell('python3', [
    program,
    String(port),
    security,
    password,
    String(count),
    ...sessionNames(),
  ])
  const said = JSON.parse(stdout) as Said
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
  title: 'Serve: sessions a second, 16 at once',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('sessions')
    let serving: Serving | undefined
    if (!bench.options.peersOnly) {
      const data = await bench.freshFolder('serve-sessions')
      for (const user of sessionNames()) await addUser(data, user, password, dovecot.maildir(user))
      serving = await servePostino(data)
    }
    const tables: Table[] = []
    const reached: Bar[] = []
    const notes: string[] = []
    try {
      for (const security of ['plain', 'tls'] as const) {
        const count = (security === 'plain' ? 10_000 : 4000) / (bench.options.quick ? 10 : 1)
        const clients: number[] = []
        const contender = (name: string, server: Server): Contender => ({
          name,
          run: async () => {
            const sample = await sessions(server, security, count)
            clients.push((sample.client / count) * 1000)
            return sample
          },
        })
        const { pop3: plain = 0, pop3s: tls = 0 } = dovecot.ports
        const contenders = [
          ...(serving === undefined
            ? []
            : [contender('Postino', { pid: serving.pid, plain: serving.pop3, tls: serving.pop3s })]),
          contender('Dovecot', { pid: dovecot.pid, plain, tls }),
        ]
        // Once unmeasured: servers run for months.
        for (const server of contenders) await server.run()
        clients.length = 0
        const outcomes = await alternate(bench, contenders)
        const what = security === 'plain' ? 'plain' : 'TLS 1.3'
        const table = speedTable(outcomes, 'sessions')
        tables.push({
          head: [what, ...table.head.slice(1), 'server: processor ms/session'],
          rows: table.rows.map((row, index) => [...row, milliseconds(outcomes[index])]),
        })
        notes.push(`${what}: the clients used ${median(clients).toFixed(2)} ms of processor time a session.`)
        reached.push(...ratioBar(`serve sessions, ${what}`, bars[security], outcomes, 'Postino', 'Dovecot'))
      }
    } finally {
      await serving?.stop()
    }
    return {
      tables,
      bars: reached,
      notes: [
        `A session: connect, USER, PASS, STAT, QUIT, the server hangs up. 16 users with ${corpus.messages} messages each, one session at a time for each user, each from a client process of its own on the same machine.`,
        'TLS is 1.3 with a full handshake for every session; both certificates are of ECDSA P-256.',
        'Dovecot runs its log-in processes in high-performance mode, uses each POP3 process for many sessions, and caches log-ins.',
        ...notes,
      ],
    }
  },
}

function milliseconds(outcome: Outcome | undefined): string {
  return outcome === undefined ? '' : outcome.median((sample) => ((sample.own ?? 0) / sample.count) * 1000).toFixed(2)
}
