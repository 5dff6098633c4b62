import { open, rename, rm } from 'node:fs/promises'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { diskError, isBusy } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { readBody } from './body-reader.ts'
import { BodyPlaces } from './body-places.ts'
import type { DiskMail } from './disk-mail.ts'
import { openIndex } from './index-file.ts'
import {
  finishNames,
  octetsOf,
  pendingPath,
  segmentFiles,
  segmentPath,
  segmentsFolder,
  sizeOf,
  syncFolder,
} from './layout.ts'
import { lockSettling } from './settle-lock.ts'
import { prove } from './settle-proof.ts'
import { Sieve, type Sifted, type Source } from './settle-source.ts'
import { SettleWriter, type Placements } from './settle-writer.ts'
import type { SegmentFiles } from './segment-files.ts'
import { SqliteIndex } from './sqlite-index.ts'

/** zstd's level: above it, each step costs more time than it saves room. */
const level = 5
/** A segment of which less than this is garbage is not settled again. */
const worthIt = 0.2
/** How long to wait for a change that is being written (milliseconds). */
const patience = 60_000
/** A message that does not rebuild is kept as it is, and its segment settled anew; so often at the most. */
const mostAttempts = 3

/** What is about to happen to a segment; after each of them everything must be there still, whatever stops the process. */
export type SettleStep = 'begun' | 'written' | 'proved' | 'committed' | 'named' | 'deleted'

export interface SettleOptions {
  /** Octets of segments passed, and of how many. */
  readonly onProgress?: (octets: number, of: number) => void
  /** Leaves off at the next safe point; what is done stays done. */
  readonly signal?: AbortSignal
  /** Asked after each piece of work (octets): the caller slows it down by waiting. */
  readonly pace?: (octets: number) => Promise<void> | undefined
  /** Also closes the segment that is written now, and settles it. */
  readonly all?: boolean
  /** For tests: called before each step of each segment. */
  readonly onStep?: (step: SettleStep, segment: number) => Promise<void> | void
}

export interface SettleReport {
  /** Segments that were settled. */
  readonly segments: number
  /** Messages in them. */
  readonly messages: number
  /** Octets of all segments on the disk. */
  readonly before: number
  readonly after: number
  /** Messages whose octets have left. */
  readonly dropped: number
  /** Attachments that are kept decoded, each once. */
  readonly parts: number
  /** Messages that could not be taken apart and made again; they are only compressed. */
  readonly raw: number
  /** Segments that stay as they were, and why. */
  readonly left: readonly { readonly path: string; readonly why: string }[]
}

type Done = Sifted & { readonly raw: number }

/**
 * Settles one user's mail: what lies in closed segments is written anew, compressed, attachments once, without what was removed; read
 * back and held against each message's hash; and only then it takes the old one's place. Throws StoreError `busy` where another process
 * does so already.
 */
export async function settleMail(
  mail: DiskMail,
  folder: string,
  files: SegmentFiles,
  options: SettleOptions = {},
): Promise<SettleReport> {
  const lock = lockSettling(folder)
  let database: DatabaseSync | undefined
  try {
    database = openIndex(folder, mail.user)
    const index = new SqliteIndex(database)
    index.attend()
    await finishNames(folder, (segment) => index.settled.generation(segment))
    const before = octetsOf(folder)
    if (options.all === true && index.tail > emptySegment && index.segment > 0) {
      await mail.beginSegment()
      index.attend()
    }
    const settling = new Settling(mail, folder, files, database, index, options)
    const report = await settling.run()
    return { ...report, before, after: octetsOf(folder) }
  } catch (error) {
    throw error instanceof Error && error.name === 'AbortError' ? error : diskError(error, folder)
  } finally {
    database?.close()
    lock.close()
  }
}

/** A segment with less than this has nothing in it but its first record (octets). */
const emptySegment = 512

class Settling {
  readonly #mail: DiskMail
  readonly #folder: string
  readonly #files: SegmentFiles
  readonly #database: DatabaseSync
  readonly #index: SqliteIndex
  readonly #options: SettleOptions

  constructor(
    mail: DiskMail,
    folder: string,
    files: SegmentFiles,
    database: DatabaseSync,
    index: SqliteIndex,
    options: SettleOptions,
  ) {
    this.#mail = mail
    this.#folder = folder
    this.#files = files
    this.#database = database
    this.#index = index
    this.#options = options
  }

  async run(): Promise<Omit<SettleReport, 'before' | 'after'>> {
    const { signal } = this.#options
    const left: { path: string; why: string }[] = []
    const sum = { segments: 0, messages: 0, dropped: 0, parts: 0, raw: 0 }
    const due = this.#due()
    const of = due.reduce((total, { size }) => total + size, 0)
    let passed = 0
    for (const source of due) {
      if (signal?.aborted === true) break
      try {
        const done = await this.#settle(source, (octets) => this.#options.onProgress?.(passed + octets, of))
        if (done === undefined) break
        sum.segments++
        sum.messages += done.messages
        sum.dropped += done.dropped
        sum.parts += done.parts
        sum.raw += done.raw
      } catch (error) {
        // What is damaged stays where it is: `check` says what can be done.
        if (!(error instanceof StoreError) || error.code !== 'damaged') throw error
        left.push({ path: source.path, why: error.message })
      }
      passed += source.size
    }
    return { ...sum, left }
  }

