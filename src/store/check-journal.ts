import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import type { MessageId } from '../ids.ts'
import { indexError, openIndex } from './index-file.ts'
import { indexPath } from './layout.ts'
import { misplacedSegments, replayAll } from './replay-all.ts'
import type { Damage } from './replay.ts'
import { schema } from './schema.ts'
import type { SegmentFiles } from './segment-files.ts'
import { SqliteIndex } from './sqlite-index.ts'

/** Something that the index and the journal do not say alike. */
export interface Difference {
  readonly kind: string
  /** Which row it is, of that kind. */
  readonly key: string
  /** Where it is about one message. */
  readonly message?: MessageId
  /** Who knows of it; `both`: each otherwise. */
  readonly known: 'index' | 'journal' | 'both'
  /** What it is, for a person. */
  readonly what: string
  /** Which columns each has otherwise. */
  readonly columns: readonly string[]
}

export interface JournalReport {
  readonly messages: number
  /** What is wrong with the index itself. */
  readonly faults: readonly string[]
  /** Segments under the names of others; nothing else is looked at then. */
  readonly misplaced: readonly Damage[]
  /** What the segments do not give back. */
  readonly damage: readonly Damage[]
  readonly differences: readonly Difference[]
}

/** So often it is tried anew where segments were settled meanwhile. */
const attempts = 5

