import { runMpop } from '../../test/peers/mpop.ts'
import { password } from '../corpora.ts'
import { alternate, seconds, speedTable } from '../harness.ts'
import type { Contender, Work } from '../harness.ts'
import { addAccount, postinoFetch } from '../postino.ts'

export const fetchNothing: Work = {
  name: 'fetch-nothing',
  title: 'Nothing new on a maildrop of 20,000',
  run: async (bench) => {
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('small')
    const port = dovecot.ports['pop3'] ?? 0
    const contenders: Contender[] = []
    if (!bench.options.peersOnly) {
      const data = await bench.freshFolder('postino-nothing')
      await addAccount(data, { port, tls: 'none', login: corpus.user, password })
      await postinoFetch(data)
      contenders.push({
        name: 'Postino',
        run: async () => {
          const got = await postinoFetch(data)
          if (got.new !== 0) throw new Error(`postino fetched ${got.new} messages again`)
          return { seconds: got.process, count: corpus.messages, octets: 0, own: got.seconds }
        },
      })
    }
    const peer = {
      host: '127.0.0.1',
      port,
      login: corpus.user,
      password,
      folder: await bench.freshFolder('peer-nothing'),
    }
    await runMpop(peer)
    contenders.push({
      name: 'mpop',
      run: async () => {
        const got = await runMpop(peer)
        if (got.messages !== 0) throw new Error(`mpop fetched ${got.messages} messages again`)
        return { seconds: got.seconds, count: corpus.messages, octets: 0 }
      },
    })
    const outcomes = await alternate(bench, contenders)
    const ours = outcomes.find((outcome) => outcome.name === 'Postino')
    return {
      tables: [speedTable(outcomes)],
      bars:
        ours === undefined
          ? []
          : [
              {
                what: `nothing new among ${corpus.messages}`,
                want: '≤ 0.3 s',
                got: `${seconds(ours.seconds)} s`,
                met: ours.seconds <= 0.3,
              },
            ],
      notes: ['The whole process: start, connect, log in, UIDL, compare, QUIT.'],
    }
  },
}
