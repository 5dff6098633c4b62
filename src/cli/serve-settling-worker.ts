import { constants, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import { DiskStore } from '../store/disk.ts'
import { restAfter } from './serve-settling-load.ts'
import type { Answer, Order, Start } from './serve-settling-words.ts'

const port = parentPort
if (port === null) throw new Error('this file is the inside of a worker thread')
const { data, user, all, share: first } = workerData as Start

try {
  // On Linux this is the thread's own priority; elsewhere it is the process's, and must not be touched.
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)
} catch {
  // Then it runs like everything else.
}

/** Rests no longer than this at a time (milliseconds), so that a larger share counts soon. */
const longestRest = 1000

let share = first
const stop = new AbortController()
port.on('message', (order: Order) => {
  if (order === 'stop') stop.abort()
  else share = order.share
})

let since = performance.now()
async function pace(): Promise<void> {
  const worked = performance.now() - since
  for (let rested = 0; ;) {
    const left = Math.min(restAfter(worked, share) - rested, longestRest)
    if (left <= 0) break
    await sleep(left, undefined, { signal: stop.signal }).catch(() => undefined)
    if (stop.signal.aborted) break
    rested += left
  }
  since = performance.now()
}

async function settle(): Promise<Answer> {
  const store = new DiskStore(data)
  try {
    return { report: await store.settle(user, { all, pace, signal: stop.signal }) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { failed: error instanceof StoreError ? { why, code: error.code, retry: error.retry } : { why } }
  } finally {
    await store.close()
  }
}

const answer = await settle()
port.postMessage(answer)
port.close()
