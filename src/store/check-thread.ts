import { stat } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { BodiesReport, Place } from './check-bodies.ts'
import type { Answer, Order, Start } from './check-words.ts'
import type { CheckReport } from './check.ts'

/** A check in a thread of its own. */
export interface CheckThread<T> {
  /** What came of it. Rejects with StoreError; with any error where it was told to leave off. */
  readonly done: Promise<T>
  /** Waits, or goes on. */
  order(order: 'wait' | 'go on'): void
  /** Ends it; what was checked until then was told. */
  leaveOff(): Promise<void>
}

interface Options extends Pick<Start, 'from' | 'share' | 'suspects' | 'rate'> {
  /** So many octets more are checked, and everything up to there. */
  readonly onPassed?: (octets: number, at: Place | undefined) => void
  readonly onSuspect?: (hash: Hash) => void
}

/** Checks everything, as `checkMail` does. */
export function startCheck(folder: string, user: string, options: Options = {}): CheckThread<CheckReport> {
  return start({ ...options, folder, user, what: 'all' }, options, (answer) =>
    'report' in answer ? answer.report : undefined,
  )
}

/** Checks the bodies only. */
export function startBodies(folder: string, user: string, options: Options = {}): CheckThread<BodiesReport> {
  return start({ ...options, folder, user, what: 'bodies' }, options, (answer) =>
    'bodies' in answer ? answer.bodies : undefined,
  )
}

function start<T>(
  words: Start,
  { onPassed, onSuspect }: Options,
  pick: (answer: Answer) => T | undefined,
): CheckThread<T> {
  // The process's file threads are started by whoever needs them first, and keep that thread's priority for good: let it be ours.
  stat('.', () => undefined)
  const { folder, user, what, from, share, suspects, rate } = words
  const workerData: Start = { folder, user, what, from, share, suspects, rate }
  // Compiled, this file and its worker end in .js.
  const file = import.meta.url.endsWith('.ts') ? './check-worker.ts' : './check-worker.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData, env: environment(), name: 'postino check' })
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  promise.catch(() => undefined)
  worker.on('message', (answer: Answer) => {
    if ('passed' in answer) onPassed?.(answer.passed, answer.at)
    else if ('suspect' in answer) onSuspect?.(answer.suspect)
    else if ('failed' in answer) {
      const { why, code = 'io', retry = false } = answer.failed
      reject(new StoreError(code, why, { retry }))
    } else {
      const found = pick(answer)
      if (found !== undefined) resolve(found)
    }
  })
  worker.on('error', reject)
  const exit = new Promise<void>((ended) => worker.on('exit', () => ended()))
  void exit.then(() => reject(new StoreError('io', `the check of the mail of ${user} has ended`)))
  const send = (order: Order): void => worker.postMessage(order)
  return {
    done: promise,
    order: send,
    async leaveOff() {
      send('leave off')
      await exit
    },
  }
}

/** A thread does not keep compiled code unless it is told where, and compiling takes it longer than to check a hundred megabytes. */
function environment(): NodeJS.ProcessEnv {
  // Node adds its own version to the folder that it is given.
  const folder = getCompileCacheDir()
  return folder === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(folder) }
}
