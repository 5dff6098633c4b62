import { clientLanguage } from '../clients.ts'
import { password, usersOf } from '../corpora.ts'
import { drain } from '../drain.ts'
import { alternate, speedTable } from '../harness.ts'
import type { Bar, Table, Work } from '../harness.ts'
import { fillMdbox, startMdbox } from '../mdbox.ts'
import { addUsers, postino } from '../postino.ts'
import { dovecotBar, withServers } from '../serving.ts'

/** From the issue: how many times faster than Dovecot. */
const least = 1.5

export const settleRetr: Work = {
  name: 'settle-retr',
  title: 'Serve what is settled: RETR of everything, over eight connections',
  run: async (bench) => {
    const corpus = await bench.corpus('eight')
    const users = usersOf('eight')
    const maildir = (await bench.dovecot()).maildir(corpus.user)
    const mdbox = await startMdbox(bench, users)
    const tables: Table[] = []
    const bars: Bar[] = []
    try {
      await fillMdbox(mdbox, users, maildir, corpus)
      const fill = async (data: string): Promise<void> => {
        await addUsers(data, users, password, maildir)
        await postino(data, ['settle'])
      }
      await withServers(
        bench,
        fill,
        async (servers) => {
          for (const security of ['plain', 'tls'] as const) {
            const contenders = servers.map((server) => ({
              name: server.name,
              run: () => drain(server[security], corpus, { mode: 'pipelined', users, security }),
            }))
            // As for `serve-retr`: twice unmeasured, then twice as often as longer works.
            for (const server of contenders) for (let run = 0; run < 2; run++) await server.run()
            const outcomes = await alternate(bench, contenders, bench.options.runs * 2)
            const table = speedTable(outcomes)
            tables.push({ ...table, head: [`settled, 8 connections, ${security}`, ...table.head.slice(1)] })
            bars.push(...dovecotBar(`serve RETR, settled, 8 connections, ${security}`, least, outcomes))
          }
        },
        {},
        mdbox,
      )
    } finally {
      await mdbox.stop()
    }
    return {
      tables,
      bars,
      notes: [
        `${corpus.messages} realistic messages, ${(corpus.octets / 1e6).toFixed(0)} MB, for each of 8 users, one connection each; pipelined, up to 512 commands on their way.`,
        `Dovecot reads mdbox, each message compressed by zstd at its usual level, index and files in memory. The client (${clientLanguage}) only looks for the end of each message and counts octets.`,
      ],
    }
  },
}
