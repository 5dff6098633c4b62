import { runMpop } from '../../test/peers/mpop.ts'
import { peerFetches, postinoFetches } from '../collecting.ts'
import type { Source } from '../collecting.ts'
import { alternate, ratioBar, speedTable } from '../harness.ts'
import type { Contender, Work } from '../harness.ts'
import { endedSeconds } from '../processes.ts'

export const fetchProcessor: Work = {
  name: 'fetch-processor',
  title: 'Processor time of fetching 10,000 realistic messages',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('realistic')
    const source: Source = { corpus, port: dovecot.ports['pop3'] ?? 0, tls: 'none', trust: dovecot.certificate }
    const outcomes = await alternate(bench, [
      ...(bench.options.peersOnly ? [] : [postinoFetches(bench, 'Postino', source, 'processor')]),
      byProcessor(peerFetches(bench, 'mpop', runMpop, source)),
    ])
    const table = speedTable(outcomes)
    return {
      tables: [{ ...table, head: table.head.map((name) => name.replace('seconds', 'processor seconds')) }],
      bars: ratioBar('processor time per 10,000 messages (its inverse)', 1, outcomes, 'Postino', 'mpop'),
      notes: [
        'User and system time of the whole process and all that it starts; indexing for search is not: so many messages are left to `serve` or the next search.',
      ],
    }
  },
}

/** The same, with what the processors were busy for in place of what the clock says. */
function byProcessor(contender: Contender): Contender {
  return {
    name: contender.name,
    run: async () => {
      const before = endedSeconds()
      const sample = await contender.run()
      return { ...sample, seconds: endedSeconds() - before }
    },
  }
}
