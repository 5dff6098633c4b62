import { DatabaseSync } from 'node:sqlite'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { readBody } from './body-reader.ts'
import { openIndex } from './index-file.ts'
import { indexPath } from './layout.ts'
import { totalSize } from './rebuild.ts'
import { replay } from './replay.ts'
import { schema } from './schema.ts'
import type { SegmentFiles } from './segment-files.ts'
import { SqliteIndex } from './sqlite-index.ts'

/** Something that is not as it must be. */
export interface Problem {
  readonly path: string
  /** Octets from the start of the file. */
  readonly offset?: number
  readonly message?: MessageId
  readonly what: string
}

export interface CheckReport {
  readonly messages: number
  /** Octets of all bodies that were verified. */
  readonly octets: number
  readonly problems: readonly Problem[]
}

/**
 * Verifies one user's mail as of one moment: each body against its hash, each record against its checksum, and the index against
 * a second one made from the segments for this purpose.
 */
export async function checkMail(
  folder: string,
  user: string,
  files: SegmentFiles,
  options: { onProgress?: (octets: number, of: number) => void },
): Promise<CheckReport> {
  const database = openIndex(folder, user)
  // What is on the disk counts, not what was read of it earlier.
  files.forget(folder)
  const shadow = new DatabaseSync('')
  const problems: Problem[] = []
  try {
    for (const fault of integrityFaults(database)) problems.push({ path: indexPath(folder), what: fault })
    database.exec('begin')
    const kept = new SqliteIndex(database)
    kept.attend()
    shadow.exec(`${schema} begin`)
    const made = new SqliteIndex(shadow)
    made.attend()
    made.seal = kept.seal
    const of = totalSize(folder)
    let passed = 0
    let octets = 0
    await replay(made, files, folder, {
      until: { segment: kept.segment, tail: kept.tail },
      lenient: ({ path, offset, what }) => problems.push({ path, offset, what }),
      onMet: async (met, path) => {
        if (met.kind === 'torn') return
        passed += met.end - met.at
        options.onProgress?.(passed, of)
        if (met.kind === 'damage' || met.record.t !== 'message' || met.place === undefined) return
        const { id, hash } = met.record
        // Equal octets that came later have taken the place of damaged ones.
        if (kept.body(hash)?.start !== met.place.start || kept.body(hash)?.segment !== met.place.segment) return
        octets += met.record.size
        try {
          for await (const _ of readBody(files, { path, place: met.place, proof: met.record.hash }));
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          problems.push({
            path,
            offset: met.place.start,
            message: id,
            what: 'the octets of this message do not match its hash',
          })
        }
      },
    })
    made.keepState()
    problems.push(...differences(database, shadow, indexPath(folder)))
    const messages = kept.mailboxes().reduce((sum, mailbox) => sum + mailbox.messages, 0)
    return { messages, octets, problems }
  } catch (error) {
    throw diskError(error, indexPath(folder))
  } finally {
    shadow.close()
    database.close()
  }
}

function integrityFaults(database: DatabaseSync): string[] {
  const lines = database
    .prepare('pragma integrity_check(20)')
    .all()
    .map((row) => String(row['integrity_check']))
  return lines.filter((line) => line !== 'ok')
}

/** What must be equal; bodies are numbered by whoever makes the index, so they are compared by what they are. */
const compared: readonly { readonly what: string; readonly sql: string }[] = [
  {
    what: 'message',
    // Of what no ledger entry names, an index that was version 1 does not know when it was stored.
    sql: `select m.id, m.mailbox, m.uid, m.modseq, m.added, m.unique_id, m.size, m.octets, m.form, m.received, m.flags, m.hidden,
      m.crc, m.trashed, m.trashed_from, m.surrogate, iif(l.message is null, null, m.stored) as stored,
      hex(b.hash) as hash, b.segment, b.start from messages m left join bodies b on b.id = m.body
      left join (select distinct message from ledger) l on l.message = m.id order by m.id`,
  },
  { what: 'mailbox', sql: 'select * from mailboxes order by id' },
  { what: 'removed message', sql: 'select * from removed order by id' },
  {
    what: 'ledger entry',
    sql: `select account, unique_id, hex(hash) as hash, nth, listed, size, stored, message, head from ledger order by account, unique_id, hash, nth`,
  },
  { what: 'device', sql: 'select name, since, created from devices order by name' },
  {
    what: 'message hidden from a device',
    sql: `select h.message, d.name from device_hidden h left join devices d on d.id = h.device order by h.message, d.name`,
  },
  { what: 'trouble', sql: 'select * from troubles order by account, unique_id' },
  { what: 'hold', sql: 'select * from holds order by id' },
  { what: 'message under a hold', sql: 'select * from held order by message, hold' },
  { what: 'state', sql: 'select modseq, next_message, segment, quota from state' },
]

function differences(kept: DatabaseSync, made: DatabaseSync, path: string): Problem[] {
  const problems: Problem[] = []
  for (const { what, sql } of compared) {
    // Both sides are in the same order, so one pass finds each row that only one of them has.
    const left = rowsOf(kept, sql)
    const right = rowsOf(made, sql)
    const inSegments = new Set(right)
    const inIndex = new Set(left)
    for (const row of left)
      if (!inSegments.has(row))
        problems.push({ path, what: `${what} in the index, but not so in the segments: ${row}` })
    for (const row of right)
      if (!inIndex.has(row)) problems.push({ path, what: `${what} in the segments, but not so in the index: ${row}` })
  }
  return problems
}

function rowsOf(database: DatabaseSync, sql: string): string[] {
  return database
    .prepare(sql)
    .all()
    .map((row) => JSON.stringify(row))
}
