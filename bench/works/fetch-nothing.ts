import { run } from '../../test/peers/run.ts'
import { runMpop } from '../../test/peers/mpop.ts'
import { password } from '../corpora.ts'
import { alternate, seconds, speedTable, times } from '../harness.ts'
import type { Bar, Contender, Outcome, Work } from '../harness.ts'
import { addAccount, postinoFetch, servePostino, type Serving } from '../postino.ts'

const ours = 'Postino'
const served = 'Postino, in a running serve'
const listed = 'curl, UIDL'

export const fetchNothing: Work = {
  name: 'fetch-nothing',
  title: 'Nothing new on a maildrop of 100,000',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('hundred-thousand')
    const port = dovecot.ports['pop3'] ?? 0
    const { user: login, messages: count } = corpus
    const contenders: Contender[] = []
    let serving: Serving | undefined
    if (!bench.options.peersOnly) {
      for (const [name, folder] of [
        [ours, 'postino-nothing'],
        [served, 'postino-nothing-served'],
      ] as const) {
        const data = await bench.freshFolder(folder)
        await addAccount(data, { port, tls: 'none', login, password })
        await postinoFetch(data)
        if (name === served) serving = await servePostino(data, { env: { POSTINO_FETCH_EVERY: '0' } })
        contenders.push({
          name,
          run: async () => {
            const got = await postinoFetch(data)
            if (got.new !== 0) throw new Error(`postino fetched ${got.new} messages again`)
            // Of a running serve, what it took is the session: the process that asked it is another matter.
            return { seconds: name === served ? got.seconds : got.process, count, octets: 0, own: got.seconds }
          },
        })
      }
    }
    contenders.push({
      name: listed,
      run: async () => {
        const began = performance.now()
        const { stdout } = await run('curl', [
          '-s',
          '-X',
          'UIDL',
          '-u',
          `${login}:${password}`,
          `pop3://127.0.0.1:${port}/`,
        ])
        const lines = stdout.split('\n').filter((line) => line !== '').length
        if (lines < count) throw new Error(`curl listed ${lines} messages`)
        return { seconds: (performance.now() - began) / 1000, count, octets: 0 }
      },
    })
    const peer = { host: '127.0.0.1', port, login, password, folder: await bench.freshFolder('peer-nothing') }
    await runMpop(peer)
    contenders.push({
      name: 'mpop',
      run: async () => {
        const got = await runMpop(peer)
        if (got.messages !== 0) throw new Error(`mpop fetched ${got.messages} messages again`)
        return { seconds: got.seconds, count, octets: 0 }
      },
    })
    try {
      const outcomes = await alternate(bench, contenders)
      return {
        tables: [speedTable(outcomes)],
        bars: barsOf(outcomes, count),
        notes: [
          'The whole process: start, connect, log in, list, compare, QUIT; in a running `serve`, the session by its own account.',
        ],
      }
    } finally {
      await serving?.stop()
    }
  },
}

function barsOf(outcomes: readonly Outcome[], count: number): Bar[] {
  const find = (name: string): Outcome | undefined => outcomes.find((outcome) => outcome.name === name)
  const [whole, inServe, curl] = [find(ours), find(served), find(listed)]
  if (whole === undefined || inServe === undefined || curl === undefined) return []
  const ratio = inServe.seconds / curl.seconds
  const what = `nothing new among ${count}`
  return [
    { what, want: '≤ 0.5 s', got: `${seconds(whole.seconds)} s`, met: whole.seconds <= 0.5 },
    { what: `${what}, in a running serve`, want: '≤ 1.2 × curl reading UIDL', got: times(ratio), met: ratio <= 1.2 },
  ]
}
