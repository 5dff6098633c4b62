import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { Piece } from './settled-record.ts'
import * as rows from './sqlite-rows.ts'
import type { BodyPlace } from './segment.ts'
import type { SqliteStatements } from './sqlite-statements.ts'

/** Where octets are that have not been met yet. */
export const nowhere = { segment: 0, start: 0 } as const
/** Stands for the segment of octets that have left, or never were here: the ledger knows them still. */
export const leftSegment: number = -1

const leaving = `set segment = ${leftSegment}, start = 0, at = null, length = null, coded = null`

/**
 * By the hash ?1. The index has only its first octets, so that it is small: what has the same is looked at itself. (Without the + SQLite
 * would put ?1 in the place of the first `hash` as well, and then not find the index. `is`: of no octets there are no first ones.)
 */
export const ofHash = 'substr(hash, 1, 6) is substr(?1, 1, 6) and +hash = ?1'

/** What `rows.place` reads. */
export const placeColumns = `b.segment, b.start, b.size, b.at, b.length, b.coded,
  (select generation from generations g where g.segment = b.segment) as generation`

/**
 * The octets that an index knows, each once, by their SHA-256; and where they are. A row is never removed: the ledger names octets by its
 * number.
 */
export class SqliteBodies {
  readonly #sql: SqliteStatements

  constructor(sql: SqliteStatements) {
    this.#sql = sql
  }

  /** Undefined: they are not here. */
  place(hash: Hash): BodyPlace | undefined {
    const sql = `select ${placeColumns} from kept_bodies b where ${ofHash} and segment <> ${leftSegment}`
    const row = this.#sql.get(sql, rows.hashBytes(hash))
    return row && rows.place(row)
  }

  /** The number of these octets, which are at this place now; without a place, where they were: StoreError `damaged` where they are not. */
  put(hash: Hash, place: BodyPlace | undefined): number {
    if (place === undefined) return this.#mustBeHere(hash)
    const { segment, start, size } = place
    const made = this.#make(hash, segment, start, size)
    if (made !== undefined) return made
    // A body that comes again was damaged where it was, or had left: it counts where it is now.
    const set = 'segment = ?2, start = ?3, size = ?4, at = null, length = null, coded = null'
    this.#sql.run(`update kept_bodies set ${set} where ${ofHash}`, rows.hashBytes(hash), segment, start, size)
    return rows.number(this.#find(hash))
  }

  /** The same of octets that need not be here. */
  know(hash: Hash, size: number): number {
    return this.#make(hash, leftSegment, 0, size) ?? rows.number(this.#find(hash))
  }

  /** The same of a piece in a settled segment. */
  putPiece(
    hash: Hash,
    size: number,
    segment: number,
    start: number,
    { at, length, coded }: Piece & { coded?: boolean | undefined },
  ): number {
    const body = this.#make(hash, segment, start, size) ?? rows.number(this.#find(hash))
    const set = 'segment = ?, start = ?, size = ?, at = ?, length = ?, coded = ?'
    const values = [segment, start, size, at, length, coded === true ? 1 : 0, body]
    this.#sql.run(`update kept_bodies set ${set} where id = ?`, ...values)
    return body
  }

  /** Says that octets have left. */
  leave(body: number): void {
    this.#sql.run(`update kept_bodies ${leaving} where id = ?`, body)
  }

  /** The same of all that were not met anywhere. */
  leavePlaceless(): void {
    this.#sql.run(`update kept_bodies ${leaving} where segment = ?`, nowhere.segment)
  }

  #mustBeHere(hash: Hash): number {
    const sql = `select id from kept_bodies where ${ofHash} and segment <> ${leftSegment}`
    const id = this.#sql.get(sql, rows.hashBytes(hash))?.['id']
    if (id !== undefined) return rows.number(id)
    throw new StoreError(
      'damaged',
      `a message was written whose octets are not here any more (SHA-256 ${hash}); run \`postino check --rebuild\``,
    )
  }

  #find(hash: Hash): rows.Values[number] | undefined {
    return this.#sql.get(`select id from kept_bodies where ${ofHash}`, rows.hashBytes(hash))?.['id']
  }

  /** Undefined: they have a row. */
  #make(hash: Hash, segment: number, start: number, size: number): number | undefined {
    const insert = `insert into kept_bodies (hash, segment, start, size) select ?1, ?2, ?3, ?4
      where not exists (select 1 from kept_bodies where ${ofHash})`
    const { changes, lastInsertRowid } = this.#sql.run(insert, rows.hashBytes(hash), segment, start, size)
    return changes === 1 ? Number(lastInsertRowid) : undefined
  }
}
