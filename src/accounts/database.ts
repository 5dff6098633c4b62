import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { diskError } from '../disk-errors.ts'
import { PostinoError, StoreError } from '../errors.ts'

/** How long one call may block this process while another process writes, milliseconds. */
const blocking = 50
/** How long a writer waits in all, milliseconds. */
const patience = 10_000

/** Opens (or makes) a SQLite file. `timeout`: how long one call may block while another process holds it, milliseconds. */
export function openDatabase(file: string, timeout: number = blocking): DatabaseSync {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    makePrivate(file)
    return new DatabaseSync(file, { timeout })
  } catch (error) {
    throw storeErrorOf(error, file)
  }
}

/**
 * Makes an empty file that only its owner may read, where there is none; SQLite gives its other files the same mode. One that
 * is there must not be opened here: closing it again would take away the locks that this process has on it.
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Runs `work`, and names `file` in whatever goes wrong. */
export function naming<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw storeErrorOf(error, file)
  }
}

/** Runs `work` again until no other process is in its way, without holding up this one; at most some seconds. */
export async function whenFree<T>(file: string, work: () => T): Promise<T> {
  const until = performance.now() + patience
  for (let pause = 10; ; pause = Math.min(pause * 2, 200)) {
    try {
      return naming(file, work)
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'busy') || performance.now() > until) throw error
      await sleep(pause)
    }
  }
}

/** A StoreError that names the file and what to do, for an error of SQLite or of the file system; any other as it is. */
export function storeErrorOf(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || error instanceof PostinoError) return error
  const options = { cause: error }
  const { code, errcode } = error as Error & { code?: unknown; errcode?: number }
  if (code === 'EEXIST' || code === 'ENOTDIR')
    return new StoreError('io', `${dirname(file)} is not a folder; name another with --data`, options)
  // https://sqlite.org/rescode.html: 14 is SQLITE_CANTOPEN.
  if (errcode === 14)
    return new StoreError(
      'io',
      `${file} cannot be opened; see that its folder is there, is yours and can be written to`,
      options,
    )
  if (typeof code !== 'string' && errcode === undefined) return error
  const known = diskError(error, file)
  if (known.code === 'damaged') return new StoreError('damaged', `${known.message}; bring it back from a copy`, options)
  return known
}
