import type { Hash } from '../ids.ts'
import type { GoneRecord, KeptRecord, PartRecord, Piece, RunRecord } from './settled-record.ts'
import type { SqliteBodies } from './sqlite-bodies.ts'
import type { SqliteLedger } from './sqlite-ledger.ts'
import * as rows from './sqlite-rows.ts'
import type { SqliteStatements } from './sqlite-statements.ts'

/** What was compressed together in a settled segment: where its frames are, and how much each holds of the content. */
export interface Run {
  readonly segment: number
  /** Where its first frame begins (octets). */
  readonly start: number
  /** Octets of its content. */
  readonly size: number
  /** Octets of each frame in the segment. */
  readonly lengths: readonly number[]
  /** Of the file that it is in. */
  readonly generation: number
}

/** Where a piece is. */
export interface PiecePlace extends Piece {
  readonly run: Run
}

const generation = '(select generation from generations g where g.segment = r.segment) as generation'

/** Where a body begins in its segment, and in its run. */
export interface Spot {
  readonly start: number
  readonly at: number | undefined
}

/** What settling has put where: the part of the index that is not the sum of the journal, but says where its octets are now. */
export class SqliteSettled {
  readonly #sql: SqliteStatements
  readonly #bodies: SqliteBodies
  readonly #ledger: SqliteLedger

  constructor(sql: SqliteStatements, bodies: SqliteBodies, ledger: SqliteLedger) {
    this.#sql = sql
    this.#bodies = bodies
    this.#ledger = ledger
  }

  /** Which file of a segment counts: 0, the one that was written first. */
  generation(segment: number): number {
    const row = this.#sql.get('select generation from generations where segment = ?', segment)
    return row === undefined ? 0 : rows.number(row['generation'])
  }

  setGeneration(segment: number, generation: number): void {
    this.#sql.run('insert or replace into generations values (?, ?)', segment, generation)
  }

  run(segment: number, start: number): Run | undefined {
    const sql = `select segment, start, size, lengths, ${generation} from runs r where segment = ? and start = ?`
    const row = this.#sql.get(sql, segment, start)
    return row && runOf(row)
  }

  part(hash: Hash): PiecePlace | undefined {
    const sql = `select p.at, p.length, r.segment, r.start, r.size, r.lengths, ${generation}
      from parts p join runs r on r.segment = p.segment and r.start = p.start where p.hash = ?`
    const row = this.#sql.get(sql, rows.hashBytes(hash))
    return row && { run: runOf(row), at: rows.number(row['at']), length: rows.number(row['length']) }
  }

  /** The bodies that lie in a segment and that some message has, and where in it. */
  livingBodies(segment: number): Map<Hash, Spot> {
    // Made so, SQLite need not hold the bodies of all messages together.
    const sql = `select lower(hex(hash)), start, at from kept_bodies where id in (
      select m.body from messages m join kept_bodies b on b.id = m.body where b.segment = ?)`
    return new Map(
      this.#sql
        .arrays(sql, segment)
        .map(([hash, start, at]) => [
          String(hash) as Hash,
          { start: Number(start), at: at === null ? undefined : Number(at) },
        ]),
    )
  }

