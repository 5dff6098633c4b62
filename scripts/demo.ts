// Shows what Postino does, with the real command line, on a remote server and a data folder that are thrown away at the end.
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { demoCorpus, generateMessages, rareIndex } from '../test/corpus/generate.ts'
import { compareMaildrop, type MaildropAddress } from './demo-compare.ts'
import { Postino, Stopped, tellHowToRead } from './demo-postino.ts'
import type { RemoteReady } from './demo-remote.ts'
import { explain, megabytes, say, showCommand } from './demo-terminal.ts'

interface Options {
  readonly once: boolean
  /** What the line to the remote server carries, octets a second; 0: all that it can. */
  readonly rate: number
}

const address = 'mario@example.it'
/** 50 Mbit/s, octets a second. */
const homeLine = 6_250_000

/** Runs the demo in a folder of its own; gives the exit code. */
async function demo(data: string, options: Options, stop: AbortSignal): Promise<number> {
  say('The Postino demo. What it makes is in a temporary folder, and gone when it ends.')
  const provider = { login: address, password: newPassword() }
  const { child, ready } = await startRemote(provider, options.rate)
  try {
    explain(
      `A POP3 server stands in for your provider, on 127.0.0.1 port ${ready.port}.`,
      `It has ${ready.messages} messages, ${megabytes(ready.octets)}: plain, HTML, Italian, Japanese, attachments,`,
      'one of 20 MB, and some that are broken.',
    )
    if (options.rate > 0) say('Its line is as slow as one at home, 50 Mbit/s (with --fast it is not).')
    return await story(data, options, stop, { ...provider, port: ready.port })
  } finally {
    child.disconnect()
    if (child.exitCode === null) await once(child, 'exit')
  }
}

async function story(
  data: string,
  options: Options,
  stop: AbortSignal,
  provider: { readonly password: string; readonly port: number },
): Promise<number> {
  const postino = new Postino(data, stop)
  const home = { user: 'mario', password: newPassword() }
  const server = `127.0.0.1:${provider.port}`
  explain()
  showCommand(`export POSTINO_DATA=${data}`)
  await postino.run(['user', 'add', home.user, '--password-stdin'], home.password)
  await postino.run(
    ['account', 'add', address, '--server', server, '--tls', 'none', '--password-stdin'],
    provider.password,
  )
  explain('Everything comes home, safely on the disk before the server hears that it is.')
  await postino.run(['fetch'])
  explain('Once more: what is here already is not fetched again.')
  await postino.run(['fetch'])
  explain('Accents do not matter, and a Japanese word is found inside a sentence.')
  await postino.run(['search', 'universita', '--limit', '3'])
  await postino.run(['search', '新幹線', '--limit', '3'])
  await postino.run(['list', '--limit', '5'])
  explain('And out again, to every mail program, by POP3.')
  const serving = await postino.serve()
  tellHowToRead(serving, home, [
    `curl pop3://${home.user}:${home.password}@127.0.0.1:${serving.port}/${rareIndex(demoCorpus.count) + 1}`,
    `POSTINO_DATA=${data} npx postino list`,
  ])
  let code = 0
  if (options.once) {
    code = await readBack({ port: serving.port, ...home }).finally(() => serving.stop())
  } else say('Ctrl-C ends it.')
  await serving.ended
  if (!options.once) say()
  say('`postino serve` has ended; the temporary folder is removed.')
  return code
}

/** Reads all mail from `serve` and says whether it is what the provider had. Gives the exit code. */
async function readBack(at: MaildropAddress): Promise<number> {
  const { messages, octets, faults } = await compareMaildrop(at, generateMessages(demoCorpus))
  for (const fault of faults) console.error(`demo: ${fault}`)
  if (faults.length > 0) return 1
  say(`Read back by POP3: all ${messages} messages, ${megabytes(octets)}, are byte for byte what the provider had.`)
  return 0
}

function newPassword(): string {
  return randomBytes(6).toString('hex')
}

async function startRemote(
  { login, password }: { readonly login: string; readonly password: string },
  rate: number,
): Promise<{ child: ChildProcess; ready: RemoteReady }> {
  const child = fork(fileURLToPath(new URL('demo-remote.ts', import.meta.url)), {
    env: { ...process.env, DEMO_LOGIN: login, DEMO_PASSWORD: password, DEMO_OCTETS_PER_SECOND: String(rate) },
  })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the remote server did not start')))
  const [ready] = (await Promise.race([once(child, 'message'), ended])) as [RemoteReady]
  ended.catch(() => undefined)
  return { child, ready }
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({ options: { once: { type: 'boolean' }, fast: { type: 'boolean' } } })
    // The slow line is there to be watched.
    const slow = process.stderr.isTTY && values.fast !== true
    return { once: values.once === true, rate: slow ? homeLine : 0 }
  } catch (error) {
    console.error(`demo: ${(error as Error).message}`)
    console.error('npm run demo [-- --once --fast]: --once ends without waiting for Ctrl-C, --fast has no slow line')
    return undefined
  }
}

async function main(): Promise<number> {
  const options = readOptions()
  if (options === undefined) return 2
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  // Nobody reads any more: `npm run demo | head`.
  process.stdout.on('error', () => stop.abort())
  const folder = await mkdtemp(join(tmpdir(), 'postino-demo-'))
  try {
    return await demo(folder, options, stop.signal)
  } catch (error) {
    if (error instanceof Stopped) return 130
    console.error(`demo: ${(error as Error).message}`)
    return 1
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

process.exit(await main())
