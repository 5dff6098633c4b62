import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import { naming, openDatabase } from './database.ts'

/** A lock between processes. The system takes it away when the process dies, however it dies. */
export interface Lock {
  release(): void
}

/**
 * Takes the lock that the file stands for; waits up to `patience` milliseconds, then gives undefined. Rejects with the reason
 * of `signal` when that says to stop. The file is an empty SQLite database held in an exclusive transaction: the one lock that
 * Node offers on every system.
 */
export async function takeLock(file: string, patience: number = 0, signal?: AbortSignal): Promise<Lock | undefined> {
  const database = openDatabase(file, 0)
  const until = performance.now() + patience
  try {
    for (;;) {
      if (tryLock(database, file)) return { release: () => database.close() }
      const left = until - performance.now()
      if (left <= 0) break
      signal?.throwIfAborted()
      await sleep(Math.min(left, 100))
    }
  } catch (error) {
    database.close()
    throw error
  }
  database.close()
  return undefined
}

function tryLock(database: DatabaseSync, file: string): boolean {
  try {
    naming(file, () => database.exec('begin exclusive'))
    return true
  } catch (error) {
    if (error instanceof StoreError && error.code === 'busy') return false
    throw error
  }
}
