import { existsSync } from 'node:fs'
import { StoreError } from '../errors.ts'
import { openIndex } from '../store/index-file.ts'
import { pendingPath, segmentFiles, segmentPath, segmentsFolder, sizeOf } from '../store/layout.ts'
import { SqliteIndex } from '../store/sqlite-index.ts'
import type { UserEntry } from './manifest.ts'

/** A file of a user's mail, and up to where it belongs to the backup (octets). */
export interface MailFile {
  readonly path: string
  /** Where it is read: it may not have got its name yet. */
  readonly from: string
  /** Undefined: it is not there. */
  readonly size: number | undefined
  /** Whether more is written to it. */
  readonly growing: boolean
}

/** What a user's mail is at one moment. */
export interface MailMoment {
  readonly entry: UserEntry
  readonly files: readonly MailFile[]
  /** Why the index could not say so: then it is what lies in the folder. */
  readonly fault: StoreError | undefined
}

/** The files that a user's mail consists of, as the index has it in the transaction that is open. */
function mailFiles(folder: string, index: SqliteIndex): MailFile[] {
  return Array.from({ length: index.segment }, (_, place): MailFile => {
    const segment = place + 1
    const path = segmentPath(folder, segment, index.segmentGeneration(segment))
    // One that was settled a moment ago.
    const from = sizeOf(path) === undefined && sizeOf(pendingPath(path)) !== undefined ? pendingPath(path) : path
    const growing = segment === index.segment
    const size = sizeOf(from)
    // Behind the tail stands what nobody was told of.
    return { path, from, size: size !== undefined && growing ? Math.min(size, index.tail) : size, growing }
  })
}

/** Looks at a user's mail. Throws StoreError `newer-schema`. */
export function mailMoment(folder: string, name: string): MailMoment {
  try {
    const database = openIndex(folder, name)
    try {
      database.exec('begin')
      const index = new SqliteIndex(database)
      index.attend()
      const messages = index.mailboxes().reduce((sum, mailbox) => sum + mailbox.messages, 0)
      const entry = { name, seal: index.seal, modseq: index.modseq, messages }
      return { entry, files: mailFiles(folder, index), fault: undefined }
    } finally {
      database.close()
    }
  } catch (error) {
    if (!(error instanceof StoreError) || error.code === 'newer-schema') throw error
    const entry = { name, seal: 0, modseq: 0, messages: 0 }
    return { entry, files: filesThere(folder), fault: error }
  }
}

/** All segments that lie in the folder: what `--rebuild` would read. */
function filesThere(folder: string): MailFile[] {
  if (!existsSync(segmentsFolder(folder))) return []
  return segmentFiles(folder).map(({ path }) => ({ path, from: path, size: sizeOf(path), growing: true }))
}
