import { spawn } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Directory } from '../src/accounts/directory.ts'
import { runWell } from '../test/peers/run.ts'
import type { Finished } from '../test/peers/run.ts'
import { root } from './harness.ts'
import { peakMemory } from './processes.ts'

/** What a user runs as `postino`. */
export const postinoProgram: string = join(root, 'bin', 'postino.js')

/** Runs Postino on a data folder to its end, as a user would: one whole process. */
export function postino(
  data: string,
  words: readonly string[],
  options: { readonly input?: string; readonly trust?: string } = {},
): Promise<Finished> {
  return runWell(process.execPath, [postinoProgram, '--data', data, ...words], {
    ...(options.input !== undefined && { input: options.input }),
    // Postino verifies certificates always; this makes it trust the peer's.
    ...(options.trust !== undefined && { env: { NODE_EXTRA_CA_CERTS: options.trust } }),
  })
}

/** A remote account in a new data folder. */
export async function addAccount(
  data: string,
  server: {
    readonly port: number
    readonly tls: 'implicit' | 'none'
    /** POP3 unless said. */
    readonly protocol?: 'pop3' | 'imap'
    readonly login: string
    readonly password: string
  },
  address = 'u@example.test',
): Promise<void> {
  const { port, tls, protocol = 'pop3' } = server
  const where = ['--server', `127.0.0.1:${port}`, '--tls', tls, '--protocol', protocol]
  const who = ['--login', server.login, '--password-stdin']
  const words = ['account', 'add', address, ...where, ...who, '--leave', 'forever', '--no-check']
  await postino(data, words, { input: `${server.password}\n` })
}

/** What `postino fetch --json` says of one account. */
export interface FetchLine {
  readonly new: number
  readonly skipped: number
  readonly failed: number
  readonly octets: number
  readonly seconds: number
}

/** Fetches, and says what came, how long it says it took, and how long the whole process took. */
export async function postinoFetch(data: string, trust?: string): Promise<FetchLine & { readonly process: number }> {
  const finished = await postino(data, ['fetch', '--json'], trust === undefined ? {} : { trust })
  const line = JSON.parse(finished.stdout.trim().split('\n').at(-1) ?? '') as FetchLine
  if (line.failed > 0)
    throw new Error(`postino fetch: ${line.failed} messages failed: ${finished.stdout}${finished.stderr}`)
  return { ...line, process: finished.seconds }
}

/** A user whose mail is what a Maildir holds. */
export async function addUser(data: string, user: string, password: string, maildir: string): Promise<void> {
  await postino(data, ['user', 'add', user, '--password-stdin'], { input: `${password}\n` })
  await postino(data, ['import', maildir, '--user', user])
  // Brings the search index up to date, as it is where a server has run for a while.
  await postino(data, ['search', 'nothing', '--user', user])
}

/**
 * As `addUser`, for many users who all have the same mail. Only the first one's is imported, for a user's folder is all there is of
 * their mail, and all have the one stored password.
 */
export async function addUsers(
  data: string,
  users: readonly string[],
  password: string,
  maildir: string,
): Promise<void> {
  const [first = '', ...others] = users
  await addUser(data, first, password, maildir)
  const directory = await Directory.open(data)
  try {
    const credential = directory.find(first)?.password
    for (const user of others) {
      await directory.addUser(user, credential)
      await cp(join(data, 'users', first), join(data, 'users', user), { recursive: true })
    }
  } finally {
    directory.close()
  }
}

/** Whether this Postino can serve with several processes. */
export async function hasWorkers(): Promise<boolean> {
  const { stdout } = await runWell(process.execPath, [postinoProgram, 'serve', '--help'])
  return stdout.includes('--workers')
}

/** A `postino serve` that runs. */
export interface Serving {
  readonly pid: number
  readonly pop3: number
  readonly pop3s: number
  stop(): Promise<void>
}

export interface ServeOptions {
  /** In how many processes; default: as `serve` does. */
  readonly workers?: number
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `postino serve` on free ports and waits until it is ready. */
export async function servePostino(data: string, { workers, env }: ServeOptions = {}): Promise<Serving> {
  const listen = ['--listen', 'pop3=127.0.0.1:0', '--listen', 'pop3s=127.0.0.1:0']
  const many = workers === undefined ? [] : ['--workers', String(workers)]
  const child = spawn(process.execPath, [postinoProgram, '--data', data, 'serve', ...listen, ...many], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const killed = (): void => void child.kill('SIGTERM')
  process.once('exit', killed)
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2000)))
  const ports = new Map<string, number>()
  for await (const line of createInterface({ input: child.stdout })) {
    const [, service, port] = /^listening (\S+) \S*:(\d+)$/.exec(line) ?? []
    if (service !== undefined) ports.set(service, Number(port))
    if (line === 'ready') break
  }
  const [pop3, pop3s] = [ports.get('pop3'), ports.get('pop3s')]
  if (pop3 === undefined || pop3s === undefined) {
    child.kill('SIGTERM')
    throw new Error(`postino serve did not become ready: ${complaint}`)
  }
  child.stdout.resume()
  return {
    pid: child.pid as number,
    pop3,
    pop3s,
    stop: async () => {
      process.off('exit', killed)
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Runs a program to its end and says the most memory that it had resident, looked up every 2 ms. */
export async function peakMemoryOf(
  command: string,
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<number> {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  let peak = 0
  const timer = setInterval(() => (peak = Math.max(peak, peakMemory(child.pid ?? 0))), 2)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  clearInterval(timer)
  if (code !== 0) throw new Error(`${command} ${words.join(' ')} ended with ${code}: ${said.slice(-2000)}`)
  return peak
}
