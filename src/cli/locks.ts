import { hash } from 'node:crypto'
import { join } from 'node:path'
import { takeLock } from '../accounts/lock.ts'
import { StoreError } from '../errors.ts'

/** How long to wait for another process that fetches from the same account, milliseconds. */
const patience = 30_000

/** The lock of the one `serve` of a data folder. */
export function serveLockFile(data: string): string {
  return join(data, 'locks', 'serve')
}

/** The lock of whoever fetches from an account: two at once would bring messages twice. */
export function accountLockFile(data: string, address: string): string {
  return join(data, 'locks', `account-${hash('sha256', address).slice(0, 32)}`)
}

/** Runs `work` under a lock; StoreError `busy` with `why` where another process keeps it for too long. */
export async function holding<T>(
  file: string,
  why: string,
  work: () => Promise<T>,
  options: { patience?: number; signal?: AbortSignal } = {},
): Promise<T> {
  const lock = await takeLock(file, options.patience ?? patience, options.signal)
  if (lock === undefined) throw new StoreError('busy', why)
  try {
    return await work()
  } finally {
    lock.release()
  }
}
