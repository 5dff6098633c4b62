import { password } from '../corpora.ts'
import type { CorpusName, PreparedCorpus } from '../corpora.ts'
import { drain } from '../drain.ts'
import type { DrainMode } from '../drain.ts'
import { alternate, ratioBar, speedTable } from '../harness.ts'
import type { Bar, Contender, Table, Work } from '../harness.ts'
import { addUser, servePostino } from '../postino.ts'
import type { Serving } from '../postino.ts'

const bars: Readonly<Record<DrainMode, number>> = { pipelined: 4, turns: 2 }
const modeNames: Readonly<Record<DrainMode, string>> = { pipelined: 'pipelined', turns: 'not pipelined' }

export const serveRetr: Work = {
  name: 'serve-retr',
  title: 'Serve: RETR of everything over one connection',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpora: [string, PreparedCorpus][] = []
    for (const [label, name] of [
      ['realistic', 'realistic-serve'],
      ['small', 'small'],
    ] as const satisfies readonly (readonly [string, CorpusName])[]) {
      corpora.push([label, await bench.corpus(name)])
    }
    let serving: Serving | undefined
    if (!bench.options.peersOnly) {
      const data = await bench.freshFolder('serve-retr')
      for (const [, corpus] of corpora) await addUser(data, corpus.user, password, dovecot.maildir(corpus.user))
      serving = await servePostino(data)
    }
    const tables: Table[] = []
    const reached: Bar[] = []
    try {
      for (const [label, corpus] of corpora) {
        for (const mode of ['pipelined', 'turns'] as const) {
          const contender = (name: string, port: number): Contender => ({
            name,
            run: () => drain(port, corpus.user, corpus, mode),
          })
          const contenders = [
            ...(serving === undefined ? [] : [contender('Postino', serving.pop3)]),
            contender('Dovecot', dovecot.ports['pop3'] ?? 0),
          ]
          // Once unmeasured: servers run for months. Then twice as often as longer works, for these are short.
          for (const server of contenders) await server.run()
          const outcomes = await alternate(bench, contenders, bench.options.runs * 2)
          const what = `${label}, ${modeNames[mode]}`
          const table = speedTable(outcomes)
          tables.push({ ...table, head: [what, ...table.head.slice(1)] })
          reached.push(...ratioBar(`serve RETR, ${what}`, bars[mode], outcomes, 'Postino', 'Dovecot'))
        }
      }
    } finally {
      await serving?.stop()
    }
    return {
      tables,
      bars: reached,
      notes: [
        ...corpora.map(
          ([label, corpus]) => `${label}: ${corpus.messages} messages, ${(corpus.octets / 1e6).toFixed(0)} MB`,
        ),
        'Dovecot reads a Maildir with CRLF line ends, sizes in the file names, index and files in memory. The client, in a process of its own, only looks for the end of each message and counts octets; the time is from the first RETR to the last octet.',
      ],
    }
  },
}
