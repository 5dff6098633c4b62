import { closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { hrtime } from 'node:process'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { diskError, isBusy } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { type Lease, type Leases, leaseTime, type LeaseWish, type NoLease, renewEvery } from './leases.ts'

/** How long a write waits for those of other processes (milliseconds). Each takes some microseconds. */
const patience = 1000
/** Nobody changes it: to wait for it is to wait. */
const nothing = new Int32Array(new SharedArrayBuffer(4))

// `process` is null where a maildrop is free; `since` stays. A lease is as alive as its process; `alive` is by the machine's uptime.
const tables = `
  create table if not exists processes (
    name text primary key,
    alive integer not null
  ) strict, without rowid;
  create table if not exists leases (
    user text not null,
    device text not null,
    source text not null,
    since integer not null,
    process text,
    primary key (user, device)
  ) strict, without rowid;`
const alive = 'exists (select 1 from processes where name = leases.process and alive > ?6)'
// A time to come is one from before the clock was put back.
const acquire = `insert into leases values (?1, ?2, ?3, ?4, ?5)
  on conflict do update set source = excluded.source, since = excluded.since, process = excluded.process
  where (leases.since <= ?7 or leases.since > ?4) and (process is null or process <> ?5 and not ${alive})`

/** The leases of several processes that serve one data folder: DATA/leases.sqlite, which need not outlive the machine. */
export class SqliteLeases implements Leases {
  readonly process: string
  readonly #file: string
  readonly #now: () => number
  readonly #uptime: () => number
  readonly #database: DatabaseSync
  readonly #acquire: StatementSync
  readonly #holder: StatementSync
  readonly #count: StatementSync
  readonly #holds: StatementSync
  readonly #release: StatementSync
  readonly #undo: StatementSync
  readonly #renew: StatementSync
  readonly #free: StatementSync
  readonly #forget: StatementSync
  #renewed = 0

  /**
   * `process`: a name that no other process, living or dead, has. `uptime`: by which it is told who is alive; all processes of the
   * machine have the same (milliseconds), and nobody can put it forward or back. Throws StoreError.
   */
  constructor(data: string, process: string, options: { now?: () => number; uptime?: () => number } = {}) {
    this.process = process
    this.#file = join(data, 'leases.sqlite')
    this.#now = options.now ?? Date.now
    this.#uptime = options.uptime ?? uptime
    const database = openFile(this.#file)
    this.#database = database
    this.#acquire = database.prepare(acquire)
    this.#holder = database.prepare(
      `select source, since, process, process is not null and (process = ?4 or exists (select 1 from processes where name = leases.process and alive > ?3)) as held
       from leases where user = ?1 and device = ?2`,
    )
    this.#count = database.prepare(
      `select count(*) as held from leases join processes on name = process where user = ? and alive > ?`,
    )
    const mine = 'user = ? and device = ? and process = ? and since = ?'
    this.#holds = database.prepare(`select 1 from leases where ${mine}`)
    this.#release = database.prepare(`update leases set process = null where ${mine}`)
    this.#undo = database.prepare(`delete from leases where ${mine}`)
    this.#renew = database.prepare('insert or replace into processes values (?, ?)')
    this.#free = database.prepare('update leases set process = null where process = ?1 or ?1 is null')
    this.#forget = database.prepare('delete from processes where name = ?1 or ?1 is null')
    this.renew()
  }

  acquire({ user, device, from, delay = 0, most = Infinity }: LeaseWish): Lease | NoLease {
    const now = this.#now()
    const up = this.#uptime()
    const dead = up - leaseTime
    // After this process had stood still.
    if (up > this.#renewed + renewEvery) this.renew()
    return this.#try(() => {
      if (device !== undefined && Number(this.#count.get(user, dead)?.['held']) >= most) return { why: 'too many' }
      const taken = this.#acquire.run(user, device ?? '', from, now, this.process, dead, now - delay)
      if (taken.changes === 1) return { user, device, since: now }
      const last = this.#holder.get(user, device ?? '', dead, this.process)
      const since = Number(last?.['since'])
      if (last?.['held'] !== 1) return { why: 'soon', since }
      return { why: 'in-use', from: String(last['source']), since, process: String(last['process']) }
    })
  }

  holds({ user, device, since }: Lease): boolean {
    return this.#try(() => this.#holds.get(user, device ?? '', this.process, since)) !== undefined
  }

  release({ user, device, since }: Lease, opened = true): void {
    const end = opened ? this.#release : this.#undo
    this.#try(() => end.run(user, device ?? '', this.process, since))
  }

  renew(): void {
    this.#renewed = this.#uptime()
    this.#try(() => this.#renew.run(this.process, this.#renewed))
  }

  releaseAllOf(process?: string): void {
    this.#end(process ?? null)
    if (process === undefined) this.renew()
  }

  close(): void {
    try {
      this.#end(this.process)
    } catch {
      // Then they end with their time.
    }
    this.#database.close()
  }

  #end(process: string | null): void {
    this.#try(() => this.#free.run(process))
    this.#try(() => this.#forget.run(process))
  }

  /** Tries at once again while another process writes: it is done before a timer could be set. */
  #try<T>(work: () => T): T {
    const begun = performance.now()
    for (;;) {
      try {
        return work()
      } catch (error) {
        const waited = performance.now() - begun
        if (!isBusy(error) || waited > patience) throw diskError(error, this.#file)
        // It was stopped in the middle: let it run.
        if (waited > 2) Atomics.wait(nothing, 0, 0, 1)
      }
    }
  }
}

function uptime(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1000 + Math.floor(nanoseconds / 1e6)
}

function openFile(file: string): DatabaseSync {
  try {
    return prepared(file)
  } catch (error) {
    const found = diskError(error, file)
    if (found.code !== 'damaged') throw found
    // What is in it is worth less than being able to log in.
    for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
    return prepared(file)
  }
}

function prepared(file: string): DatabaseSync {
  try {
    // Who logs in from where is nobody else's business.
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const database = new DatabaseSync(file, { timeout: patience })
  try {
    // Each write is of a whole page: a small one costs a quarter less.
    database.exec('pragma page_size = 1024; pragma journal_mode = wal; pragma synchronous = off')
    database.exec(tables)
    // It is not synced, so that a machine that lost its power may have left it damaged anywhere.
    const fault = String(database.prepare('pragma quick_check(1)').get()?.['quick_check'])
    if (fault !== 'ok') throw new StoreError('damaged', `${file} is damaged (${fault})`)
    database.exec('pragma busy_timeout = 0')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
