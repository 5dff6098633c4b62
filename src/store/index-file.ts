import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { indexPath, segmentFiles, segmentsFolder, sizeOf } from './layout.ts'
import { migrations, schema, schemaVersion } from './schema.ts'

/** How long opening waits for another process that is opening too (milliseconds). */
const patience = 5000

/**
 * Opens a user's `index.sqlite`, made if the folder is new, and brought up to date if it is old. Throws StoreError: `missing` where there are segments but no index,
 * `newer-schema`, `damaged`, `read-only`, `disk-full`.
 */
export function openIndex(folder: string, user: string): DatabaseSync {
  const path = indexPath(folder)
  if (sizeOf(path) === undefined && hasSegments(folder)) {
    throw new StoreError(
      'missing',
      `${path} is missing; the mail itself is in the segments: run \`postino check --rebuild --user ${user}\``,
    )
  }
  return openDatabase(path, user)
}

function hasSegments(folder: string): boolean {
  return existsSync(segmentsFolder(folder)) && segmentFiles(folder).some((file) => (sizeOf(file.path) ?? 0) > 0)
}

/** The same without looking at the segments. */
export function openDatabase(path: string, user: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: patience })
    if (version(database) > schemaVersion) {
      const found = version(database)
      throw new StoreError(
        'newer-schema',
        `${path} was written by a newer Postino (schema ${found}, this one knows ${schemaVersion}): upgrade Postino`,
      )
    }
    // Law 1: what is committed is on the disk.
    database.exec(
      'pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4000; pragma temp_store = memory',
    )
    if (version(database) < schemaVersion) bringUp(database)
    return database
  } catch (error) {
    database?.close()
    throw indexError(error, path, user)
  }
}

/** What went wrong with a user's index, as a StoreError that says what to do. */
export function indexError(error: unknown, path: string, user: string): StoreError {
  if (error instanceof StoreError) return error
  const found = diskError(error, path)
  if (found.code === 'damaged' || isOfOtherTables(error)) {
    return new StoreError(
      'damaged',
      `${found.message}; run \`postino check --rebuild --user ${user}\` to make it again from the segments`,
      { cause: error },
    )
  }
  // SQLite cannot open even to read where it cannot make the files of its log, and does not say that this is why.
  return found.code === 'io' && !isWritable(dirname(path))
    ? new StoreError('read-only', `${path} cannot be opened: its folder is read-only or belongs to somebody else`, {
        cause: error,
      })
    : found
}

/** SQLITE_ERROR: a table or a column has not the name that it must have; what we ask for is right. */
function isOfOtherTables(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 1
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function version(database: DatabaseSync): number {
  return Number(database.prepare('pragma user_version').get()?.['user_version'])
}

/** Makes the tables, or brings those of an earlier Postino up to date: all of it, or, where this process is stopped, nothing. */
function bringUp(database: DatabaseSync): void {
  database.exec('begin immediate')
  // Another process may have been first.
  if (version(database) === 0) database.exec(schema)
  for (const migration of migrations.slice(version(database) - 1)) database.exec(migration)
  database.exec('commit')
}
