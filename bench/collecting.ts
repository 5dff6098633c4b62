import type { Collect, Collected } from '../test/peers/collect.ts'
import { password } from './corpora.ts'
import type { PreparedCorpus } from './corpora.ts'
import { expectAll } from './harness.ts'
import type { Bench, Contender } from './harness.ts'
import { endedSeconds } from './processes.ts'
import { addAccount, postino, postinoFetch, servePostino } from './postino.ts'

/** From where a fetching contender fetches. */
export interface Source {
  readonly corpus: PreparedCorpus
  readonly port: number
  readonly tls: 'implicit' | 'none'
  /** POP3 unless said. */
  readonly protocol?: 'pop3' | 'imap'
  /** The certificate to trust. */
  readonly trust: string
}

/** Postino fetching everything into an empty data folder, as a whole process: how long by the clock, or by the processors. */
export function postinoFetches(
  bench: Bench,
  name: string,
  source: Source,
  by: 'clock' | 'processor' = 'clock',
): Contender {
  const { corpus, port, tls, protocol = 'pop3' } = source
  return {
    name,
    run: async () => {
      const data = await bench.freshFolder('postino')
      await addAccount(data, { port, tls, protocol, login: corpus.user, password })
      const before = endedSeconds()
      const got = await postinoFetch(data, source.trust)
      const busy = endedSeconds() - before
      expectAll(name, { count: got.new, octets: got.octets }, { count: corpus.messages, octets: corpus.octets })
      return {
        seconds: by === 'clock' ? got.process : busy,
        count: corpus.messages,
        octets: corpus.octets,
        own: got.seconds,
      }
    },
  }
}

/** A peer fetching everything into an empty Maildir, as a whole process. */
export function peerFetches(
  bench: Bench,
  name: string,
  collect: (options: Collect) => Promise<Collected>,
  source: Source,
  runs?: number,
): Contender {
  const { corpus, port, tls } = source
  return {
    name,
    ...(runs !== undefined && { runs }),
    run: async () => {
      const folder = await bench.freshFolder('peer')
      const got = await collect({ host: '127.0.0.1', port, tls, login: corpus.user, password, folder })
      // getmail writes some messages a little differently; the others differ from the wire in CRs only.
      const octets = name.startsWith('getmail') ? Math.min(got.octets, corpus.lineFeedOctets) : got.octets
      expectAll(name, { count: got.messages, octets }, { count: corpus.messages, octets: corpus.lineFeedOctets })
      return { seconds: got.seconds, count: corpus.messages, octets: corpus.octets }
    },
  }
}

/** The same with `postino serve` running, which fetches and indexes meanwhile: until a search has an index of everything. */
export function postinoSearches(bench: Bench, source: Source): Contender {
  const { corpus, port, tls, protocol = 'pop3' } = source
  const name = 'Postino, until searchable'
  return {
    name,
    run: async () => {
      const data = await bench.freshFolder('postino')
      await addAccount(data, { port, tls, protocol, login: corpus.user, password })
      const serving = await servePostino(data, { env: { NODE_EXTRA_CA_CERTS: source.trust, POSTINO_FETCH_EVERY: '0' } })
      try {
        const began = performance.now()
        const got = await postinoFetch(data)
        expectAll(name, { count: got.new, octets: got.octets }, { count: corpus.messages, octets: corpus.octets })
        // It answers once the index has all that is there.
        await postino(data, ['search', 'nothing'])
        return { seconds: (performance.now() - began) / 1000, count: corpus.messages, octets: corpus.octets }
      } finally {
        await serving.stop()
      }
    },
  }
}
