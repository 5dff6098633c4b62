import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MboxQuoter, fromLine } from '../../src/doors/mbox.ts'
import { generateMessages } from '../../test/corpus/generate.ts'
import { alternate, speedTable, whole } from '../harness.ts'
import type { Work } from '../harness.ts'
import { password } from '../corpora.ts'
import { postino } from '../postino.ts'

const least = 5000
const user = 'mbox'

export const importing: Work = {
  name: 'import',
  title: 'Import an mbox of 100,000 small messages, durably',
  run: async (bench) => {
    if (bench.options.peersOnly) return { tables: [], bars: [], notes: ['Only Postino is measured here.'] }
    const count = bench.options.quick ? 10_000 : 100_000
    const file = bench.keptFolder('import.mbox')
    const octets = await prepare(file, count)
    const outcomes = await alternate(
      bench,
      [
        {
          name: 'Postino',
          run: async () => {
            const data = await bench.freshFolder('import')
            await postino(data, ['user', 'add', user, '--password-stdin'], { input: `${password}\n` })
            const { seconds, stdout } = await postino(data, ['import', file, '--user', user, '--json'])
            const told = JSON.parse(stdout) as { new: number; octets: number; seconds: number }
            if (told.new !== count) throw new Error(`postino import took in ${told.new} messages, not ${count}`)
            return { seconds, count, octets: told.octets, own: told.seconds }
          },
        },
      ],
      Math.min(3, bench.options.runs),
    )
    const rate = outcomes[0]?.rate ?? 0
    return {
      tables: [speedTable(outcomes)],
      bars: [
        {
          what: `import an mbox of ${whole(count)} messages`,
          want: `≥ ${whole(least)}/s`,
          got: `${whole(rate)}/s`,
          met: rate >= least,
        },
      ],
      notes: [
        `One file of ${(octets / 1e6).toFixed(0)} MB. The whole process is timed; what it has told of is on disk (fsync), as with everything that comes in.`,
      ],
    }
  },
}

/** The mbox, made unless it is there from before; its size in octets. */
async function prepare(file: string, count: number): Promise<number> {
  const record = `${file}.made`
  const key = JSON.stringify({ count, generator: 1 })
  if (existsSync(record) && readFileSync(record, 'utf8') === key) return statSync(file).size
  mkdirSync(dirname(file), { recursive: true })
  rmSync(record, { force: true })
  const mbox = await open(file, 'w')
  try {
    let waiting: Uint8Array[] = []
    for (const message of generateMessages({ seed: 11, count, profile: 'small' })) {
      const quoter = new MboxQuoter()
      const from = Buffer.from(fromLine('bounce@example.test', 1_704_067_200_000))
      waiting.push(from, ...quoter.push(message), quoter.end(), Buffer.from('\r\n'))
      if (waiting.length < 5000) continue
      await mbox.appendFile(Buffer.concat(waiting))
      waiting = []
    }
    await mbox.appendFile(Buffer.concat(waiting))
  } finally {
    await mbox.close()
  }
  writeFileSync(record, key)
  return statSync(file).size
}
