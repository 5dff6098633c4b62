import { open, truncate } from 'node:fs/promises'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { diskError, isBusy, isFull } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import type { Hash, MessageId, ModSeq } from '../ids.ts'
import { isWholeBody, lendBody, readBody, readRange, type Body } from './body-reader.ts'
import { BodyPlaces } from './body-places.ts'
import { Drafting, type Append } from './drafting.ts'
import { Group } from './group.ts'
import { type Connection, IndexConnections, inodeOf } from './index-connections.ts'
import { indexError } from './index-file.ts'
import { indexPath, pendingPath, segmentFiles, segmentPath, segmentsFolder, sizeOf, syncFolder } from './layout.ts'
import { replay, type Rest } from './replay.ts'
import { encodeRecord } from './record-frame.ts'
import { rawVersion, type BodyPlace } from './segment.ts'
import type { SegmentFiles } from './segment-files.ts'
import type { SqliteIndex } from './sqlite-index.ts'
import { DiskStaging } from './staging.ts'
import { smallMessage, type Draft, type Range, type Staging, type Taker, type UserMail, type View } from './store.ts'

/** A segment that has reached this size (octets) is followed by the next. */
const fullSegment = 256 << 20
/** At most so many changes share one write. */
const mostTogether = 4096
/** How long a change waits for other processes (milliseconds). */
const patience = 60_000

interface Job {
  readonly work: (draft: Draft) => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface DiskMailOptions {
  readonly user: string
  readonly folder: string
  readonly files: SegmentFiles
  readonly now: () => number
  /** It holds connections again; see `rest`. */
  readonly onAwake: (mail: DiskMail) => void
  readonly onClose: () => void
}

/** One user's mail on disk: segments, and `index.sqlite` as the sum of their journal. */
export class DiskMail implements UserMail {
  readonly user: string
  readonly #options: DiskMailOptions
  readonly #folder: string
  readonly #connections: IndexConnections
  readonly #places: BodyPlaces
  #jobs: Job[] = []
  #busy: Promise<void> | undefined
  #full = false
  #closed = false

  constructor(options: DiskMailOptions) {
    this.user = options.user
    this.#options = options
    this.#folder = options.folder
    this.#connections = new IndexConnections(this.#folder, this.user, () => options.onAwake(this))
    this.#places = new BodyPlaces(() => this.#connections.reader().index, this.#folder)
  }

