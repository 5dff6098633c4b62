import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { generateMessages } from '../test/corpus/generate.ts'
import { fillMaildir } from '../test/peers/maildir.ts'
import { run } from '../test/peers/run.ts'
import { alone } from './alone.ts'
import { clientCommand, clientLanguage } from './clients.ts'
import { password } from './corpora.ts'
import { root } from './harness.ts'
import { openSessions } from './idle.ts'
import { describeMachine } from './machine.ts'
import { addUsers, servePostino } from './postino.ts'
import type { Serving } from './postino.ts'
import { atRest, memoryOf, openFiles, processorSeconds, residentMemory } from './processes.ts'
import { type SoakSample, soakText, type SoakTold, summarize } from './soak-summary.ts'

const usage = 'npm run soak -- [--minutes 60] [--rate 200] [--workers N] [--write]'
const messages = 30
const users = Array.from({ length: 64 }, (_, index) => `soak${index + 1}`)

interface Soak {
  readonly minutes: number
  /** Sessions a second. */
  readonly rate: number
  readonly workers: number | undefined
}

async function soak({ minutes, rate, workers }: Soak, work: string): Promise<SoakSample[]> {
  const folder = join(work, 'soak')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const maildir = join(folder, 'Maildir')
  fillMaildir(maildir, generateMessages({ seed: 9, count: messages, profile: 'realistic' }))
  const data = join(folder, 'data')
  await addUsers(data, users, password, maildir)
  const env = { POSTINO_SERVE_SESSIONS_PER_ADDRESS: '1024' }
  const serving = await servePostino(data, { env, ...(workers !== undefined && { workers }) })
  try {
    // Every password is seen before, a few at a time, and by each worker: verifying one is slow on purpose.
    for (let round = 0; round < (workers ?? 1) * 2; round++) await (await openSessions(serving.pop3, users)).close()
    await atRest(serving.pid)
    return await underLoad(serving, rate, minutes * 60)
  } finally {
    await serving.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Samples the server each time that the load tells how far it is. */
async function underLoad(serving: Serving, rate: number, seconds: number): Promise<SoakSample[]> {
  const [command, words] = clientCommand('soak')
  const ports = [serving.pop3, serving.pop3s].map(String)
  const load = spawn(
    command,
    [...words, ...ports, password, String(rate), String(seconds), String(messages), ...users],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const killed = (): void => void load.kill()
  process.once('exit', killed)
  const ended = new Promise<number | null>((resolve) => load.once('close', resolve))
  const samples: SoakSample[] = []
  for await (const line of createInterface({ input: load.stdout })) {
    const told = JSON.parse(line) as SoakTold
    const sample = {
      ...told,
      resident: residentMemory(serving.pid),
      memory: memoryOf(serving.pid),
      files: openFiles(serving.pid),
      server: processorSeconds(serving.pid),
    }
    const before = samples.at(-1)
    const took = told.seconds - (before?.seconds ?? 0)
    const each = (now: number, then: number | undefined): string => ((now - (then ?? 0)) / took).toFixed(0)
    console.error(
      `${told.seconds.toFixed(0).padStart(5)} s  ${each(told.sessions, before?.sessions)} sessions/s  ` +
        `RSS ${megabytes(sample.resident)}  PSS ${megabytes(sample.memory)}  ${sample.files} files  ` +
        `refused ${told.refused}  failed ${told.failed}  late ${told.late}`,
    )
    samples.push(sample)
  }
  process.off('exit', killed)
  const code = await ended
  if (code !== 0) throw new Error(`the load ended with ${code}`)
  // What it tells last is of the end, when nobody is there any more.
  return samples.slice(0, -1)
}

function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(0)} MB`
}

function readWords(): (Soak & { write: boolean }) | undefined {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '60' },
        rate: { type: 'string', default: '200' },
        workers: { type: 'string' },
        write: { type: 'boolean', default: false },
      },
    })
    const [minutes, rate, workers] = [values.minutes, values.rate, values.workers ?? '1'].map(Number)
    if (!(Number(minutes) > 0) || !(Number(rate) > 0) || !Number.isInteger(workers)) throw new Error('not a number')
    return {
      minutes: Number(minutes),
      rate: Number(rate),
      workers: values.workers === undefined ? undefined : Number(workers),
      write: values.write,
    }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    return undefined
  }
}

const words = readWords()
if (words === undefined) process.exitCode = 2
else {
  await run('bash', [join(root, 'bench', 'install.sh')])
  if (clientLanguage !== 'C') throw new Error('the load needs a C compiler and OpenSSL (Debian: gcc, libssl-dev)')
  const work = join(root, 'bench', 'work')
  mkdirSync(work, { recursive: true })
  const machine = await describeMachine(work)
  const samples = await alone(work, console.error, () => soak(words, work))
  const summary = summarize(samples)
  const text = soakText(machine, words, samples, summary)
  console.log(text)
  if (words.write) writeFileSync(join(root, 'bench', 'soak.md'), text)
  if (!summary.flat) process.exitCode = 1
}
