import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What a finished process left. */
export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** From just before the start to the end. */
  readonly seconds: number
}

export interface RunOptions {
  readonly input?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Ends the program when it is aborted. */
  readonly signal?: AbortSignal
  /** Exit codes that mean success. Default: 0. */
  readonly fine?: readonly number[]
}

/** Runs a program to its end; its standard input is `input`, or empty. */
export async function run(command: string, words: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const started = performance.now()
  const child = spawn(command, words, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: 'pipe',
    ...(options.signal && { signal: options.signal }),
  })
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // A program that does not read its input may be gone before it is written.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const code = await ended
  return { code, stdout, stderr, seconds: (performance.now() - started) / 1000 }
}

/** Runs a program that must succeed; otherwise rejects with what it said. */
export async function runWell(command: string, words: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const finished = await run(command, words, options)
  if (!(options.fine ?? [0]).includes(finished.code)) {
    throw new Error(
      `${command} ended with ${finished.code}: ${(finished.stderr || finished.stdout).trim().slice(-2000)}`,
    )
  }
  return finished
}

/** The full path of a program, or undefined where it is not installed. Looks where daemons live, too. */
export function whereIs(name: string): string | undefined {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}

/** Whether a peer is installed: `if (!available('mpop')) return t.skip('mpop is not installed')`. */
export function available(name: string): boolean {
  return whereIs(name) !== undefined
}
