import { stat } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import type { SettleReport } from '../store/settle.ts'
import type { Answer, Order, Start } from './serve-settling-words.ts'

/** The settling of one user's mail, in a thread of its own. */
export interface SettlingThread {
  /** What was done, be it all or not. Rejects with StoreError where it went wrong. */
  readonly done: Promise<SettleReport>
  /** From now on it may use this share of one processor. */
  allow(share: number): void
  /** Leaves off at the next safe point. */
  leaveOff(): void
}

/** Starts to settle one user's mail, at the lowest priority. */
export function startSettling(start: Start): SettlingThread {
  // The process's file threads are started by whoever needs them first, and keep that thread's priority for good: let it be ours.
  stat('.', () => undefined)
  // Compiled, this file and its worker end in .js.
  const file = import.meta.url.endsWith('.ts') ? './serve-settling-worker.ts' : './serve-settling-worker.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData: start, name: 'postino settling' })
  const done = new Promise<SettleReport>((resolve, reject) => {
    worker.on('message', ({ report, failed }: Answer) => {
      if (report !== undefined) resolve(report)
      else if (failed !== undefined)
        reject(new StoreError(failed.code ?? 'io', failed.why, { retry: failed.retry ?? false }))
    })
    worker.on('error', reject)
    worker.on('exit', () => reject(new StoreError('io', `the thread that settles the mail of ${start.user} has ended`)))
  })
  const send = (order: Order): void => worker.postMessage(order)
  return { done, allow: (share) => send({ share }), leaveOff: () => send('stop') }
}
