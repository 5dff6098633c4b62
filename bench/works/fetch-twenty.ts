import { startDelayProxy } from '../../test/peers/delay-proxy.ts'
import { password, usersOf } from '../corpora.ts'
import { alternate, expectAll, speedTable, times } from '../harness.ts'
import type { Bench, Contender, Work } from '../harness.ts'
import { addAccount, postino, type FetchLine } from '../postino.ts'

export const fetchTwenty: Work = {
  name: 'fetch-twenty',
  title: 'Twenty accounts at 20 ms of round trip, without PIPELINING',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('twenty')
    const far = { host: '127.0.0.1', port: dovecot.ports['pop3'] ?? 0, roundTrip: 20, withoutPipelining: true }
    const proxy = await startDelayProxy(far)
    try {
      const fetches = (users: readonly string[]): Contender => accounts(bench, users, proxy.port, corpus)
      const outcomes = await alternate(bench, [fetches(usersOf('twenty')), fetches(usersOf('twenty').slice(0, 1))])
      const [all, one] = outcomes
      const ratio = all === undefined || one === undefined ? 0 : all.rate / one.rate
      const what = '20 accounts at 20 ms without PIPELINING'
      return {
        tables: [speedTable(outcomes)],
        bars: [{ what, want: "≥ 15 × one account's rate", got: times(ratio), met: ratio >= 15 }],
        notes: [
          `${corpus.messages} small messages in each account; the whole process is timed. The proxy does not pass on that Dovecot can do PIPELINING.`,
        ],
      }
    } finally {
      await proxy.stop()
    }
  },
}

/** Postino fetching everything of these users, each an account, into an empty data folder. */
function accounts(
  bench: Bench,
  users: readonly string[],
  port: number,
  corpus: { readonly messages: number; readonly octets: number },
): Contender {
  const name = users.length === 1 ? 'one account' : `${users.length} accounts`
  return {
    name,
    run: async () => {
      const data = await bench.freshFolder('postino-accounts')
      for (const login of users) await addAccount(data, { port, tls: 'none', login, password }, `${login}@example.test`)
      const { stdout, seconds } = await postino(data, ['fetch', '--json'])
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as FetchLine)
      const sum = (of: (line: FetchLine) => number): number => lines.reduce((all, line) => all + of(line), 0)
      const all = { count: users.length * corpus.messages, octets: users.length * corpus.octets }
      expectAll(name, { count: sum((line) => line.new), octets: sum((line) => line.octets) }, all)
      return { seconds, ...all }
    },
  }
}
