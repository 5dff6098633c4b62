import type { DatabaseSync } from 'node:sqlite'
import type { Position, Sql, Stretch } from './to-sql.ts'

/** So many messages are in the first stretch, or four times as many as are wanted; */
const firstSize = 200
const sizePerWanted = 4
/** in no stretch more than this share of all, */
const mostSize = 1 / 4
/** and the ids that lie in all of them together are not more than this share. */
const mostIds = 1 / 2
/** Where nothing was found, the next is so much longer. */
const growth = 8
/** The next one is a little longer than what was found says. */
const spare = 1.5

/**
 * The messages by date in stretches, each longer than the one before: what stands in many messages is found among the first of them,
 * and only of those is it gathered. They end where to go on would take longer than to gather what stands in all.
 */
export class Stretches {
  readonly #database: DatabaseSync
  readonly #messages: number
  readonly #sqlOf: (stretch: Stretch, limit: number) => Sql
  readonly #wanted: number
  #size: number
  /** The date of the last message of a stretch, in SQL. */
  readonly #last: string
  /** How many were in the last stretch, and how many ids lay in all of them. */
  #count = 0
  #ids = 0

  /** `sqlOf`: the first so many messages of a stretch, the ids and dates of those that may be found at all. */
  constructor(
    database: DatabaseSync,
    { messages, wanted, oldest }: { messages: number; wanted: number; oldest: boolean },
    sqlOf: (stretch: Stretch, limit: number) => Sql,
  ) {
    this.#database = database
    this.#messages = messages
    this.#last = oldest ? 'max(date)' : 'min(date)'
    this.#sqlOf = sqlOf
    this.#wanted = wanted
    this.#size = Math.max(firstSize, wanted * sizePerWanted)
  }

  /** The stretch after this place; undefined where it is better to gather the rest. `upTo` is undefined in the last there is. */
  next(after: Position | undefined): Stretch | undefined {
    if (this.#size > this.#messages * mostSize) return undefined
    const sql = this.#sqlOf({ after }, this.#size)
    const row = this.#database
      .prepare(`select min(id) as least, max(id) as most, count(*) as n, ${this.#last} as date from (${sql.text})`)
      .get(...sql.values)
    const [least, most, count] = [Number(row?.['least']), Number(row?.['most']), Number(row?.['n'])]
    this.#count = count
    if (count === 0) return { after, ids: { least: 0, most: 0 } }
    this.#ids += most - least + 1
    // A few messages of long ago among the new ones: their ids are far apart, and everything between them would be gathered.
    if (this.#ids > this.#messages * mostIds) return undefined
    const ids = { least, most }
    return count < this.#size ? { after, ids } : { after, upTo: this.#edge(Number(row?.['date']), sql), ids }
  }

  /** The last message of a stretch of this length: mostly it is the only one of its date. */
  #edge(date: number, { text, values }: Sql): Position {
    const same = this.#database.prepare('select id from messages where date = ? limit 2').all(date)
    const [only] = same
    if (same.length === 1 && only !== undefined) return { date, id: Number(only['id']) }
    const edge = this.#database.prepare(`select id from (${text}) limit 1 offset ${this.#count - 1}`).get(...values)
    return { date, id: Number(edge?.['id']) }
  }

  /** So many were found in the last stretch, and so many are still wanted: how long the next is to be. */
  found(count: number, left: number): number {
    const enough = count === 0 ? Infinity : (this.#count * Math.min(left, this.#wanted) * spare) / count
    this.#size = Math.ceil(Math.max(firstSize, Math.min(enough, this.#size * growth)))
    return enough
  }
}
