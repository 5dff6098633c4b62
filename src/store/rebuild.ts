import { renameSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { checkJournal } from './check-journal.ts'
import { problemOf } from './check-problems.ts'
import type { MessageId } from '../ids.ts'
import { DiskMail } from './disk-mail.ts'
import { openDatabase } from './index-file.ts'
import { countingFiles, indexPath, segmentFiles, segmentsFolder, sizeOf, syncFolder } from './layout.ts'
import { anySignature, recordHead, recordSeal, type Seal } from './record-frame.ts'
import { repairMail } from './repair.ts'
import { putInPlace, replayAll } from './replay-all.ts'
import type { Damage } from './replay.ts'
import { schema } from './schema.ts'
import type { SegmentFiles } from './segment-files.ts'
import { SqliteIndex } from './sqlite-index.ts'

export interface RebuildReport {
  readonly messages: number
  /** What the segments could not give back. */
  readonly damage: readonly Damage[]
  /** Where an index that could not be read was put aside. */
  readonly setAside: string | undefined
  /** Where there is damage, and the old index could be asked: what it knew, and was written into the segments again before. */
  readonly rescue?: Rescue
  /** What was done beside, for a person. */
  readonly notes?: readonly string[]
}

/** What only an index knew of. */
export interface Rescue {
  /** So many messages were written into the segments again. */
  readonly messages: number
  /** These are lost, and why. */
  readonly lost: readonly { readonly message: MessageId; readonly why: string }[]
}

/**
 * Makes `index.sqlite` again from the segments, in one transaction: until it is done, everybody sees the old one. What of the segments is
 * damaged, and the old index can still tell, is written into them again before.
 */
export async function rebuildIndex(
  folder: string,
  user: string,
  files: SegmentFiles,
  options: { onProgress?: (octets: number, of: number) => void },
): Promise<RebuildReport> {
  const path = indexPath(folder)
  if (sizeOf(path) === undefined && filesOf(folder).length === 0)
    throw new StoreError('missing', `${folder} holds no mail: neither an index nor segments`)
  files.forget(folder)
  const seal = await sealOf(files, folder)
  const notes = seal === undefined ? [] : await putInPlace(folder, files, seal)
  const passedOver = passedOverIn(folder)
  const rescued = await rescue(folder, user, files, passedOver)
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
    index.seal = seal ?? index.seal
    const of = totalSize(folder)
    let passed = 0
    await replayAll(index, files, folder, {
      lenient: (found) => damage.push(found),
      onMet: (met) => {
        if (met.kind !== 'torn') passed += met.end - met.at
        options.onProgress?.(passed, of)
      },
    })
    index.keepState()
    const messages = index.mailboxes().reduce((sum, mailbox) => sum + mailbox.messages, 0)
    const lost = rescued?.lost.filter(({ message }) => index.message(message) === undefined) ?? []
    database.exec('commit')
    notes.push(...(await putAside(folder, files, passedOver)))
    return {
      messages,
      damage,
      setAside,
      ...(damage.length > 0 && rescued !== undefined && { rescue: { ...rescued, lost } }),
      ...(notes.length > 0 && { notes }),
    }
  } catch (error) {
    throw diskError(error, path)
  } finally {
    database.close()
  }
}

/** Writes into the segments again what they have lost and the index has not. Undefined: there is none that could be asked. */
async function rescue(
  folder: string,
  user: string,
  files: SegmentFiles,
  passedOver: readonly string[],
): Promise<Rescue | undefined> {
  if (sizeOf(indexPath(folder)) === undefined) return undefined
  try {
    const { faults, damage, differences } = await checkJournal(folder, user, files)
    if (faults.length > 0) return undefined
    // What these have lost is in the files that count in their place.
    if (passedOver.length > 0 && damage.every(({ path }) => passedOver.includes(path))) return undefined
    const problems = differences
      .map((difference) => problemOf(indexPath(folder), difference, damage.length > 0))
      .filter(({ remedy }) => remedy === 'journal')
    if (problems.length === 0) return { messages: 0, lost: [] }
    const nothing = (): undefined => undefined
    const mail = new DiskMail({ user, folder, files, now: Date.now, onAwake: nothing, onClose: nothing })
    try {
      const { repaired, left } = await repairMail(folder, mail, problems, [])
      const held = left.find(({ held: isHeld }) => isHeld)
      if (held !== undefined)
        throw new StoreError('held', `${held.why}; as only the index knows of it, that is not made again`)
      return { messages: repaired.length, lost: left }
    } finally {
      await mail.close()
    }
  } catch (error) {
    // An index that cannot be read has nothing to tell.
    const passes: readonly string[] = ['disk-full', 'newer-schema', 'held', 'read-only']
    if (error instanceof StoreError && !passes.includes(error.code)) return undefined
    throw error
  }
}

/** Settled segments that are not whole, beside the file before them that is and counts. */
function passedOverIn(folder: string): string[] {
  if (filesOf(folder).length === 0) return []
  return [...countingFiles(folder).values()].flatMap(({ passedOver }) => passedOver.map(({ path }) => path))
}

/** Gives them other names: theirs are those of segments that will be settled again. Gives what was done, for a person. */
async function putAside(folder: string, files: SegmentFiles, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return []
  await files.close(folder)
  const done: string[] = []
  try {
    for (const path of paths) {
      const aside = freePath(`${path}.damaged`)
      renameSync(path, aside)
      done.push(`${path} is not whole: the file that it was made of counts, and it is kept as ${aside}`)
    }
    await syncFolder(segmentsFolder(folder))
  } catch (error) {
    throw diskError(error, folder)
  }
  return done
}

function openOrReplace(path: string, user: string): { database: DatabaseSync; setAside: string | undefined } {
  try {
    const database = openDatabase(path, user)
    if (isWhole(database)) return { database, setAside: undefined }
    database.close()
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'damaged') throw error
  }
  const setAside = freePath(`${path}.damaged`)
  try {
    for (const end of ['', '-wal', '-shm']) if (sizeOf(path + end) !== undefined) renameSync(path + end, setAside + end)
  } catch (error) {
    throw diskError(error, path)
  }
  return { database: openDatabase(path, user), setAside }
}

/** A path at which nothing is: this one, or with a number behind it. */
function freePath(path: string): string {
  let free = path
  for (let n = 2; sizeOf(free) !== undefined; n++) free = `${path}-${n}`
  return free
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
  for (const { path } of filesOf(folder)) {
    const start = await files.readAfresh(path, 0, Math.min(sizeOf(path) ?? 0, 1 << 20))
    const found = start.indexOf(anySignature) - 8
    if (found >= 0 && found + recordHead <= start.length) return recordSeal(start.subarray(found))
  }
  return undefined
}

/** Octets of all segments. */
export function totalSize(folder: string): number {
  return filesOf(folder).reduce((sum, { path }) => sum + (sizeOf(path) ?? 0), 0)
}

function filesOf(folder: string): ReturnType<typeof segmentFiles> {
  return sizeOf(segmentsFolder(folder)) === undefined ? [] : segmentFiles(folder)
}
