import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dovecotLda } from '../../test/peers/fetchmail.ts'
import { runWell } from '../../test/peers/run.ts'
import { clientLanguage } from '../clients.ts'
import { password } from '../corpora.ts'
import { alternate, speedTable } from '../harness.ts'
import type { Work } from '../harness.ts'
import { listing } from '../listing.ts'
import { addUser, postino } from '../postino.ts'
import { dovecotBar, withServers } from '../serving.ts'
import type { Server } from '../serving.ts'

export const serveListing: Work = {
  name: 'serve-listing',
  title: 'Serve: log in and list 20,000 messages',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('listing')
    const { user } = corpus
    const file = join(await bench.freshFolder('delivery'), 'new.eml')
    const held = new Map<Server, number>()
    const list = (server: Server): ReturnType<typeof listing> =>
      listing(server.plain, user, held.get(server) ?? corpus.messages)
    /** Brings one more message into a server's maildrop while it serves. */
    const deliver = async (server: Server): Promise<void> => {
      const count = (held.get(server) ?? corpus.messages) + 1
      writeFileSync(file, `From: a@example.test\r\nSubject: new\r\nMessage-ID: <${count}@example.test>\r\n\r\nNew.\r\n`)
      if (server.data === undefined) await runWell(dovecotLda, ['-c', dovecot.config, '-d', user, '-p', file])
      else await postino(server.data, ['import', file, '--user', user])
      held.set(server, count)
    }
    const fill = (data: string): Promise<void> => addUser(data, user, password, dovecot.maildir(user))
    const measured = withServers(bench, fill, async (servers) => {
      const looking = servers.map((server) => ({ name: server.name, run: () => list(server) }))
      // Unmeasured: servers run for months. More than once, so that each worker has seen the user.
      for (const server of looking) for (let run = 0; run < 6; run++) await server.run()
      const delivered = servers.map((server) => ({
        name: server.name,
        run: async () => {
          await deliver(server)
          return list(server)
        },
      }))
      const { runs } = bench.options
      return [await alternate(bench, looking, runs * 6), await alternate(bench, delivered, runs * 2)] as const
    })
    await measured.catch(() => undefined)
    await dovecot.doveadm('expunge', '-u', user, 'mailbox', 'INBOX', `${corpus.messages + 1}:*`)
    const [warm, fresh] = await measured
    const tables = Object.entries({ warm, 'first after a delivery': fresh }).map(([what, outcomes]) => {
      const table = speedTable(outcomes)
      return { ...table, head: [what, ...table.head.slice(1)] }
    })
    return {
      tables,
      bars: [
        ...dovecotBar('log in and list 20,000, warm', 2, warm),
        ...dovecotBar('log in and list 20,000, first after a delivery', 1, fresh),
      ],
      notes: [
        `${corpus.messages} messages. A session: connect, USER, PASS, STAT, LIST, UIDL, QUIT; the time is from before the connection to the last octet of UIDL. Its client (${clientLanguage}) counts the lines of both listings.`,
        'Delivered is one message, while the server runs and before each session: to Postino by `postino import`, to Dovecot by dovecot-lda, which brings its index up to date as well.',
      ],
    }
  },
}
