import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import { BodyPlaces } from './body-places.ts'
import { lendBody, readBody, type Body } from './body-reader.ts'
import { encodedParts } from './encoded-parts.ts'
import { readJournal } from './journal-reader.ts'
import type { MessageRecord } from './record.ts'
import type { Seal } from './record-frame.ts'
import { encodeRecipe } from './recipe.ts'
import type { SegmentFiles } from './segment-files.ts'
import type { BodyPlace, SegmentRecord } from './segment.ts'
import type { GoneRecord } from './settled-record.ts'
import type { SettleWriter } from './settle-writer.ts'
import type { SqliteIndex } from './sqlite-index.ts'
import type { Spot } from './sqlite-settled.ts'
import { ForwardBodies } from './settle-forward.ts'
import { smallMessage } from './store.ts'

/** A closed segment. */
export interface Source {
  readonly segment: number
  readonly generation: number
  readonly path: string
  /** Octets of the file. */
  readonly size: number
  readonly seal: Seal
}

export interface Sifting {
  readonly folder: string
  readonly files: SegmentFiles
  readonly index: SqliteIndex
  readonly writer: SettleWriter
  /** Bodies that are not to be taken apart. */
  readonly asTheyCame: ReadonlySet<Hash>
  readonly onPassed: (octets: number) => void
  readonly stop: () => boolean
}

export interface Sifted {
  readonly messages: number
  readonly dropped: number
  readonly parts: number
}

/** A larger message is not taken apart, for that takes all of it in memory (octets). */
const mostHeld = 64 << 20

/** What one segment holds, read from front to back and given to the writer. */
export class Sieve {
  readonly #source: Source
  readonly #with: Sifting
  readonly #places: BodyPlaces
  readonly #bodies: ForwardBodies
  readonly #living: ReadonlyMap<Hash, Spot>
  readonly #present: Uint8Array
  readonly #shared: ReadonlySet<Hash>
  readonly #parts = new Set<Hash>()
  #messages = 0
  #dropped = 0

  constructor(source: Source, sifting: Sifting) {
    this.#source = source
    this.#with = sifting
    this.#places = new BodyPlaces(() => sifting.index, sifting.folder)
    this.#bodies = new ForwardBodies(source.path)
    this.#living = sifting.index.settled.livingBodies(source.segment)
    this.#present = sifting.index.settled.present()
    this.#shared = sifting.index.settled.sharedParts(source.segment)
  }

  /** Passes everything on. Undefined: it was told to stop. Throws StoreError `damaged` where the segment is. */
  async run(): Promise<Sifted | undefined> {
    try {
      return await this.#run()
    } finally {
      await this.#bodies.close()
    }
  }

  async #run(): Promise<Sifted | undefined> {
    const { path, segment, size, seal } = this.#source
    const { files, writer, onPassed, stop } = this.#with
    let modseq = 0
    let raw = size
    for await (const met of readJournal(files, { path, segment, from: 0, to: size, seal })) {
      if (stop()) return undefined
      if (met.kind !== 'record')
        throw new StoreError(
          'damaged',
          `${path} is damaged at offset ${met.at}; it stays as it is: run \`postino check\``,
        )
      const { record, place, run } = met
      if (record.t === 'commit') modseq = record.modseq
      else if (record.t === 'end') raw = record.raw
      else await this.#pass(record, place, run)
      onPassed(met.end)
    }
    await writer.end(modseq, raw)
    return { messages: this.#messages, dropped: this.#dropped, parts: this.#parts.size }
  }

