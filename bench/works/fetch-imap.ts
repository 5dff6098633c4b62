import { mbsyncMark, runMbsync } from '../../test/peers/mbsync.ts'
import { postinoFetches } from '../collecting.ts'
import type { Source } from '../collecting.ts'
import { password } from '../corpora.ts'
import { alternate, expectAll, ratioBar, seconds, speedTable } from '../harness.ts'
import type { Bench, Contender, Work } from '../harness.ts'

export const fetchImap: Work = {
  name: 'fetch-imap',
  title: 'Fetch 10,000 realistic messages from Dovecot by IMAP, durably',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const source: Source = {
      corpus: await bench.corpus('realistic'),
      port: dovecot.ports['imap'] ?? 0,
      tls: 'none',
      protocol: 'imap',
      trust: dovecot.certificate,
    }
    const { corpus } = source
    const outcomes = await alternate(bench, [
      ...(bench.options.peersOnly ? [] : [postinoFetches(bench, 'Postino', source)]),
      mbsyncFetches(bench, source),
    ])
    const own = outcomes[0]?.samples[0]?.own === undefined ? undefined : outcomes[0].median((sample) => sample.own ?? 0)
    return {
      tables: [speedTable(outcomes)],
      bars: ratioBar('fetch 10,000 messages by IMAP', 1.5, outcomes, 'Postino', 'mbsync'),
      notes: [
        `${corpus.messages} messages, ${(corpus.octets / 1e6).toFixed(0)} MB, over loopback, without TLS. The whole process is timed.`,
        ...(own === undefined
          ? []
          : [`By its own account (\`seconds\` of \`fetch --json\`) Postino took ${seconds(own)} s.`]),
        'Both bring every message to disk (fsync): mbsync as it does unless told otherwise.',
      ],
    }
  },
}

/** mbsync fetching everything into an empty Maildir, as a whole process. */
function mbsyncFetches(bench: Bench, { corpus, port, tls }: Source): Contender {
  return {
    name: 'mbsync',
    run: async () => {
      const folder = await bench.freshFolder('peer')
      const got = await runMbsync({ host: '127.0.0.1', port, tls, login: corpus.user, password, folder })
      const octets = got.octets - mbsyncMark * got.messages
      expectAll('mbsync', { count: got.messages, octets }, { count: corpus.messages, octets: corpus.lineFeedOctets })
      return { seconds: got.seconds, count: corpus.messages, octets: corpus.octets }
    },
  }
}
