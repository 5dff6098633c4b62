import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import { DiskStore } from '../store/disk.ts'
import type { UserMail } from '../store/store.ts'
import type { Answer, Order, Start } from './indexer-words.ts'
import { SearchIndex } from './index-file.ts'

const port = parentPort
if (port === null) throw new Error('this file is the inside of a worker thread')
const { data, user } = workerData as Start

try {
  // On Linux this is the thread's own priority; elsewhere it is the process's, and must not be touched.
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)
} catch {
  // Then it runs like everything else.
}

const tell = (answer: Answer): void => port.postMessage(answer)
const closing = new AbortController()
const store = new DiskStore(data)
let mail: UserMail | undefined
let index: SearchIndex | undefined
let asked = 0
let working: Promise<void> | undefined

/** Catches up until nothing more is asked. */
async function work(): Promise<void> {
  let done = -1
  while (done < asked && !closing.signal.aborted) {
    done = asked
    try {
      mail ??= await store.open(user)
      index ??= SearchIndex.open(store.userFolder(user), mail)
      await index.catchUp({ signal: closing.signal })
      tell({ done, ...(index.remade === undefined ? {} : { remade: index.remade }) })
      index.remade = undefined
    } catch (error) {
      if (closing.signal.aborted) return
      // Whatever it was: the next time, everything is opened again.
      await letGo()
      const why = error instanceof Error ? error.message : String(error)
      tell({ done, failed: error instanceof StoreError ? { why, code: error.code, retry: error.retry } : { why } })
    }
  }
}

async function letGo(): Promise<void> {
  index?.close()
  index = undefined
  await mail?.close()
  mail = undefined
}

function start(): void {
  working ??= work().finally(() => (working = undefined))
}

async function close(): Promise<void> {
  closing.abort()
  await working
  await letGo()
  await store.close()
  port?.close()
}

port.on('message', (order: Order) => {
  if (order === 'close') void close()
  else {
    asked = order
    start()
  }
})
start()
