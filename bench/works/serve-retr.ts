import { clientLanguage } from '../clients.ts'
import { password, usersOf } from '../corpora.ts'
import type { CorpusName, PreparedCorpus } from '../corpora.ts'
import { drain } from '../drain.ts'
import type { DrainOptions } from '../drain.ts'
import { alternate, speedTable } from '../harness.ts'
import type { Bar, Table, Work } from '../harness.ts'
import { addUsers } from '../postino.ts'
import { dovecotBar, withServers, workersBar } from '../serving.ts'

/** What is read, how, and how many times faster than Dovecot it should be. */
const readings: readonly (DrainOptions & {
  readonly corpus: CorpusName
  readonly what: string
  readonly bar: number
})[] = [
  { what: 'realistic, pipelined', corpus: 'realistic-serve', mode: 'pipelined', bar: 4 },
  { what: 'realistic, not pipelined', corpus: 'realistic-serve', mode: 'turns', bar: 2 },
  { what: 'small, pipelined', corpus: 'small', mode: 'pipelined', bar: 4 },
  { what: 'small, not pipelined', corpus: 'small', mode: 'turns', bar: 2 },
  { what: '8 connections, plain', corpus: 'eight', mode: 'pipelined', users: usersOf('eight'), bar: 2.5 },
  {
    what: '8 connections, TLS',
    corpus: 'eight',
    mode: 'pipelined',
    users: usersOf('eight'),
    security: 'tls',
    bar: 4,
  },
]

export const serveRetr: Work = {
  name: 'serve-retr',
  title: 'Serve: RETR of everything, over one connection and over eight',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpora = new Map<CorpusName, PreparedCorpus>()
    for (const { corpus } of readings) corpora.set(corpus, await bench.corpus(corpus))
    const tables: Table[] = []
    const bars: Bar[] = []
    const fill = async (data: string): Promise<void> => {
      for (const [name, { user }] of corpora) await addUsers(data, usersOf(name), password, dovecot.maildir(user))
    }
    await withServers(bench, fill, async (servers) => {
      for (const { what, bar, ...reading } of readings) {
        const corpus = corpora.get(reading.corpus)
        if (corpus === undefined) continue
        const contenders = servers.map((server) => ({
          name: server.name,
          run: () => drain(server[reading.security ?? 'plain'], corpus, reading),
        }))
        // Twice unmeasured: servers run for months, and there may be two workers. Then twice as often as longer works.
        for (const server of contenders) for (let run = 0; run < 2; run++) await server.run()
        const outcomes = await alternate(bench, contenders, bench.options.runs * 2)
        const table = speedTable(outcomes)
        tables.push({ ...table, head: [what, ...table.head.slice(1)] })
        bars.push(...dovecotBar(`serve RETR, ${what}`, bar, outcomes), ...workersBar(`serve RETR, ${what}`, outcomes))
      }
    })
    return {
      tables,
      bars,
      notes: [
        ...[...corpora].map(
          ([name, { messages, octets }]) =>
            `${labels[name]}: ${messages} messages, ${(octets / 1e6).toFixed(0)} MB${name === 'eight' ? ' for each of 8 users, one connection each; pipelined' : ''}`,
        ),
        `Dovecot reads a Maildir with CRLF line ends, sizes in the file names, index and files in memory. The client, one process (${clientLanguage}), only looks for the end of each message and counts octets; the time is from the first RETR to the last octet. Pipelined: up to 512 commands are on their way.`,
        'The same with a store that was compacted and compressed is not measured: Postino does not do that yet.',
      ],
    }
  },
}

const labels: Readonly<Partial<Record<CorpusName, string>>> = {
  'realistic-serve': 'realistic',
  small: 'small',
  eight: '8 connections',
}
