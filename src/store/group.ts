import { open, type FileHandle } from 'node:fs/promises'
import { MisuseError, StoreError } from '../errors.ts'
import { recordRoom, writeRecord, type Seal } from './record-frame.ts'
import type { JournalRecord } from './record.ts'
import {
  blockHead,
  blockSize,
  frameHead,
  frameLength,
  writeBlockHead,
  writeFrameHead,
  type BodyPlace,
  type SegmentRecord,
} from './segment.ts'
import { writeWhole, type DiskStaged } from './staging.ts'
import type { Staged } from './store.ts'

/** How much is handed to the system at once (octets). */
const enough = 4 << 20

/** So many blocks of a spooled body are copied at once. */
const blocksTogether = 8

/** Bodies up to this size (octets) are copied to where their records are: many little pieces cost more than that. */
const little = 16 << 10

/** Records are written into slabs; those that are written to disk are used again, so many of them. */
const slabSize = 256 << 10
const mostSpare = 16
const spare: Buffer[] = []

interface Spooled {
  readonly spool: FileHandle
  readonly size: number
}

type Piece = Uint8Array | Spooled

/** A moment of a group. */
interface Mark {
  readonly pieces: number
  readonly length: number
  readonly slab: Buffer
  readonly from: number
  readonly fill: number
}

const noSlab = Buffer.alloc(0)

/** The records and bodies that are to be written together at the end of a segment. */
export class Group {
  readonly #segment: number
  readonly #start: number
  readonly #seal: Seal
  #pieces: Piece[] = []
  /** What follows the pieces: of the latest slab, from here to where it is filled. */
  #slab: Buffer = noSlab
  #from = 0
  #fill = 0
  readonly #slabs: Buffer[] = []
  #length = 0

  constructor(segment: number, start: number, seal: Seal) {
    this.#segment = segment
    this.#start = start
    this.#seal = seal
  }

  get length(): number {
    return this.#length
  }

  /** Whether a body is one of this group: not written yet, but whole. */
  holds(place: BodyPlace): boolean {
    return place.segment === this.#segment && place.start >= this.#start
  }

  append(record: JournalRecord, staged: Staged | undefined): BodyPlace | undefined {
    this.#record(record)
    if (record.t !== 'message' || !record.body || staged === undefined) return undefined
    const { size } = staged
    const place: BodyPlace = { segment: this.#segment, start: this.#start + this.#length, size }
    const { held } = mustBeOurs(staged)
    this.#make(frameHead)
    this.#fill = writeFrameHead(size, this.#slab, this.#fill)
    if (isChunks(held)) this.#blocks(held, size)
    else {
      this.#cut()
      this.#pieces.push({ spool: held, size })
    }
    this.#length = place.start - this.#start + frameLength(size)
    return place
  }

  commit(modseq: number): void {
    this.#record({ t: 'commit', modseq })
  }

  /** Where the group is now; `reset` to it forgets what came after. */
  mark(): Mark {
    return {
      pieces: this.#pieces.length,
      length: this.#length,
      slab: this.#slab,
      from: this.#from,
      fill: this.#fill,
    }
  }

  reset(mark: Mark): void {
    this.#pieces.length = mark.pieces
    this.#length = mark.length
    this.#slab = mark.slab
    this.#from = mark.from
    this.#fill = mark.fill
  }

  /** Writes everything to the segment and waits until it is on the disk. */
  async write(path: string): Promise<void> {
    this.#cut()
    const file = await open(path, 'r+')
    try {
      let at = this.#start
      let waiting: Uint8Array[] = []
      let octets = 0
      const flush = async (): Promise<void> => {
        await writeWhole(file, waiting, at)
        at += octets
        waiting = []
        octets = 0
      }
      for (const piece of this.#pieces) {
        if (piece instanceof Uint8Array) {
          waiting.push(piece)
          octets += piece.length
          if (octets >= enough) await flush()
        } else {
          await flush()
          at = await copySpool(piece, file, at)
        }
      }
      await flush()
      if (at !== this.#start + this.#length)
        throw new StoreError(
          'io',
          `${at - this.#start} octets came to be written to ${path}, not ${this.#length}: none of them is kept; please report this`,
        )
      await file.datasync()
    } finally {
      await file.close()
    }
    for (const slab of this.#slabs) if (spare.length < mostSpare && slab.length === slabSize) spare.push(slab)
  }

  #record(record: SegmentRecord): void {
    const json = JSON.stringify(record)
    this.#make(recordRoom(json))
    const end = writeRecord(json, this.#seal, this.#slab, this.#fill)
    this.#length += end - this.#fill
    this.#fill = end
  }

  /** A body's octets cut into blocks, each after its header. */
  #blocks(chunks: readonly Uint8Array[], size: number): void {
    let left = size
    let room = 0
    if (size === 0) this.#blockHead(0, true)
    for (const chunk of chunks) {
      let from = 0
      while (from < chunk.length) {
        if (room === 0) {
          room = Math.min(left, blockSize)
          this.#blockHead(room, room === left)
        }
        const take = Math.min(room, chunk.length - from)
        this.#octets(take === chunk.length ? chunk : chunk.subarray(from, from + take), size)
        from += take
        room -= take
        left -= take
      }
    }
  }

  #blockHead(size: number, last: boolean): void {
    this.#make(blockHead)
    this.#fill = writeBlockHead(size, last, this.#slab, this.#fill)
  }

  /** Adds octets of a body of this size. */
  #octets(piece: Uint8Array, size: number): void {
    if (size <= little) {
      this.#make(piece.length)
      this.#slab.set(piece, this.#fill)
      this.#fill += piece.length
    } else {
      this.#cut()
      this.#pieces.push(piece)
    }
  }

  /** Makes room in the slab. */
  #make(octets: number): void {
    if (this.#slab.length - this.#fill >= octets) return
    this.#cut()
    this.#slab = (octets <= slabSize ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.max(octets, slabSize))
    this.#slabs.push(this.#slab)
    this.#from = 0
    this.#fill = 0
  }

  /** What is in the slab becomes a piece. */
  #cut(): void {
    if (this.#fill > this.#from) this.#pieces.push(this.#slab.subarray(this.#from, this.#fill))
    this.#from = this.#fill
  }
}

function mustBeOurs(staged: Staged): DiskStaged {
  if ('held' in staged) return staged as DiskStaged
  throw new MisuseError('state', 'this message was staged by another store')
}

function isChunks(held: DiskStaged['held']): held is readonly Uint8Array[] {
  return Array.isArray(held)
}

/** Writes a spooled body at `at`, cut into blocks; gives where it ends. Its memory is one portion, used again for each. */
async function copySpool({ spool, size }: Spooled, file: FileHandle, at: number): Promise<number> {
  const portion = Buffer.allocUnsafeSlow(blocksTogether * (blockHead + blockSize))
  let to = at
  for (let from = 0; from < size;) {
    let filled = 0
    for (let block = 0; block < blocksTogether && from < size; block++) {
      const length = Math.min(blockSize, size - from)
      filled = writeBlockHead(length, from + length === size, portion, filled)
      await readWhole(spool, portion.subarray(filled, filled + length), from)
      filled += length
      from += length
    }
    await writeWhole(file, [portion.subarray(0, filled)], to)
    to += filled
  }
  return to
}

async function readWhole(spool: FileHandle, into: Buffer, position: number): Promise<void> {
  for (let filled = 0; filled < into.length;) {
    const { bytesRead } = await spool.read(into, filled, into.length - filled, position + filled)
    if (bytesRead === 0) throw new Error('a spool file ended early')
    filled += bytesRead
  }
}
