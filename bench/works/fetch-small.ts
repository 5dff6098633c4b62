import { runMpop } from '../../test/peers/mpop.ts'
import { peerFetches, postinoFetches } from '../collecting.ts'
import type { Source } from '../collecting.ts'
import { alternate, ratioBar, speedTable } from '../harness.ts'
import type { Work } from '../harness.ts'

export const fetchSmall: Work = {
  name: 'fetch-small',
  title: 'Fetch 20,000 small messages, plain and TLS',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('small')
    const trust = dovecot.certificate
    const plain: Source = { corpus, port: dovecot.ports['pop3'] ?? 0, tls: 'none', trust }
    const secure: Source = { corpus, port: dovecot.ports['pop3s'] ?? 0, tls: 'implicit', trust }
    const contenders = (source: Source): Parameters<typeof alternate>[1] => [
      ...(bench.options.peersOnly ? [] : [postinoFetches(bench, 'Postino', source)]),
      peerFetches(bench, 'mpop', runMpop, source),
    ]
    const inClear = await alternate(bench, contenders(plain))
    const inTls = await alternate(bench, contenders(secure))
    return {
      tables: [inClear, inTls].map((outcomes, index) => {
        const table = speedTable(outcomes)
        return { ...table, head: [index === 0 ? 'plain' : 'TLS', ...table.head.slice(1)] }
      }),
      bars: [
        ...ratioBar('fetch 20,000 small messages, plain', 4.5, inClear, 'Postino', 'mpop'),
        ...ratioBar('fetch 20,000 small messages, TLS', 6, inTls, 'Postino', 'mpop'),
      ],
      notes: [`${corpus.messages} messages, ${(corpus.octets / 1e6).toFixed(0)} MB, over loopback; TLS is implicit.`],
    }
  },
}
