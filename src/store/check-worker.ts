import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { checkBodies, type Place } from './check-bodies.ts'
import type { Answer, Order, Start } from './check-words.ts'
import { checkHere } from './check.ts'

const port = parentPort
if (port === null) throw new Error('this file is the inside of a worker thread')
const { folder, user, what, from, share, suspects, rate } = workerData as Start

/** It tells how far it is each time that it has read so much (octets), and then rests where it is to be slow. */
const often = 1 << 20

const tell = (answer: Answer): void => port.postMessage(answer)
const leaving = new AbortController()
let waiting: PromiseWithResolvers<void> | undefined
let since = 0
let due = performance.now()

port.on('message', (order: Order) => {
  if (order === 'wait') waiting ??= Promise.withResolvers<void>()
  else {
    if (order === 'leave off') leaving.abort()
    waiting?.resolve()
    waiting = undefined
  }
})

/** So many octets more were read. */
function onPassed(octets: number, at?: Place): Promise<void> | undefined {
  since += octets
  if (since < often) return undefined
  const passed = since
  since = 0
  tell({ passed, at: at && { segment: at.segment, start: at.start } })
  return rest(passed)
}

async function rest(passed: number): Promise<void> {
  if (rate !== undefined) {
    // What was not used for a while is not made up for.
    due = Math.max(due, performance.now() - 1000) + (passed / rate) * 1000
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
  }
  // Also so that orders are heard.
  else await new Promise((resolve) => setImmediate(resolve))
  await waiting?.promise
}

try {
  // On Linux this is the thread's own priority; elsewhere it is the process's, and must not be touched.
  if (rate !== undefined && process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)
} catch {
  // Then it runs like everything else.
}

try {
  const { signal } = leaving
  const onSuspect = (suspect: Hash): void => tell({ suspect })
  const options = { from, share, suspects, signal, onPassed, onSuspect }
  if (what === 'bodies') tell({ bodies: await checkBodies(folder, user, options) })
  else tell({ report: await checkHere(folder, user, options) })
} catch (error) {
  const why = error instanceof Error ? error.message : String(error)
  tell({ failed: error instanceof StoreError ? { why, code: error.code, retry: error.retry } : { why } })
} finally {
  port.close()
}
