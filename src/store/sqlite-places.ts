import type { MessageId } from '../ids.ts'
import { readJoined } from './joined-numbers.ts'
import { leftSegment } from './sqlite-bodies.ts'
import { number, octets } from './sqlite-rows.ts'
import type { SqliteStatements } from './sqlite-statements.ts'

/** Where the octets of messages are, in columns: one message a place, in order of their ids. */
export interface PlaceColumns {
  readonly ids: Float64Array
  readonly segments: Float64Array
  readonly starts: Float64Array
  readonly sizes: Float64Array
  /** CRC-32 of the octets, or `noCrc`. */
  readonly crcs: Float64Array
  /** How often its segment was settled. */
  readonly generations: Float64Array
  /** Of those in settled segments, where their pieces are; of others `noPiece`. */
  readonly ats: Float64Array
  readonly lengths: Float64Array
  /** 1: the piece is a recipe. */
  readonly coded: Float64Array
}

/** Stands for a CRC-32 that was not written down. */
export const noCrc: number = 2 ** 32
/** Stands for where the piece of a body is that lies as it came. (Numbers are joined without a sign.) */
export const noPiece: number = 2 ** 52

const none = new Float64Array()
export const noPlaces: PlaceColumns = {
  ids: none,
  segments: none,
  starts: none,
  sizes: none,
  crcs: none,
  generations: none,
  ats: none,
  lengths: none,
  coded: none,
}

// A body that has left is looked for once more, by its hash, and then said to be damaged.
const sql = `select count(*), cast(group_concat(id) as blob), cast(group_concat(segment) as blob), cast(group_concat(start) as blob),
    cast(group_concat(size) as blob), cast(group_concat(crc) as blob),
    cast(group_concat(at) as blob), cast(group_concat(length) as blob), cast(group_concat(coded) as blob),
    cast(group_concat(generation) as blob)
  from (select m.id, max(b.segment, 0) as segment, b.start, b.size,
      iif(b.segment = ${leftSegment}, ${noCrc}, coalesce(m.crc, ${noCrc})) as crc,
      coalesce(b.at, ${noPiece}) as at, coalesce(b.length, 0) as length, coalesce(b.coded, 0) as coded,
      coalesce((select generation from generations g where g.segment = b.segment), 0) as generation
    from messages m join kept_bodies b on b.id = m.body where m.id >= ? order by m.id limit ?)`

/** The places of so many messages from `id` on; one statement, so of one moment. */
export function readPlaces(statements: SqliteStatements, id: MessageId, limit: number): PlaceColumns {
  const [row = []] = statements.arrays(sql, id, limit)
  const count = number(row[0])
  if (count === 0) return noPlaces
  const column = (place: number): Float64Array => {
    const into = new Float64Array(count)
    readJoined(octets(row[place]), into, 0)
    return into
  }
  return {
    ids: column(1),
    segments: column(2),
    starts: column(3),
    sizes: column(4),
    crcs: column(5),
    ats: column(6),
    lengths: column(7),
    coded: column(8),
    generations: column(9),
  }
}
