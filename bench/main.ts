import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startDovecot } from '../test/peers/dovecot.ts'
import type { Dovecot } from '../test/peers/dovecot.ts'
import { available, run } from '../test/peers/run.ts'
import { alone } from './alone.ts'
import { prepareCorpus, prepareGiven, users, usersOf } from './corpora.ts'
import { drain } from './drain.ts'
import { emptyFolder, root } from './harness.ts'
import type { Bench, Options, Section, Work } from './harness.ts'
import { describeMachine } from './machine.ts'
import { barTable, markdownTable, sectionText } from './report.ts'
import { keepResults } from './results.ts'
import { works } from './works.ts'

const usage = `npm run bench -- [--only NAME]… [--quick] [--runs N] [--peers-only] [--corpus DIR] [--write]
works: ${works.map((work) => work.name).join(', ')}`

function readWords(): { options: Options; chosen: readonly Work[]; write: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        quick: { type: 'boolean', default: false },
        runs: { type: 'string' },
        'peers-only': { type: 'boolean', default: false },
        corpus: { type: 'string' },
        write: { type: 'boolean', default: false },
      },
    })
    const only = values.only?.flatMap((names) => names.split(','))
    const unknown = only?.filter((name) => !works.some((work) => work.name === name)) ?? []
    if (unknown.length > 0) throw new Error(`no such work: ${unknown.join(', ')}`)
    const runs = Number(values.runs ?? (values.quick ? 1 : 5))
    if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs must be a number from 1, not ${values.runs}`)
    const chosen = works.filter((work) => only?.includes(work.name) ?? true)
    const whole = chosen.length === works.length && !values.quick && !values['peers-only']
    const corpus = values.corpus === undefined ? undefined : resolve(values.corpus)
    if (corpus !== undefined && !existsSync(corpus)) throw new Error(`--corpus ${corpus}: there is no such folder`)
    return {
      options: { quick: values.quick, runs, peersOnly: values['peers-only'], corpus },
      chosen,
      write: values.write || whole,
    }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    return undefined
  }
}

/** Runs the works, prints what came out, and says whether all of them could be done. */
async function measure(options: Options, chosen: readonly Work[], write: boolean): Promise<boolean> {
  const work = join(root, 'bench', 'work', options.quick ? 'quick' : 'full')
  mkdirSync(work, { recursive: true })
  const note = (text: string): void => console.error(text)
  const machine = await describeMachine(work)
  note(machine.join('\n'))
  let dovecot: Dovecot | undefined
  const warm = new Set<string>()
  const bench: Bench = {
    options,
    note,
    dovecot: async () =>
      (dovecot ??= await startDovecot({
        folder: join(work, 'dovecot'),
        users: users(),
        protocols: ['pop3', 'imap'],
        tls: true,
      })),
    corpus: async (name) => {
      const server = await bench.dovecot()
      // What is in it, and how a server sends that, nobody knows beforehand.
      if (name === 'given') return await prepareGiven(server, work, options.corpus)
      const corpus = prepareCorpus(server, work, name, options.quick ? 0.1 : 1)
      // Read once whole, so that Dovecot has its index and the machine has the files in memory, for every contender alike.
      if (!warm.has(name))
        await drain(server.ports['pop3'] ?? 0, corpus, { mode: 'pipelined', users: usersOf(name).slice(0, 64) })
      warm.add(name)
      return corpus
    },
    freshFolder: (name) => emptyFolder(work, name),
    keptFolder: (name) => join(work, 'kept', name),
  }
  const done: [Work, Section][] = []
  const failures: string[] = []
  try {
    for (const one of chosen) {
      note(`\n${one.name}: ${one.title}`)
      try {
        const section = await one.run(bench)
        done.push([one, section])
        console.log(`\n${sectionText(one, section)}`)
        if (section.bars.length > 0) console.log(`\n${markdownTable(barTable(section.bars))}`)
      } catch (error) {
        failures.push(one.name)
        console.error(error)
      }
    }
  } finally {
    await dovecot?.stop()
    rmSync(join(work, 'runs'), { recursive: true, force: true })
  }
  if (failures.length > 0) console.error(`\nNo result for: ${failures.join(', ')}`)
  if (write) keepResults(machine, done)
  return failures.length === 0
}

const words = readWords()
if (words === undefined) process.exitCode = 2
else {
  if (existsSync('/usr/bin/apt-get')) {
    await run('bash', [join(root, 'test', 'peers', 'install.sh')])
    await run('bash', [join(root, 'bench', 'install.sh')])
  }
  const missing = ['dovecot', 'mpop', 'fetchmail', 'getmail', 'mbsync'].filter((name) => !available(name))
  if (missing.length > 0) {
    console.error(
      `not installed: ${missing.join(', ')}; the benchmark compares with them (Debian, as root: it installs them)`,
    )
    process.exitCode = 1
  } else {
    const { options, chosen, write } = words
    const work = join(root, 'bench', 'work')
    mkdirSync(work, { recursive: true })
    const done = await alone(work, console.error, () => measure(options, chosen, write))
    if (!done) process.exitCode = 1
  }
}
