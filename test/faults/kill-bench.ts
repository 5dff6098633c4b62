import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { DiskStore } from '../../src/store/disk.ts'
import { Random } from '../corpus/generate-random.ts'

const program = join(import.meta.dirname, '../../bin/postino.js')

/** The seed of all kill tests; another one by POSTINO_SEED. */
export const seed: number = Number(process.env['POSTINO_SEED'] ?? 1939)

export interface Ended {
  readonly code: number | null
  readonly killed: boolean
  readonly stdout: string
  readonly stderr: string
  /** How long it ran (milliseconds). */
  readonly took: number
}

/** Starts the real program. */
export function start(args: readonly string[], input?: string): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  // A child that is killed early does not read this.
  child.stdin?.on('error', () => undefined).end(input)
  return child
}

/** When to kill a process: after so many milliseconds, or when this calls what it is given; it may give what stops it. */
export type When = number | ((kill: () => void) => (() => void) | void)

/** Runs the real program; where `killAfter` is given, until then at most: then it is killed by SIGKILL. */
export function run(args: readonly string[], options: { input?: string; killAfter?: When } = {}): Promise<Ended> {
  const began = performance.now()
  const child = start(args, options.input)
  const late = killWhen(child, options.killAfter)
  return ended(child, began).finally(late)
}

/** Kills it by SIGKILL when it is time; gives what forgets that. */
export function killWhen(child: ChildProcess, when: When | undefined): () => void {
  const kill = (): void => void child.kill('SIGKILL')
  if (when === undefined) return () => undefined
  if (typeof when === 'function') return when(kill) ?? (() => undefined)
  const timer = setTimeout(kill, when)
  return () => clearTimeout(timer)
}

/** Kills a little later (milliseconds), or at once. */
export function soon(kill: () => void, after: number): void {
  if (after < 1) kill()
  else setTimeout(kill, after)
}

/** Kills when so many files are there. */
export function whenFiles(folder: string, count: number): When {
  return whenSeen(() => existsSync(folder) && readdirSync(folder).length >= count)
}

/** Kills when so many octets are in all the files below a folder. */
export function whenOctets(folder: string, octets: number): When {
  return whenSeen(() => octetsIn(folder) >= octets)
}

function whenSeen(holds: () => boolean): (kill: () => void) => () => void {
  return (kill) => {
    const timer = setInterval(() => {
      if (!holds()) return
      clearInterval(timer)
      kill()
    }, 1)
    return () => clearInterval(timer)
  }
}

function octetsIn(folder: string): number {
  if (!existsSync(folder)) return 0
  const sizes = readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) =>
    // It may have got another name since.
    entry.isFile() ? (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0) : 0,
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

function ended(child: ChildProcess, began: number): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (octets: Buffer) => (stdout += octets.toString()))
  child.stderr?.on('data', (octets: Buffer) => (stderr += octets.toString()))
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, killed: signal === 'SIGKILL', stdout, stderr, took: performance.now() - began })
    })
  })
}

/** The same where it must end well. */
export async function mustRun(args: readonly string[], input?: string): Promise<Ended> {
  const result = await run(args, input === undefined ? {} : { input })
  assert.equal(result.code, 0, `postino ${args.join(' ')}: ${result.stderr}`)
  return result
}

/** A run that nobody disturbs: when its work began, and when it ended, in milliseconds from its start. */
export interface Undisturbed {
  readonly began: number
  readonly ended: number
}

/** When to kill: mostly while the work is done, but now and then at any moment of the run. */
export function killTime({ began, ended }: Undisturbed, moment: number, number: number): number {
  return number % 4 === 0 ? moment * ended : began + moment * (ended - began)
}

/**
 * Does so many trials, two at a time, each with a moment between 0 and 1 of its own; and more, up to five times as many, until one was
 * `underWay`: killed at its work.
 */
export async function trials(
  count: number,
  salt: number,
  trial: (moment: number, number: number, lane: number) => Promise<void>,
  underWay: () => boolean = () => true,
): Promise<void> {
  const random = new Random(seed * 10 + salt)
  const most = 5 * count
  const moments = Array.from({ length: most }, () => random.fraction())
  let next = 0
  const lane = async (_: unknown, place: number): Promise<void> => {
    while (next < count || (next < most && !underWay())) {
      const number = next++
      const moment = moments[number] ?? 0
      try {
        await trial(moment, number, place)
      } catch (error) {
        next = most
        throw new Error(`trial ${number} of seed ${seed}, killed at ${moment.toFixed(3)} of a run`, { cause: error })
      }
    }
  }
  // The folder is removed after this, so both must have ended.
  for (const result of await Promise.allSettled(Array.from({ length: 2 }, lane))) {
    if (result.status === 'rejected') throw result.reason
  }
  assert.ok(underWay(), `none of ${next} processes was killed at its work`)
}

/** What mario's folder of data holds, verified: `check` must find nothing. */
export async function keptIn(data: string): Promise<string[]> {
  const store = new DiskStore(data)
  try {
    const { problems } = await store.check('mario')
    assert.deepEqual(problems, [])
    // The check has read the octets of each message and compared them with this hash.
    const mail = await store.open('mario')
    return await mail.read((view) => view.messages().map(({ hash }) => hash))
  } finally {
    await store.close()
  }
}

/** Nothing is kept more often than it is there. */
export function assertNoDoubles(kept: readonly string[], there: readonly string[]): void {
  const left = [...there]
  for (const hash of kept) {
    const place = left.indexOf(hash)
    assert.notEqual(place, -1, 'a message is kept twice, or was never there')
    left.splice(place, 1)
  }
}

/** A folder of the tests' own, gone when the work is done. */
export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-kill-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Some mail, small and large, some of it equal. `scale`: how large. */
export function makeMail(count: number, scale: number): Buffer[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, n) => {
    const size = n % 97 === 50 ? 1_300_000 : scale * (n % 11 === 5 ? 60_000 : random.between(100, 4000))
    const name = n % 10 === 9 ? 'the same again' : `message ${n}`
    return Buffer.from(`Subject: ${name}\r\n\r\n${`${name}.\r\n`.repeat(Math.ceil((n % 10 === 9 ? 300 : size) / 20))}`)
  })
}