  /** By its id whether there is a message: 1 or 0. */
  present(): Uint8Array {
    const last = rows.number(this.#sql.get('select coalesce(max(id), 0) as id from messages')?.['id'])
    const present = new Uint8Array(last + 1)
    for (const [id] of this.#sql.arrays('select id from messages')) present[Number(id)] = 1
    return present
  }

  /** The rows of all bodies that lie in a segment. */
  bodies(segment: number): Map<Hash, number> {
    const sql = 'select lower(hex(hash)), id from kept_bodies where segment = ?'
    return new Map(this.#sql.arrays(sql, segment).map(([hash, id]) => [String(hash) as Hash, Number(id)]))
  }

  /** Which share of the content of each settled segment no message needs, from 0 to 1; all at once, for each look goes through all bodies. */
  garbageBySegment(): Map<number, number> {
    const sums = (sql: string): Map<number, number> =>
      new Map(this.#sql.arrays(sql).map(([segment, octets]) => [rows.number(segment), rows.number(octets)]))
    const all = sums('select segment, coalesce(sum(size), 0) from runs group by segment')
    const bodies = sums(
      `select segment, coalesce(sum(length), 0) from kept_bodies where id in (select body from messages) group by segment`,
    )
    // What a body of another segment needs cannot leave, though no message has that body any more: it leaves when that one is settled.
    const parts = sums(`select segment, coalesce(sum(length), 0) from parts p where exists (
      select 1 from body_parts bp join kept_bodies b on b.id = bp.body
      where bp.part = p.hash and (b.segment <> p.segment or b.id in (select body from messages))) group by segment`)
    const share = (segment: number, octets: number): number =>
      octets === 0 ? 0 : 1 - ((bodies.get(segment) ?? 0) + (parts.get(segment) ?? 0)) / octets
    return new Map([...all].map(([segment, octets]) => [segment, share(segment, octets)]))
  }

  /** The parts that lie in a segment and that bodies in other segments need. */
  sharedParts(segment: number): Set<Hash> {
    const sql = `select lower(hex(p.hash)) from parts p where p.segment = ?1 and exists (select 1 from body_parts bp
      join kept_bodies b on b.id = bp.body where bp.part = p.hash and b.segment <> ?1)`
    return new Set(this.#sql.arrays(sql, segment).map(([hash]) => String(hash) as Hash))
  }

  /** Forgets what lies in a segment: it is to be told anew. Bodies keep their rows, for messages have them. */
  forget(segment: number): void {
    this.#sql.run('delete from body_parts where body in (select id from kept_bodies where segment = ?)', segment)
    this.#sql.run('delete from runs where segment = ?', segment)
    this.#sql.run('delete from parts where segment = ?', segment)
  }

  /** Says that a body has left, which no message has. */
  dropBody(id: number): void {
    this.#bodies.leave(id)
  }

  /** Says where a body of a segment is, in its next generation. */
  moveBody(id: number, { at, length, coded, parts = [] }: KeptRecord, start: number): void {
    const set = 'update kept_bodies set start = ?, at = ?, length = ?, coded = ? where id = ?'
    this.#sql.run(set, start, at, length, coded === true ? 1 : 0, id)
    for (const part of parts) this.#sql.run('insert or ignore into body_parts values (?, ?)', id, rows.hashBytes(part))
  }

  addRun({ size, lengths }: RunRecord, segment: number, start: number): void {
    const packed = Buffer.alloc(lengths.length * 4)
    for (const [at, length] of lengths.entries()) packed.writeUInt32LE(length, at * 4)
    this.#sql.run('insert or replace into runs values (?, ?, ?, ?)', segment, start, size, packed)
  }

  addPart({ hash, at, length }: PartRecord, segment: number, start: number): void {
    const values = [rows.hashBytes(hash), segment, start, at, length]
    this.#sql.run('insert or replace into parts values (?, ?, ?, ?, ?)', ...values)
  }

  addBody(record: KeptRecord, segment: number, start: number): void {
    const { hash, size, parts = [] } = record
    const body = this.#bodies.putPiece(hash, size, segment, start, record)
    for (const part of parts)
      this.#sql.run('insert or ignore into body_parts values (?, ?)', body, rows.hashBytes(part))
  }

  /** The row of the ledger of a message that was removed before its segment was settled. */
  addGone({ id, hash, size, stored, origin }: GoneRecord): void {
    if (origin !== undefined && hash !== undefined)
      this.#ledger.add(origin, { hash, size: size ?? 0, stored: stored ?? 0, message: id })
  }
}

function runOf(row: rows.Row): Run {
  const packed = Buffer.from(rows.octets(row['lengths']))
  return {
    segment: rows.number(row['segment']),
    start: rows.number(row['start']),
    size: rows.number(row['size']),
    lengths: Array.from({ length: Math.floor(packed.length / 4) }, (_, at) => packed.readUInt32LE(at * 4)),
    generation: rows.number(row['generation'] ?? 0),
  }
}
