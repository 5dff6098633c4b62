import { createHmac } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { StoreError } from '../errors.ts'
import { naming, openDatabase } from './database.ts'

/** What one failure after another costs, milliseconds: `first`, then twice as long each time. */
const first = 250
const most = 15_000
/** So many failures cost nothing where they are of one place with any users, or of any places with one user. */
const free = 10
/** A record without a failure for so long is forgotten, milliseconds. */
const memory = 15 * 60_000
/** At most so many records are kept; the oldest go first. */
const records = 50_000
/** Looking for what to forget costs more than a failure, so that it is done only now and then. */
const cleaning = 64

/**
 * Counts wrong log-ins: DATA/failures.sqlite, one count for all services and processes. It may be lost at any time, so that it is
 * never waited for; where it cannot be used, this process counts alone. Nobody can read in it who came from where: people type
 * passwords where their names should stand.
 */
export class Failures {
  readonly #file: string | undefined
  readonly #pepper: Uint8Array
  #shared: Counts | undefined
  #own: Counts | undefined

  /** `data`: the data folder; undefined: this process counts alone. */
  constructor(data: string | undefined, pepper: Uint8Array) {
    this.#file = data === undefined ? undefined : join(data, 'failures.sqlite')
    this.#pepper = pepper
  }

  /**
   * Notes one, and says how long its answer must wait (milliseconds). `now`: milliseconds since 1970. Of three counts the highest
   * tells: of this place with this user, of this place, and of this user.
   */
  failed(place: string, user: string, now: number): number {
    const keys = [this.#pair(place, user), this.#key(`place ${place}`), this.#key(`user ${user}`)]
    const [ofPair = 0, ofPlace = 0, ofUser = 0] = this.#use((counts) => counts.add(keys, now))
    return growth(Math.max(ofPair, ofPlace - free, ofUser - free))
  }

  /** A right password clears what this place did with this user. */
  succeeded(place: string, user: string): void {
    if (this.#shared === undefined && this.#own === undefined && (this.#file === undefined || !existsSync(this.#file)))
      return
    this.#use((counts) => counts.clear(this.#pair(place, user)))
  }

  close(): void {
    this.#shared?.close()
    this.#own?.close()
    this.#shared = this.#own = undefined
  }

  #use<T>(work: (counts: Counts) => T): T {
    if (this.#file !== undefined) {
      try {
        this.#shared ??= openCounts(this.#file)
        return naming(this.#file, () => work(this.#shared ?? openCounts(':memory:')))
      } catch (error) {
        this.#shared?.close()
        this.#shared = undefined
        if (!(error instanceof StoreError)) throw error
        if (error.code === 'damaged') remove(this.#file)
      }
    }
    this.#own ??= new Counts(new DatabaseSync(':memory:'))
    return work(this.#own)
  }

  #pair(place: string, user: string): Uint8Array {
    return this.#key(`pair ${place} ${user}`)
  }

  #key(text: string): Uint8Array {
    return createHmac('sha256', this.#pepper).update(text).digest().subarray(0, 16)
  }
}

function growth(failures: number): number {
  return failures <= 0 ? 0 : Math.min(first * 2 ** (failures - 1), most)
}

function openCounts(file: string): Counts {
  const database = openDatabase(file)
  try {
    return naming(file, () => new Counts(database))
  } catch (error) {
    database.close()
    throw error
  }
}

function remove(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
}

class Counts {
  readonly #database: DatabaseSync
  readonly #add: StatementSync
  readonly #has: StatementSync
  #sinceCleaning = 0

  constructor(database: DatabaseSync) {
    database.exec(`pragma journal_mode = wal; pragma synchronous = off;
      create table if not exists failures (key blob primary key, count integer not null, last integer not null)
        strict, without rowid;
      create index if not exists failures_last on failures (last)`)
    this.#database = database
    this.#add = database.prepare(`insert into failures (key, count, last) values (?1, 1, ?2)
      on conflict do update set count = iif(last < ?2 - ${memory}, 1, count + 1), last = ?2 returning count`)
    this.#has = database.prepare('select 1 from failures where key = ?')
  }

  /** Adds one to each; what they are now. */
  add(keys: readonly Uint8Array[], now: number): number[] {
    this.#database.exec('begin immediate')
    try {
      const counts = keys.map((key) => Number(this.#add.get(key, now)?.['count']))
      if (++this.#sinceCleaning >= cleaning) this.#clean(now)
      this.#database.exec('commit')
      return counts
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback')
      throw error
    }
  }

  clear(key: Uint8Array): void {
    // Nearly always there is nothing to clear, and looking takes no lock.
    if (this.#has.get(key) !== undefined) this.#database.prepare('delete from failures where key = ?').run(key)
  }

  close(): void {
    this.#database.close()
  }

  #clean(now: number): void {
    this.#sinceCleaning = 0
    this.#database.prepare('delete from failures where last < ?').run(now - memory)
    const { count } = this.#database.prepare('select count(*) as count from failures').get() ?? {}
    if (Number(count) > records)
      this.#database
        .prepare('delete from failures where key in (select key from failures order by last limit ?)')
        .run(Number(count) - records)
  }
}