  /** The closed segments that were never settled, or of which much was removed since. */
  #due(): Source[] {
    const { segment: open } = this.#index
    const garbage = this.#index.settled.garbageBySegment()
    const due: Source[] = []
    for (const { segment, generation, path } of segmentFiles(this.#folder)) {
      if (segment >= open || generation !== this.#index.settled.generation(segment)) continue
      const size = sizeOf(path) ?? 0
      if (generation === 0 || (garbage.get(segment) ?? 0) > worthIt)
        due.push({ segment, generation, path, size, seal: this.#index.seal })
    }
    return due
  }

  /** Settles one segment; undefined: it was told to leave off. */
  async #settle(source: Source, onPassed: (octets: number) => void): Promise<Done | undefined> {
    const asTheyCame = new Set<Hash>()
    for (let attempt = 1; ; attempt++) {
      const path = segmentPath(this.#folder, source.segment, source.generation + 1)
      let why = 'what was written of it was not what was read'
      try {
        await this.#step('begun', source)
        const written = await this.#write(source, pendingPath(path), asTheyCame, onPassed)
        if (written === undefined) return undefined
        await this.#step('written', source)
        const { signal, pace } = this.#options
        const proving = { files: this.#files, index: this.#index, folder: this.#folder, signal, pace }
        const wrong = await prove(source, path, written.placements, proving)
        if (wrong === 'left') return undefined
        if (wrong.length === 0 && (await this.#commit(source, path, written.placements))) {
          await this.#replace(source, path)
          return { ...written.done, raw: asTheyCame.size }
        }
        if (wrong.length === 0)
          why = 'mail came meanwhile that needs what was to leave it; the next settling tries again'
        await this.#mustBeWhole(source, wrong)
        for (const hash of wrong) asTheyCame.add(hash)
      } finally {
        // Until it counts, it is nothing.
        if (this.#index.settled.generation(source.segment) === source.generation)
          await rm(pendingPath(path), { force: true })
      }
      if (attempt === mostAttempts) throw new StoreError('damaged', `${source.path} could not be settled: ${why}`)
    }
  }

  async #write(
    source: Source,
    path: string,
    asTheyCame: ReadonlySet<Hash>,
    onPassed: (octets: number) => void,
  ): Promise<{ placements: Placements; done: Sifted } | undefined> {
    const { signal, pace } = this.#options
    const file = await open(path, 'w', 0o600)
    try {
      const writer = new SettleWriter({ file, seal: source.seal, level, onCompressed: (octets) => pace?.(octets) })
      const sifting = { folder: this.#folder, files: this.#files, index: this.#index, writer, asTheyCame, onPassed }
      const sieve = new Sieve(source, { ...sifting, stop: () => signal?.aborted === true })
      const done = await sieve.run()
      return done && { placements: writer.placements, done }
    } finally {
      await file.close()
    }
  }

  /** Throws StoreError `damaged` where bodies that were not made again rightly are not right where they came from. */
  async #mustBeWhole({ segment }: Source, wrong: readonly Hash[]): Promise<void> {
    const places = new BodyPlaces(() => this.#index, this.#folder)
    for (const hash of wrong) {
      const place = this.#index.body(hash)
      // One that was repaired meanwhile lies elsewhere.
      const body = place?.segment === segment ? places.bodyAt(place, hash) : undefined
      if (body !== undefined) for await (const _ of readBody(this.#files, body));
    }
  }

  /**
   * Makes the new file count, in one transaction. False: a message has come that needs what is not in it, or the journal goes on behind what
   * the index knows, where such a message may be.
   */
  async #commit(source: Source, path: string, placements: Placements): Promise<boolean> {
    await this.#step('proved', source)
    // What is named in the folder must be on the disk before the index names it.
    await syncFolder(segmentsFolder(this.#folder))
    await this.#mail.recover()
    await this.#begin()
    const { segment, generation } = source
    const { settled } = this.#index
    try {
      const kept = new Set(placements.kept.map(({ record }) => record.hash))
      const living = settled.livingBodies(segment)
      const fits =
        this.#isUpToDate() &&
        living.keys().every((hash) => kept.has(hash)) &&
        settled.generation(segment) === generation
      if (fits) {
        const here = settled.bodies(segment)
        settled.forget(segment)
        for (const { record, start } of placements.runs) settled.addRun(record, segment, start)
        for (const { record, start } of placements.parts) settled.addPart(record, segment, start)
        // One that was removed meanwhile is still kept; one that was repaired meanwhile is better where it is now.
        for (const { record, start } of placements.kept) {
          const body = here.get(record.hash)
          if (body !== undefined) settled.moveBody(body, record, start)
        }
        for (const [hash, body] of here) if (!kept.has(hash)) settled.dropBody(body)
        settled.setGeneration(segment, generation + 1)
      }
      this.#database.exec(fits ? 'commit' : 'rollback')
      return fits
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback')
      throw diskError(error, path)
    }
  }

  /** Whether the index knows the journal to its end: of a writer that was stopped it may not. */
  #isUpToDate(): boolean {
    const { segment, tail } = this.#index
    const next = sizeOf(segmentPath(this.#folder, segment + 1))
    return sizeOf(segmentPath(this.#folder, segment)) === tail && next === undefined
  }

  /** Gives the new file its name, and removes the old one. */
  async #replace(source: Source, path: string): Promise<void> {
    await this.#step('committed', source)
    await rename(pendingPath(path), path)
    await syncFolder(segmentsFolder(this.#folder))
    await this.#step('named', source)
    await this.#mail.forgetPlaces()
    // Where a system does not let go of a file that is open, the next settling removes it.
    await rm(source.path, { force: true }).catch(() => undefined)
    await this.#step('deleted', source)
  }

  async #begin(): Promise<void> {
    const until = performance.now() + patience
    for (;;) {
      try {
        this.#database.exec('begin immediate')
        this.#index.attend()
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() > until) throw error
        await sleep(10)
      }
    }
  }

  async #step(step: SettleStep, { segment }: Source): Promise<void> {
    await this.#options.onStep?.(step, segment)
  }
}