  /** Whether the files of the segments are those that the index names; false: there are others, settled earlier or later. */
  fits(): boolean {
    const files = segmentFiles(this.#folder)
    if (files.every(({ generation }) => generation === 0)) {
      // Most mail was never settled.
      return true
    }
    const { index } = this.#connections.reader()
    const missing = files.filter(({ segment }) => {
      const path = segmentPath(this.#folder, segment, index.segmentGeneration(segment))
      return sizeOf(path) === undefined && sizeOf(pendingPath(path)) === undefined
    })
    return missing.length === 0
  }

  /** Takes in what an earlier process wrote to the segments but not to the index. */
  async recover(): Promise<void> {
    const { segment, tail } = await this.#look((index) => ({ segment: index.segment, tail: index.tail }))
    const behind =
      segment === 0 ||
      sizeOf(segmentPath(this.#folder, segment)) !== tail ||
      sizeOf(segmentPath(this.#folder, segment + 1)) !== undefined
    if (!behind) return
    try {
      await this.change((draft) => draft.openMailbox('INBOX'))
    } catch (error) {
      // Where nothing can be written now, what the index knows can be read; a later change catches up.
      const later = error instanceof StoreError && (error.code === 'disk-full' || error.code === 'read-only')
      if (!later || segment === 0) throw error
    }
  }

  modseq(): ModSeq {
    this.#mustBeOpen()
    try {
      return this.#connections.reader().index.latest()
    } catch (error) {
      throw this.#explain(error)
    }
  }

  read<T>(look: (view: View) => T): Promise<T> {
    return this.#look(look)
  }

  change<T>(work: (draft: Draft) => T): Promise<T> {
    this.#mustBeOpen()
    return new Promise<T>((resolve, reject) => {
      // The job gives back what its own work gave.
      this.#jobs.push({ work, resolve: resolve as (value: unknown) => void, reject })
      this.#busy ??= this.#work()
    })
  }

  stage(form: 'wire' | 'unknown' = 'unknown'): Staging {
    return new DiskStaging(this.#folder, form === 'wire')
  }

  async *bytes(id: MessageId, range?: Range): AsyncGenerator<Uint8Array> {
    const { files } = this.#options
    const octetsOf = (one: Body): AsyncIterable<Uint8Array> =>
      range === undefined ? readBody(files, one) : readRange(files, one, range)
    const body = this.#mustHave(id, 'hash')
    let begun = false
    try {
      for await (const octets of octetsOf(body)) {
        begun = true
        yield octets
      }
    } catch (error) {
      const settled = begun ? undefined : this.#settledSince(id, 'hash', body, error)
      if (settled === undefined) throw error
      yield* octetsOf(settled)
    }
  }

  lend(id: MessageId, take: Taker): Promise<void> | undefined {
    const body = this.#mustHave(id, 'any')
    const lending = lendBody(this.#options.files, body, take)
    return lending?.catch((error: unknown) => {
      const settled = this.#settledSince(id, 'any', body, error)
      if (settled === undefined) throw error
      return lendBody(this.#options.files, settled, take)
    })
  }

  /** Closes the segment that is written now, so that it can be settled: what comes next is written to a new one. */
  async beginSegment(): Promise<void> {
    this.#full = true
    await this.change(() => undefined)
  }

  /** Forgets where octets are, and what was read of the segments: they were settled. */
  async forgetPlaces(): Promise<void> {
    this.#places.forget()
    await this.#options.files.close(this.#folder)
  }

  /** Lets go of the memory that being ready costs, until it is used again. False: a change is under way. */
  rest(): boolean {
    if (this.#busy !== undefined) return false
    this.#connections.rest()
    this.#places.forget()
    return true
  }

  async close(): Promise<void> {
    if (this.#closed) return
    while (this.#busy !== undefined) await this.#busy
    this.#closed = true
    this.rest()
    await this.#options.files.close(this.#folder)
    this.#options.onClose()
  }

  async #look<T>(look: (index: SqliteIndex) => T): Promise<T> {
    this.#mustBeOpen()
    let reader: DatabaseSync | undefined
    try {
      const { database, index } = this.#connections.reader()
      reader = database
      reader.exec('begin')
      index.attend()
      return look(index)
    } catch (error) {
      throw this.#explain(error)
    } finally {
      if (reader !== undefined) endReading(reader)
    }
  }

  #mustHave(id: MessageId, proof: 'hash' | 'any'): Body {
    this.#mustBeOpen()
    let body: Body | undefined
    try {
      body = proof === 'hash' ? this.#places.findByHash(id) : this.#places.find(id)
    } catch (error) {
      throw this.#explain(error)
    }
    if (body === undefined) throw new StoreError('no-such-message', `there is no message ${id}`)
    return body
  }

  /** Where a body is now whose file was gone; undefined where that was not why. */
  #settledSince(id: MessageId, proof: 'hash' | 'any', before: Body, error: unknown): Body | undefined {
    if (!(error instanceof StoreError) || error.code !== 'missing') return undefined
    // Of a large one whose parts are in several files, some may have been given before.
    if (before.settled?.coded === true && before.place.size > smallMessage) return undefined
    this.#places.forget()
    const now = this.#mustHave(id, proof)
    return now.path === before.path ? undefined : now
  }

  async #work(): Promise<void> {
    // The first change waits a turn for its neighbours.
    await Promise.resolve()
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs.splice(0, mostTogether)
      try {
        const settle = await this.#write(jobs)
        for (const done of settle) done()
      } catch (error) {
        const explained = this.#explain(error)
        for (const job of jobs) job.reject(explained)
      }
    }
    // In the same turn as the look at the jobs, so that none can come between.
    this.#busy = undefined
  }

  /** Runs the jobs in one transaction; gives back what is to be told once it is durable. */
  async #write(jobs: readonly Job[]): Promise<(() => void)[]> {
    const connection = this.#connections.writer()
    const { database: writer, index } = connection
    await this.#begin(connection)
    let from: number | undefined
    let committing = false
    try {
      index.attend()
      await this.#prepareTail(index, await replay(index, this.#options.files, this.#folder))
      index.beginGroup()
      const group = new Group(index.segment, index.tail, index.seal)
      const settle = jobs.map((job) => this.#try(job, index, group))
      if (group.length > 0) {
        group.commit(index.modseq)
        from = index.tail
        await group.write(segmentPath(this.#folder, index.segment))
        index.tail += group.length
      }
      index.keepState()
      committing = true
      writer.exec('commit')
      this.#places.forget()
      return settle
    } catch (error) {
      // What was written is not what was promised: it is taken back, while the lock keeps others from writing behind it. After a
      // COMMIT that failed for want of room the index has not got it; after any other it may have, and the group stays: if the
      // index has not, the next writer's replay takes it in.
      const stays = committing && !isFull(error)
      if (from !== undefined && !stays)
        await truncate(segmentPath(this.#folder, index.segment), from).catch(() => undefined)
      if (writer.isTransaction) writer.exec('rollback')
      throw error
    }
  }

  #try(job: Job, index: SqliteIndex, group: Group): () => void {
    const mark = group.mark()
    try {
      const isWhole = (place: BodyPlace, hash: Hash): boolean => {
        if (group.holds(place)) return true
        const body = this.#places.bodyAt(place, hash)
        return body !== undefined && isWholeBody(this.#options.files, body)
      }
      const append: Append<BodyPlace> = (record, staged) => group.append(record, staged)
      const draft = new Drafting(index, append, { now: this.#options.now, isWhole })
      const value = index.attempt(() => job.work(draft))
      return () => job.resolve(value)
    } catch (error) {
      group.reset(mark)
      return () => job.reject(error)
    }
  }

  /** The SQLite write lock is also the lock on the segment's tail, whichever process writes. */
  async #begin({ database: writer, inode }: Connection): Promise<void> {
    const path = indexPath(this.#folder)
    const until = performance.now() + patience
    for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
      try {
        writer.exec('begin immediate')
        break
      } catch (error) {
        if (!isBusy(error) || performance.now() > until) throw error
        await sleep(wait)
      }
    }
    if (inodeOf(path) === inode) return
    writer.exec('rollback')
    throw new StoreError('missing', `${path} was removed or replaced while in use; nothing was written; start again`)
  }

  /** Leaves the tail such that a group can be added at it. */
  async #prepareTail(index: SqliteIndex, rest: Rest): Promise<void> {
    if (rest === 'torn') {
      // A writer was stopped in the middle: nobody was told that this was received.
      await truncate(segmentPath(this.#folder, index.segment), index.tail)
      await this.#options.files.close(segmentPath(this.#folder, index.segment))
    }
    if (index.segment > 0 && rest !== 'damage' && index.tail < fullSegment && !this.#full) return
    this.#full = false
    // A damaged segment is left as it is, for `check`; nothing is written over.
    const after = index.tail
    index.segment++
    const path = segmentPath(this.#folder, index.segment)
    const header = encodeRecord(
      { t: 'segment', version: rawVersion, number: index.segment, user: this.user, after },
      index.seal,
    )
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(header)
      await file.sync()
    } finally {
      await file.close()
    }
    await syncFolder(segmentsFolder(this.#folder))
    index.tail = header.length
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new StoreError('io', `the mail of ${this.user} is closed`)
  }

  #explain(error: unknown): unknown {
    // Only what the system or SQLite says needs our words; an error of the caller's own is his.
    const ours = error instanceof Error && ('errcode' in error || ('code' in error && 'syscall' in error))
    if (!ours) return error
    return 'errcode' in error ? indexError(error, indexPath(this.#folder), this.user) : diskError(error, this.#folder)
  }
}

function endReading(database: DatabaseSync): void {
  if (!database.isTransaction) return
  try {
    database.exec('rollback')
  } catch {
    // Of a damaged index the reading itself has said so.
  }
}
