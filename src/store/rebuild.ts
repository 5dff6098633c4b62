import { renameSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { openDatabase } from './index-file.ts'
import { indexPath, segmentPath, sizeOf } from './layout.ts'
import { replay, type Damage } from './replay.ts'
import { schema } from './schema.ts'
import { recordHead, recordSeal, signature, type Seal } from './segment.ts'
import type { SegmentFiles } from './segment-files.ts'
import { SqliteIndex } from './sqlite-index.ts'

export interface RebuildReport {
  readonly messages: number
  /** What the segments could not give back. */
  readonly damage: readonly Damage[]
  /** Where an index that could not be read was put aside. */
  readonly setAside: string | undefined
}

/** Makes `index.sqlite` again from the segments, in one transaction: until it is done, everybody sees the old one. */
export async function rebuildIndex(
  folder: string,
  user: string,
  files: SegmentFiles,
  options: { onProgress?: (octets: number, of: number) => void },
): Promise<RebuildReport> {
  const path = indexPath(folder)
  if (sizeOf(path) === undefined && sizeOf(segmentPath(folder, 1)) === undefined) {
    throw new StoreError('missing', `${folder} holds no mail: neither an index nor segments`)
  }
  const { database, setAside } = openOrReplace(path, user)
  const damage: Damage[] = []
  try {
    database.exec('begin immediate')
    for (const { name } of database
      .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
      .all()) {
      database.exec(`drop table "${String(name)}"`)
    }
    database.exec(schema)
    const index = new SqliteIndex(database)
    index.attend()
    index.seal = (await sealOf(files, folder)) ?? index.seal
    const of = totalSize(folder)
    let passed = 0
    await replay(index, files, folder, {
      lenient: (found) => damage.push(found),
      onMet: (met) => {
        if (met.kind !== 'torn') passed += met.end - met.at
        options.onProgress?.(passed, of)
      },
    })
    index.keepState()
    const messages = index.mailboxes().reduce((sum, mailbox) => sum + mailbox.messages, 0)
    database.exec('commit')
    return { messages, damage, setAside }
  } catch (error) {
    throw diskError(error, path)
  } finally {
    database.close()
  }
}

function openOrReplace(path: string, user: string): { database: DatabaseSync; setAside: string | undefined } {
  try {
    const database = openDatabase(path, user)
    if (isWhole(database)) return { database, setAside: undefined }
    database.close()
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'damaged') throw error
  }
  let setAside = `${path}.damaged`
  for (let n = 2; sizeOf(setAside) !== undefined; n++) setAside = `${path}.damaged-${n}`
  try {
    for (const end of ['', '-wal', '-shm']) if (sizeOf(path + end) !== undefined) renameSync(path + end, setAside + end)
  } catch (error) {
    throw diskError(error, path)
  }
  return { database: openDatabase(path, user), setAside }
}

/** Whether all pages can be read: not even dropping a table is possible where they cannot. */
function isWhole(database: DatabaseSync): boolean {
  try {
    return database.prepare('pragma integrity_check(1)').get()?.['integrity_check'] === 'ok'
  } catch (error) {
    if (diskError(error, '').code === 'damaged') return false
    throw error
  }
}

/** The seal of the first record that can be found. */
async function sealOf(files: SegmentFiles, folder: string): Promise<Seal | undefined> {
  for (let segment = 1; ; segment++) {
    const path = segmentPath(folder, segment)
    const size = sizeOf(path)
    if (size === undefined) return undefined
    const start = await files.readAfresh(path, 0, Math.min(size, 1 << 20))
    const found = start.indexOf(signature) - 8
    if (found >= 0 && found + recordHead <= start.length) return recordSeal(start.subarray(found))
  }
}

/** Octets of all segments. */
export function totalSize(folder: string): number {
  let total = 0
  for (let segment = 1; ; segment++) {
    const size = sizeOf(segmentPath(folder, segment))
    if (size === undefined) return total
    total += size
  }
}
