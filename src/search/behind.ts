import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { indexError } from '../store/index-file.ts'
import { indexPath } from '../store/layout.ts'
import { form, searchPath, versionOf } from './database.ts'

/** How long it may wait for another process that opens or closes the same file (milliseconds): everything else waits, too. */
const patience = 100

/**
 * Whether a user's search index has anything to read in the mail of this folder. It opens both for the look only (some milliseconds).
 * Throws StoreError where the mail cannot be read.
 */
export function isBehind(folder: string, user: string): boolean {
  const mail = indexPath(folder)
  // To open what is not there would make it.
  if (!existsSync(mail)) return false
  try {
    const { modseq, empty } = inside(mail, (database) => ({ modseq: modseqOf(database), empty: isEmpty(database) }))
    const search = searchPath(folder)
    return existsSync(search) ? modseq !== indexedUpTo(search) : !empty
  } catch (error) {
    throw indexError(error, mail, user)
  }
}

/** Undefined where the search index is damaged or of another form: it is to be made anew. */
function indexedUpTo(search: string): number | undefined {
  try {
    return inside(search, (database) => (versionOf(database) === form ? modseqOf(database) : undefined))
  } catch {
    return undefined
  }
}

function inside<T>(path: string, look: (database: DatabaseSync) => T): T {
  // Open to read only, it would leave the files of its log behind.
  const database = new DatabaseSync(path, { timeout: patience })
  try {
    return look(database)
  } finally {
    database.close()
  }
}

/** Each of the two keeps it so: the last change, and the last change that was read. */
function modseqOf(database: DatabaseSync): number {
  return Number(database.prepare('select modseq from state').get()?.['modseq'])
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('select 1 from messages limit 1').get() === undefined
}
