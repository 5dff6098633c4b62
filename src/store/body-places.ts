import { StoreError } from '../errors.ts'
import type { Hash, MessageId } from '../ids.ts'
import type { Body } from './body-reader.ts'
import { segmentPath } from './layout.ts'
import type { RunInFile } from './chunks.ts'
import type { BodyPlace } from './segment.ts'
import type { PieceInRun, SettledBody } from './settled-body.ts'
import { leftSegment } from './sqlite-bodies.ts'
import type { SqliteIndex } from './sqlite-index.ts'
import { noCrc, noPiece, noPlaces, type PlaceColumns } from './sqlite-places.ts'
import type { Run } from './sqlite-settled.ts'

/** How many are looked up at once. */
const together = 256
/** So many runs are remembered. */
const mostRuns = 256

/**
 * Where messages' octets are, and what proves them while they are lent. Whoever asks for one will ask for the next, so many are
 * looked up with one statement.
 */
export class BodyPlaces {
  readonly #index: () => SqliteIndex
  readonly #folder: string
  readonly #paths = new Map<string, string>()
  readonly #runs = new Map<string, RunInFile>()
  #known: PlaceColumns = noPlaces
  /** Which of them was asked for last. */
  #at = -1

  constructor(index: () => SqliteIndex, folder: string) {
    this.#index = index
    this.#folder = folder
  }

  /** A message's body as it is lent; undefined where there is no such message. A body stays where it is. */
  find(id: MessageId): Body | undefined {
    if (!this.#goTo(id)) return undefined
    const { segments, starts, sizes, crcs, generations, ats, lengths, coded } = this.#known
    const at = this.#at
    const crc = crcs[at] ?? noCrc
    if (crc === noCrc) return this.findByHash(id)
    const place: BodyPlace = {
      segment: segments[at] ?? 0,
      generation: generations[at],
      start: starts[at] ?? 0,
      size: sizes[at] ?? 0,
      piece: ats[at] === noPiece ? undefined : { at: ats[at] ?? 0, length: lengths[at] ?? 0, coded: coded[at] === 1 },
    }
    // Where it was settled since these were looked up, it is looked up again.
    return this.bodyAt(place, crc) ?? this.findByHash(id)
  }

  /** The same with the hash as its proof. */
  findByHash(id: MessageId): Body | undefined {
    for (let attempt = 0; attempt < 3; attempt++) {
      const found = this.#index().bodyOf(id)
      if (found === undefined) return undefined
      if (found.place.segment === leftSegment) break
      const body = this.bodyAt(found.place, found.hash)
      if (body !== undefined) return body
      this.forget()
    }
    throw new StoreError(
      'damaged',
      `the index does not say where the octets of message ${id} are; run \`postino check\``,
    )
  }

  /** The body at a place that the index has named; undefined where it was settled since. */
  bodyAt(place: BodyPlace, proof: Hash | number): Body | undefined {
    const { segment, generation = 0, start, size, piece } = place
    const path = this.#path(segment, generation)
    if (piece === undefined) return { path, place, proof }
    const run = this.#run(segment, generation, start)
    if (run === undefined) return undefined
    const { at, length, coded } = piece
    const part = (hash: Hash): PieceInRun | undefined => this.part(hash)
    const settled: SettledBody = { size, piece: { run, at, length }, coded, proof, part }
    return { path, place, proof, settled }
  }

  #run(segment: number, generation: number, start: number): RunInFile | undefined {
    const key = `${segment} ${generation} ${start}`
    const known = this.#runs.get(key)
    if (known !== undefined) return known
    const run = this.#index().settled.run(segment, start)
    if (run?.generation !== generation) return undefined
    const found = this.#inFile(run)
    if (this.#runs.size >= mostRuns) this.#runs.clear()
    this.#runs.set(key, found)
    return found
  }

  /** Where a part is now. */
  part(hash: Hash): PieceInRun | undefined {
    const found = this.#index().settled.part(hash)
    return found && { ...found, run: this.#inFile(found.run) }
  }

  #inFile(run: Run): RunInFile {
    return { ...run, path: this.#path(run.segment, run.generation) }
  }

  /** Forgets all; for whoever takes messages away or moves bodies. */
  forget(): void {
    this.#known = noPlaces
    this.#at = -1
    this.#runs.clear()
  }

  #goTo(id: MessageId): boolean {
    const { ids } = this.#known
    if (ids[this.#at + 1] === id) {
      this.#at++
      return true
    }
    // After the one that was asked last, several are worth it; out of order, only this one.
    const last = ids.at(-1) ?? 0
    const inOrder = id > last && id - last <= together && this.#at === ids.length - 1
    if (!inOrder) {
      this.#at = ids.indexOf(id)
      if (this.#at !== -1) return true
    }
    this.#known = this.#index().placesFrom(id, inOrder ? together : 1)
    this.#at = this.#known.ids[0] === id ? 0 : -1
    return this.#at === 0
  }

  #path(segment: number, generation = 0): string {
    const key = generation === 0 ? `${segment}` : `${segment}-${generation}`
    let path = this.#paths.get(key)
    if (path === undefined) {
      path = segmentPath(this.#folder, segment, generation)
      this.#paths.set(key, path)
    }
    return path
  }
}
