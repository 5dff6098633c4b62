import { runFetchmail } from '../../test/peers/fetchmail.ts'
import { runGetmail } from '../../test/peers/getmail.ts'
import { runMpop } from '../../test/peers/mpop.ts'
import { peerFetches, postinoFetches, postinoSearches } from '../collecting.ts'
import type { Source } from '../collecting.ts'
import { alternate, ratioBar, seconds, speedTable } from '../harness.ts'
import type { Work } from '../harness.ts'

export const fetchRealistic: Work = {
  name: 'fetch-realistic',
  title: 'Fetch 10,000 realistic messages from Dovecot, durably',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const server = { port: dovecot.ports['pop3'] ?? 0, tls: 'none', trust: dovecot.certificate } as const
    const all: Source = { ...server, corpus: await bench.corpus('realistic') }
    const part: Source = { ...server, corpus: await bench.corpus('realistic-thousand') }
    const slowRuns = Math.min(2, bench.options.runs)
    const outcomes = await alternate(bench, [
      ...(bench.options.peersOnly ? [] : [postinoFetches(bench, 'Postino', all), postinoSearches(bench, all)]),
      peerFetches(bench, 'mpop', runMpop, all),
      peerFetches(bench, 'getmail6', runGetmail, part, slowRuns),
      peerFetches(
        bench,
        'fetchmail + dovecot-lda',
        (options) => runFetchmail({ ...options, delivery: 'dovecot-lda' }),
        part,
        slowRuns,
      ),
      peerFetches(bench, 'fetchmail + cat', runFetchmail, part, slowRuns),
    ])
    const own = outcomes[0]?.samples[0]?.own === undefined ? undefined : outcomes[0].median((sample) => sample.own ?? 0)
    const what = 'fetch 10,000 realistic messages'
    return {
      tables: [speedTable(outcomes)],
      bars: [
        ...ratioBar(`${what}, until received`, 3, outcomes, 'Postino', 'mpop'),
        ...ratioBar(`${what}, until searchable`, 1, outcomes, 'Postino, until searchable', 'mpop'),
        ...ratioBar(what, 20, outcomes, 'Postino', 'fetchmail + dovecot-lda'),
        ...ratioBar(what, 20, outcomes, 'Postino', 'getmail6'),
      ],
      notes: [
        `${all.corpus.messages} messages, ${(all.corpus.octets / 1e6).toFixed(0)} MB, over loopback, without TLS. The whole process is timed.`,
        ...(own === undefined
          ? []
          : [`By its own account (\`seconds\` of \`fetch --json\`) Postino took ${seconds(own)} s.`]),
        `getmail6 and fetchmail are slow, so they fetch the first ${part.corpus.messages} of the same messages only; messages/s is what is compared.`,
        'Durability: Postino, mpop, getmail6 and dovecot-lda bring every message to disk (fsync). `cat` does not: it is the least that fetchmail can be made to do.',
      ],
    }
  },
}
