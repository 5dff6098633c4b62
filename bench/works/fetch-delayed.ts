import { startDelayProxy } from '../../test/peers/delay-proxy.ts'
import { runFetchmail } from '../../test/peers/fetchmail.ts'
import { runMpop } from '../../test/peers/mpop.ts'
import { peerFetches, postinoFetches } from '../collecting.ts'
import { alternate, ratioBar, speedTable } from '../harness.ts'
import type { Work } from '../harness.ts'

export const fetchDelayed: Work = {
  name: 'fetch-delayed',
  title: 'Fetch 2,000 small messages at 20 ms of round trip',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('small-two-thousand')
    const few = await bench.corpus('small-two-hundred')
    const proxy = await startDelayProxy({ host: '127.0.0.1', port: dovecot.ports['pop3'] ?? 0, roundTrip: 20 })
    try {
      const source = { corpus, port: proxy.port, tls: 'none', trust: dovecot.certificate } as const
      const outcomes = await alternate(bench, [
        ...(bench.options.peersOnly ? [] : [postinoFetches(bench, 'Postino', source)]),
        peerFetches(bench, 'mpop', runMpop, source),
        // Some sixty milliseconds for each message: fewer of them, and once.
        peerFetches(bench, 'fetchmail', runFetchmail, { ...source, corpus: few }, 1),
      ])
      return {
        tables: [speedTable(outcomes)],
        bars: [
          ...ratioBar('fetch 2,000 small messages at 20 ms', 5, outcomes, 'Postino', 'mpop'),
          ...ratioBar('fetch small messages at 20 ms', 200, outcomes, 'Postino', 'fetchmail'),
        ],
        notes: [
          `${corpus.messages} messages through a proxy that holds back every octet for 10 ms each way and limits nothing else; Dovecot announces PIPELINING, and mpop uses it. fetchmail fetches 200 of them.`,
        ],
      }
    } finally {
      await proxy.stop()
    }
  },
}