export interface JournalOptions {
  /** So many octets of segments more were passed. Where it returns a promise, it is waited for. */
  readonly onPassed?: ((octets: number) => Promise<void> | undefined) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Holds an index against its journal: makes a second index from the segments for this purpose, and compares. While the segments are
 * read no transaction is open, so that it may take its time; what was written meanwhile is read at the end.
 */
export async function checkJournal(
  folder: string,
  user: string,
  files: SegmentFiles,
  options: JournalOptions = {},
): Promise<JournalReport> {
  const database = openIndex(folder, user)
  try {
    const faults = integrityFaults(database)
    for (let attempt = 1; ; attempt++) {
      const found = await compare(folder, database, files, options)
      // What was settled meanwhile lies in other places now.
      if (!found.moved || attempt === attempts) return { ...found, faults }
    }
  } catch (error) {
    throw indexError(error, indexPath(folder), user)
  } finally {
    database.close()
  }
}

async function compare(
  folder: string,
  database: DatabaseSync,
  files: SegmentFiles,
  { onPassed, signal }: JournalOptions,
): Promise<Omit<JournalReport, 'faults'> & { readonly moved: boolean }> {
  const kept = new SqliteIndex(database)
  kept.attend()
  const before = generations(database)
  const misplaced = await misplacedSegments(folder, files, kept.seal)
  const damage: Damage[] = []
  const shadow = new DatabaseSync('')
  try {
    // It is gone when it is closed, so nothing of it need be safe.
    shadow.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -65536')
    shadow.exec(`${schema} begin`)
    const made = new SqliteIndex(shadow)
    made.attend()
    made.seal = kept.seal
    const readOn = (): Promise<void> =>
      replayAll(made, files, folder, {
        until: { segment: kept.segment, tail: kept.tail },
        generation: (segment) => kept.segmentGeneration(segment),
        lenient: (found) => damage.push(found),
        onMet: (met) => {
          signal?.throwIfAborted()
          return met.kind === 'torn' ? undefined : onPassed?.(met.end - met.at)
        },
      })
    // What is in the place of another is nothing to compare with.
    if (misplaced.length === 0) await readOn()
    const { segment, tail } = kept
    database.exec('begin')
    kept.attend()
    const written = kept.segment !== segment || kept.tail !== tail
    if (misplaced.length === 0 && written) await readOn()
    made.keepState()
    const messages = kept.mailboxes().reduce((sum, mailbox) => sum + mailbox.messages, 0)
    const moved = generations(database) !== before
    const compares = misplaced.length === 0 && !moved
    const different = compares ? compared.flatMap((one) => differences(one, database, shadow)) : []
    for (const [place, { message, known }] of different.entries())
      if (message === undefined) continue
      else if (known === 'index' && wasRemoved(shadow, message)) {
        const what = `message ${message} is in the index, but by the segments it was removed`
        different[place] = { kind: 'message', key: String(message), message, known: 'journal', what, columns: [] }
      } else if (known === 'journal' && wasRemoved(database, message)) {
        const what = `message ${message} was removed, which the segments do not say any more`
        different[place] = { kind: 'message', key: String(message), message, known: 'index', what, columns: [] }
      }
    return { messages, misplaced, damage, differences: [...different, ...withoutParts(different, database)], moved }
  } finally {
    if (database.isTransaction) database.exec('rollback')
    shadow.close()
  }
}

/** Messages of which the segments have the record, but do not say any more where an attachment is that they need. */
function withoutParts(different: readonly Difference[], index: DatabaseSync): Difference[] {
  const lost = different.flatMap(({ kind, known, key }) => (kind === 'part' && known === 'index' ? [key] : []))
  if (lost.length === 0) return []
  const rows = index
    .prepare(
      `select distinct m.id from messages m join body_parts p on p.body = m.body
       where p.part in (select unhex(value) from json_each(?)) order by m.id`,
    )
    .all(JSON.stringify(lost))
  const told = new Set(different.map(({ message }) => message))
  return rows.flatMap((row): Difference[] => {
    const message = Number(row['id']) as MessageId
    if (told.has(message)) return []
    const what = `message ${message} has an attachment of which the segments do not say any more where it is`
    return [{ kind: 'message', key: String(message), message, known: 'both', what, columns: ['part'] }]
  })
}

function wasRemoved(database: DatabaseSync, id: MessageId): boolean {
  return database.prepare('select 1 from removed where id = ?').get(id) !== undefined
}

function generations(database: DatabaseSync): string {
  return JSON.stringify(database.prepare('select segment, generation from generations order by segment').all())
}

function integrityFaults(database: DatabaseSync): string[] {
  const lines = database
    .prepare('pragma integrity_check(20)')
    .all()
    .map((row) => String(row['integrity_check']))
  return lines.filter((line) => line !== 'ok')
}

interface Compared {
  readonly kind: string
  /** The first column names the row. Both sides give their rows in the same order. */
  readonly sql: string
}

/** What must be equal; bodies and devices are numbered by whoever makes the index, so they are compared by what they are. */
const compared: readonly Compared[] = [
  {
    kind: 'message',
    // Of what no ledger entry names, an index that was version 1 does not know when it was stored.
    sql: `select m.id, m.mailbox, m.uid, m.modseq, m.added, m.unique_id, m.size, m.octets, m.form, m.received, m.flags, m.hidden,
      m.crc, m.trashed, m.trashed_from, m.surrogate, iif(l.message is null, null, m.stored) as stored,
      hex(b.hash) as hash, b.segment, b.start, b.at, b.length, b.coded
      from messages m left join kept_bodies b on b.id = m.body
      left join (select distinct message from ledger) l on l.message = m.id order by m.id`,
  },
  { kind: 'mailbox', sql: 'select id, name, uid_validity, uid_next, messages, octets from mailboxes order by id' },
  { kind: 'removed message', sql: 'select id, modseq from removed order by id' },
  {
    kind: 'ledger entry',
    sql: `select account || ' ' || unique_id || ' ' || hex(hash) || ' ' || nth, listed, size, stored, message, head
      from ledger order by account, unique_id, body, nth`,
  },
  { kind: 'device', sql: 'select name, since, created from devices order by name' },
  {
    kind: 'message hidden from a device',
    sql: `select h.message || ' ' || d.name from device_hidden h join devices d on d.id = h.device order by h.message, d.name`,
  },
  {
    kind: 'trouble',
    sql: `select account || ' ' || unique_id, attempts, why, next from troubles order by account, unique_id`,
  },
  {
    kind: 'hold',
    sql: 'select id, mailbox, accounts, message, why, placed_by, placed, note, released_by, released from holds order by id',
  },
  { kind: 'held message', sql: `select message || ' ' || hold from held order by message, hold` },
  { kind: 'settled segment', sql: 'select segment, generation from generations order by segment' },
  {
    kind: 'run',
    sql: `select segment || ' ' || start, size, hex(lengths) as lengths from runs order by segment, start`,
  },
  { kind: 'part', sql: 'select hex(hash), segment, start, at, length from parts order by hash' },
  { kind: 'state', sql: `select 'state', modseq, next_message, segment, quota from state` },
]

type Values = readonly SQLOutputValue[]

/** The rows that only one of them has. Rows are in the same order, so what waits for its like is few. */
function differences({ kind, sql }: Compared, index: DatabaseSync, journal: DatabaseSync): Difference[] {
  const [left, right] = [rowsOf(index, sql), rowsOf(journal, sql)]
  const onlyLeft = new Map<string, Values>()
  const onlyRight = new Map<string, Values>()
  for (;;) {
    const [one, other] = [left.next(), right.next()]
    if (one.done === true && other.done === true) break
    const [a, b] = [one.done === true ? undefined : one.value, other.done === true ? undefined : other.value]
    if (a !== undefined && b !== undefined && isSame(a, b)) continue
    const [textA, textB] = [JSON.stringify(a), JSON.stringify(b)]
    if (textA === textB) continue
    if (a !== undefined && !onlyRight.delete(textA)) onlyLeft.set(textA, a)
    if (b !== undefined && !onlyLeft.delete(textB)) onlyRight.set(textB, b)
  }
  const inJournal = new Map([...onlyRight.values()].map((row) => [row[0], row]))
  const names = index
    .prepare(sql)
    .columns()
    .map(({ name }) => name)
  const found = [...onlyLeft.values()].map((row): Difference => {
    const other = inJournal.get(row[0])
    inJournal.delete(row[0])
    const columns = other === undefined ? [] : names.filter((_, place) => row[place] !== other[place])
    return difference(kind, row, other === undefined ? 'index' : 'both', columns)
  })
  return [...found, ...[...inJournal.values()].map((row) => difference(kind, row, 'journal', []))]
}

/** Octets are not looked into: their texts are compared. */
function isSame(one: Values, other: Values): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at])
}

function difference(kind: string, [key]: Values, known: Difference['known'], columns: readonly string[]): Difference {
  const name = kind === 'state' ? 'the state' : `${kind} ${String(key)}`
  const what =
    known === 'both'
      ? `${name} is not in the index as it is in the segments (${columns.join(', ')})`
      : known === 'index'
        ? `${name} is in the index, but not in the segments`
        : `${name} is in the segments, but not in the index`
  return {
    kind,
    key: String(key),
    known,
    what,
    columns,
    ...(kind === 'message' && { message: Number(key) as MessageId }),
  }
}

function rowsOf(database: DatabaseSync, sql: string): Iterator<Values> {
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  // What `setReturnArrays` does is not in the type.
  return statement.iterate() as unknown as Iterator<Values>
}
