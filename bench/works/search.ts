import { rareWord } from '../../test/corpus/generate.ts'
import type { Finished } from '../../test/peers/run.ts'
import { password } from '../corpora.ts'
import { alternate, seconds, speedTable } from '../harness.ts'
import type { Work } from '../harness.ts'
import { addUser, postino } from '../postino.ts'

export const search: Work = {
  name: 'search',
  title: 'Search: a word of the text of one message in 10,000',
  run: async (bench) => {
    if (bench.options.peersOnly) return { tables: [], bars: [], notes: ['No peer searches.'] }
    const dovecot = await bench.dovecot()
    const corpus = await bench.corpus('realistic')
    const data = await bench.freshFolder('search')
    await addUser(data, corpus.user, password, dovecot.maildir(corpus.user))
    // The first search waits until everything is indexed.
    const first = await postino(data, ['search', rareWord, '--json'])
    bench.note(`  indexing what was not yet indexed, and the first search: ${seconds(first.seconds)} s`)
    const outcomes = await alternate(bench, [
      {
        name: 'Postino',
        run: async () => {
          const found = await postino(data, ['search', rareWord, '--json'])
          return { seconds: found.seconds, count: corpus.messages, octets: 0, own: ownSeconds(found) }
        },
      },
    ])
    const own = outcomes[0]?.median((sample) => sample.own ?? Number.NaN) ?? Number.NaN
    return {
      tables: [speedTable(outcomes)],
      bars: [{ what: 'search, own time', want: '< 50 ms', got: `${(own * 1000).toFixed(1)} ms`, met: own < 0.05 }],
      notes: [
        `The table is of the whole process; by its own account the search took ${(own * 1000).toFixed(1)} ms.`,
        `After the import, indexing the rest of ${corpus.messages} messages and the first search took ${seconds(first.seconds)} s.`,
      ],
    }
  },
}

/** The time that `postino search` tells on stderr, in seconds; throws unless it found the one message. */
function ownSeconds({ stdout, stderr }: Finished): number {
  const hits = stdout.split('\n').filter((line) => line !== '').length
  if (hits !== 1) throw new Error(`search found ${hits} messages, not 1`)
  const said = /found in ([\d.]+) ms/.exec(stderr)?.[1]
  if (said === undefined) throw new Error(`search did not tell its time: ${stderr}`)
  return Number(said) / 1000
}
