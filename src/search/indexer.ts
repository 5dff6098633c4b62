import { stat } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import type { Answer, Order, Start } from './indexer-words.ts'

/** Keeps one user's search index up to date, in a thread of its own. */
export interface Indexer {
  /** New mail is there, or mail was moved or removed. Costs nothing; call it as often as you like. */
  nudge(): void
  /** Resolves once everything stored before the call is indexed. Rejects with StoreError where that cannot be done. */
  caughtUp(): Promise<void>
  /** Ends the thread, after what it is writing. What is not indexed then, will be the next time. */
  close(): Promise<void>
}

interface Waiter {
  readonly order: number
  readonly settled: PromiseWithResolvers<void>
}

/**
 * Starts indexing one user's mail, at the lowest priority. `onProblem`: told in words for a person why the index is behind, or
 * that it was made anew; without it, that is a warning of the process.
 */
export function startIndexer(data: string, user: string, options: { onProblem?: (why: string) => void } = {}): Indexer {
  // The process's file threads are started by whoever needs them first, and keep that thread's priority for good: let it be ours.
  stat('.', () => undefined)
  const workerData: Start = { data, user }
  // Compiled, this file and its worker end in .js.
  const file = import.meta.url.endsWith('.ts') ? './indexer-worker.ts' : './indexer-worker.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData, name: 'postino indexer' })
  const problem = (why: string): void => {
    const text = `the search index of ${user}: ${why}`
    if (options.onProblem === undefined) process.emitWarning(text)
    else options.onProblem(text)
  }
  let order = 0
  let waiters: Waiter[] = []
  let ended: Error | undefined
  let closing = false

  const settle = (upTo: number, error: Error | undefined): void => {
    for (const { settled } of waiters.filter((waiter) => waiter.order <= upTo)) {
      if (error === undefined) settled.resolve()
      else settled.reject(error)
    }
    waiters = waiters.filter((waiter) => waiter.order > upTo)
  }
  const send = (message: Order): void => {
    if (ended === undefined) worker.postMessage(message)
  }

  worker.on('message', ({ done, remade, failed }: Answer) => {
    if (remade !== undefined) problem(`${remade}; it was made anew`)
    if (failed === undefined) return settle(done, undefined)
    problem(failed.why)
    settle(done, new StoreError(failed.code ?? 'io', failed.why, { retry: failed.retry ?? false }))
  })
  worker.on('error', (error) => {
    ended = error instanceof Error ? error : new Error(String(error))
    problem(ended.message)
  })
  const exit = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      ended ??= new StoreError('io', `the indexer of ${user} has ended`)
      settle(Infinity, ended)
      resolve()
    })
  })

  return {
    nudge() {
      if (!closing) send(++order)
    },
    caughtUp() {
      if (closing || ended !== undefined)
        return Promise.reject(ended ?? new StoreError('io', `the indexer of ${user} is closed`))
      const settled = Promise.withResolvers<void>()
      waiters.push({ order: ++order, settled })
      send(order)
      return settled.promise
    },
    async close() {
      closing = true
      send('close')
      await exit
    },
  }
}
