import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { StoreError } from './errors.ts'

/** What the system or SQLite said when a file of ours could not be read or written, as a StoreError that names the file. */
export function diskError(error: unknown, file: string): StoreError {
  if (error instanceof StoreError) return error
  const cause = error instanceof Error ? error : new Error(String(error))
  const options = { cause }
  switch (isFailedForRoom(cause, file) ? 'full' : kind(cause)) {
    case 'full':
      return new StoreError(
        'disk-full',
        `the disk is full: ${file} could not be written; free some space and try again`,
        options,
      )
    case 'read-only':
      return new StoreError(
        'read-only',
        `${file} cannot be written: the folder is read-only or belongs to somebody else`,
        options,
      )
    case 'missing':
      return new StoreError('missing', `${file} is not there`, options)
    case 'busy':
      return new StoreError('busy', `${file} is held by another process; try again later`, options)
    case 'damaged':
      return new StoreError('damaged', `${file} is damaged (${cause.message})`, options)
    case 'other':
      return new StoreError('io', `${file}: ${cause.message}`, options)
  }
}

/** On a full disk SQLite cannot make its -wal and -shm files, and only says SQLITE_IOERR (10). */
function isFailedForRoom(error: Error & { errcode?: unknown }, file: string): boolean {
  if (typeof error.errcode !== 'number' || (error.errcode & 0xff) !== 10) return false
  try {
    const { bavail, bsize } = statfsSync(dirname(file))
    return bavail * bsize < 1 << 16
  } catch {
    return false
  }
}

type Kind = 'full' | 'read-only' | 'missing' | 'busy' | 'damaged' | 'other'

const systemKinds: Readonly<Record<string, Kind>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  EROFS: 'read-only',
  EACCES: 'read-only',
  EPERM: 'read-only',
  ENOENT: 'missing',
}

/** SQLite's primary result codes (https://sqlite.org/rescode.html). */
const sqliteKinds: Readonly<Record<number, Kind>> = {
  5: 'busy',
  6: 'busy',
  8: 'read-only',
  11: 'damaged',
  13: 'full',
  26: 'damaged',
}

function kind(error: Error & { code?: unknown; errcode?: unknown }): Kind {
  if (typeof error.errcode === 'number') {
    return sqliteKinds[error.errcode & 0xff] ?? 'other'
  }
  return (typeof error.code === 'string' ? systemKinds[error.code] : undefined) ?? 'other'
}

/** Whether SQLite said that another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && kind(error) === 'busy'
}

/** Whether SQLite, or the system, said that there is no room. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && kind(error) === 'full'
}
