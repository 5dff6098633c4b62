import { StoreError } from '../errors.ts'
import { readJoined } from './joined-numbers.ts'
import * as rows from './sqlite-rows.ts'
import type { SqliteStatements } from './sqlite-statements.ts'
import type { Mailbox, MaildropRows } from './store.ts'

/** How many messages one row tells of. */
const together = 4096

/** Which messages of INBOX a maildrop has. */
export interface MaildropWanted {
  readonly inbox: Mailbox
  /** Of all mailboxes. */
  readonly messages: number
  /** The device's number in the index. */
  readonly device: number | undefined
  /** From this message on. */
  readonly since: number
  readonly storedFrom: number
}

/**
 * Reads a maildrop in columns. A row a message would cost more than all the rest, so SQLite joins the values of many to one text
 * for each column, which are read here.
 */
export function readMaildrop(statements: SqliteStatements, wanted: MaildropWanted): MaildropRows {
  const { inbox, messages, device, since, storedFrom } = wanted
  const seen =
    device === undefined
      ? 'hidden = 0 and ?4 is null'
      : 'not exists (select 1 from device_hidden where message = m.id and device = ?4)'
  // Where INBOX is most of the mail the table is read in its order; otherwise by the index, and sorted.
  const mostly = inbox.messages * 4 >= messages
  const sql = `select count(*), max(id), cast(group_concat(id) as blob), cast(group_concat(octets) as blob),
      cast(group_concat(length(unique_id)) as blob), cast(group_concat(form) as blob), cast(group_concat(unique_id, '') as blob)
    from (select id, octets, unique_id, form from messages m ${mostly ? 'not indexed' : 'indexed by messages_by_uid'}
      where mailbox = ?1 and id >= ?2 and stored >= ?3 and ${seen} order by id limit ?5)`
  const columns = new Columns(inbox.messages)
  for (let from = since; ;) {
    const [row = []] = statements.arrays(sql, inbox.id, from, storedFrom, device ?? null, mostly ? together : -1)
    const count = rows.number(row[0])
    if (count > 0) columns.add(count, row.slice(2))
    if (count < together || !mostly) return columns.rows(statements)
    from = rows.number(row[1]) + 1
  }
}

/** By message-number; of nearly nobody's messages are there any. Both are in order of the ids. */
function surrogatesOf(statements: SqliteStatements, ids: Float64Array): Map<number, number> {
  const sql = `select id, surrogate from messages indexed by messages_surrogate where surrogate is not null order by id`
  const surrogates = new Map<number, number>()
  let place = 0
  for (const [id, octets] of statements.arrays(sql)) {
    while (place < ids.length && (ids[place] ?? 0) < rows.number(id)) place++
    if (ids[place] === id) surrogates.set(place + 1, rows.number(octets))
  }
  return surrogates
}

class Columns {
  readonly #ids: Float64Array
  readonly #octets: Float64Array
  readonly #ends: Uint32Array
  readonly #forms: Uint8Array
  readonly #uniqueIds: Uint8Array[] = []
  #count = 0
  #end = 0

  /** `most`: more messages than this cannot come. */
  constructor(most: number) {
    this.#ids = new Float64Array(most)
    this.#octets = new Float64Array(most)
    this.#ends = new Uint32Array(most)
    this.#forms = new Uint8Array(most)
  }

  add(count: number, [ids, octets, lengths, forms, uniqueIds]: rows.Values): void {
    const from = this.#count
    this.#count += count
    this.#read(ids, this.#ids, from)
    this.#read(octets, this.#octets, from)
    this.#read(forms, this.#forms, from)
    this.#read(lengths, this.#ends, from)
    for (let place = from; place < this.#count; place++) this.#ends[place] = this.#end += this.#ends[place] ?? 0
    this.#uniqueIds.push(rows.octets(uniqueIds))
  }

  rows(statements: SqliteStatements): MaildropRows {
    const count = this.#count
    const uniqueIds = Buffer.concat(this.#uniqueIds)
    if (count > this.#ids.length || uniqueIds.length !== this.#end)
      throw new StoreError('damaged', 'index.sqlite does not hold the messages that it counts')
    const ids = upTo(count, this.#ids)
    return {
      count,
      ids,
      octets: upTo(count, this.#octets),
      uniqueIds,
      uniqueIdEnds: upTo(count, this.#ends),
      forms: upTo(count, this.#forms),
      surrogates: surrogatesOf(statements, ids),
    }
  }

  #read(text: rows.Values[number] | undefined, into: Float64Array | Uint32Array | Uint8Array, from: number): void {
    if (readJoined(rows.octets(text), into, from) !== this.#count)
      throw new StoreError('damaged', 'index.sqlite holds a message that is not whole')
  }
}

/** What is remembered is no longer than it must be. */
function upTo<T extends Float64Array | Uint32Array | Uint8Array>(count: number, column: T): T {
  return count === column.length ? column : (column.slice(0, count) as T)
}
