import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { createHmac } from 'node:crypto'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { SourceError } from './contents.ts'
import type { SourceFile } from './pieces.ts'

export const directoryFile = 'postino.sqlite'
export const keyFile = 'secret.key'

/** What is of one process or one moment, or is looked at by itself. */
const passedOver = [
  /^(?:users|locks|leases\.sqlite|failures\.sqlite|\..*)$/,
  /-(?:wal|shm|journal)$/,
  // What a key is called until it is whole, and where a repair works.
  /^secret\.key\.[0-9a-f]{12}$|^repair-\w{6}$/,
]

/** The files of a data folder beside the mail: users and accounts, keys, configuration, certificates, and what else lies there. */
export function dataFiles(data: string): string[] {
  return pathsBelow(data, '')
}

/** How such a file is read: of a database, a copy as of one moment is made in `work`. Throws SourceError. */
export async function sourceFile(data: string, path: string, work: string): Promise<SourceFile> {
  const place = join(data, path)
  const from = path.endsWith('.sqlite') ? await copyOf(place, join(work, path.replaceAll('/', '-'))) : place
  const size = statSync(from, { throwIfNoEntry: false })?.size
  if (size === undefined) throw new SourceError('missing', `${place} is not there any more`)
  return { path, from, size, growing: false }
}

function pathsBelow(data: string, folder: string): string[] {
  return readdirSync(join(data, folder))
    .toSorted()
    .flatMap((name) => {
      const path = folder === '' ? name : `${folder}/${name}`
      const found = passedOver.some((form) => form.test(name))
        ? undefined
        : statSync(join(data, path), { throwIfNoEntry: false })
      return found?.isDirectory() === true ? pathsBelow(data, path) : found?.isFile() === true ? [path] : []
    })
}

/** Copies a database that others may be writing to; gives the copy. */
async function copyOf(path: string, copy: string): Promise<string> {
  try {
    const database = new DatabaseSync(path, { timeout: 5000 })
    try {
      await backup(database, copy)
    } finally {
      database.close()
    }
    const fault = integrityFault(copy)
    if (fault !== undefined) throw new SourceError('damaged', `${path} is damaged (${fault})`)
    return copy
  } catch (error) {
    if (error instanceof StoreError) throw error
    const { code, message } = diskError(error, path)
    // Where there is no room for the copy, no other file can be had either.
    throw code === 'disk-full' ? diskError(error, copy) : new SourceError(code, message, { cause: error })
  }
}

/** What is wrong with a database that nobody else uses; undefined: nothing. */
export function integrityFault(path: string): string | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    const found = database.prepare('pragma integrity_check(1)').get()?.['integrity_check']
    return found === 'ok' ? undefined : String(found)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    database?.close()
  }
}

/** Names a data folder, by the copy of its directory; says nothing of the secret in it. */
export function sourceOf(directory: string): string {
  const database = new DatabaseSync(directory)
  try {
    const pepper = database.prepare(`select value from keys where name = 'pepper'`).get()?.['value']
    return pepper instanceof Uint8Array ? createHmac('sha256', pepper).update('backup').digest('hex').slice(0, 16) : ''
  } catch {
    // Written before there was one.
    return ''
  } finally {
    database.close()
  }
}