  async #pass(record: SegmentRecord, place: BodyPlace | undefined, run: number | undefined): Promise<void> {
    const { writer } = this.#with
    const { segment, generation } = this.#source
    switch (record.t) {
      case 'segment': {
        const { number, user, after } = record
        return await writer.begin({ number, user, after, generation: generation + 1 })
      }
      case 'run':
        return undefined
      case 'kept': {
        const { hash, size, at, length, coded = false } = record
        return await this.#keep(hash, { segment, generation, start: run ?? 0, size, piece: { at, length, coded } })
      }
      case 'part':
        return await this.#carry(record.hash)
      case 'message':
        if (place !== undefined) await this.#keep(record.hash, place)
        this.#messages++
        if (this.#present[record.id] === 1) return await writer.record({ ...record, body: false })
        this.#dropped++
        return await writer.record(goneOf(record))
      case 'flags':
      case 'hide':
      case 'device-hide':
        // Of a message that is gone they say nothing that lasts.
        if (this.#present[record.id] === 1) await writer.record(record)
        return undefined
      case 'commit':
      case 'end':
        // These are the writer's own.
        return undefined
      case 'device':
      case 'device-remove':
      case 'gone':
      case 'hold':
      case 'know':
      case 'mailbox':
      case 'move':
      case 'quota':
      case 'release':
      case 'relist':
      case 'remove':
      case 'trouble':
        return await writer.record(record)
    }
  }

  /** Keeps a body that some message has, where it is the one that counts. */
  async #keep(hash: Hash, place: BodyPlace): Promise<void> {
    const { writer, files, asTheyCame } = this.#with
    const living = this.#living.get(hash)
    if (living?.start !== place.start || living.at !== place.piece?.at) return
    const body = this.#places.bodyAt(place, hash)
    if (body === undefined)
      throw new StoreError('damaged', `the index does not say where ${hash} is in ${this.#source.path}`)
    const { size } = place
    if (size > mostHeld) return await writer.keepLarge({ t: 'kept', hash, size }, size, readBody(files, body))
    const octets = writer.room(size)
    const filling = place.piece === undefined ? this.#bodies.into(octets, place) : fill(octets, files, body)
    if (filling !== undefined) await filling
    const parts = asTheyCame.has(hash) ? [] : encodedParts(octets)
    const recipe = parts.length === 0 ? undefined : encodeRecipe(octets, parts)
    if (recipe === undefined || recipe.length > smallMessage)
      return await writer.keepThere({ t: 'kept', hash, size }, size)
    for (const part of parts) await this.#keepPart(part.hash, part.octets)
    const named = [...new Set(parts.map((part) => part.hash))]
    await writer.keep({ t: 'kept', hash, size, coded: true, parts: named }, recipe)
  }

  async #keepPart(hash: Hash, octets: Uint8Array): Promise<void> {
    if (this.#parts.has(hash)) return
    const known = this.#with.index.settled.part(hash)
    if (known !== undefined && known.run.segment !== this.#source.segment) return
    this.#parts.add(hash)
    await this.#with.writer.keep({ t: 'part', hash }, octets)
  }

  /** Takes along a part that messages of other segments need. */
  async #carry(hash: Hash): Promise<void> {
    if (!this.#shared.has(hash) || this.#parts.has(hash)) return
    const piece = this.#places.part(hash)
    if (piece?.run.segment !== this.#source.segment) return
    const place: BodyPlace = { segment: piece.run.segment, start: piece.run.start, size: piece.length }
    const settled = { size: piece.length, piece, coded: false, proof: hash, part: () => undefined }
    const octets = Buffer.allocUnsafe(piece.length)
    await fill(octets, this.#with.files, { path: piece.run.path, place, proof: hash, settled })
    await this.#keepPart(hash, octets)
  }
}

/** Puts the octets of a body, proved, into memory that is as long as it. */
function fill(memory: Buffer, files: SegmentFiles, body: Body): Promise<void> | undefined {
  let filled = 0
  return lendBody(files, body, (parts) => {
    for (const part of parts) {
      memory.set(part, filled)
      filled += part.length
    }
    return undefined
  })
}

/** What stays of a message that was removed. */
function goneOf({ modseq, id, mailbox, uid, hash, size, stored, origin }: MessageRecord): GoneRecord {
  const gone = { t: 'gone', modseq, id, mailbox, uid } as const
  return origin === undefined ? gone : { ...gone, hash, size, stored, origin }
}
