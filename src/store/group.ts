import { open, type FileHandle } from 'node:fs/promises'
import { MisuseError } from '../errors.ts'
import type { JournalRecord } from './record.ts'
import {
  blockHead,
  blockHeadValue,
  blockSize,
  encodeBlockHead,
  encodeFrameHead,
  encodeRecord,
  frameLength,
  type BodyPlace,
  type Seal,
} from './segment.ts'
import { writeWhole, type DiskStaged } from './staging.ts'
import type { Staged } from './store.ts'

/** How much is handed to the system at once (octets). */
const enough = 4 << 20

/** So many blocks of a spooled body are copied at once. */
const blocksTogether = 8

interface Spooled {
  readonly spool: FileHandle
  readonly size: number
}

type Piece = Uint8Array | Spooled

/** The records and bodies that are to be written together at the end of a segment. */
export class Group {
  readonly #segment: number
  readonly #start: number
  readonly #seal: Seal
  #pieces: Piece[] = []
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
    this.#push(encodeRecord(record, this.#seal))
    if (record.t !== 'message' || !record.body || staged === undefined) return undefined
    const place: BodyPlace = { segment: this.#segment, start: this.#start + this.#length, size: staged.size }
    this.#push(encodeFrameHead(staged.size))
    const { held } = mustBeOurs(staged)
    if (isChunks(held)) for (const piece of blocksOf(held, staged.size)) this.#push(piece)
    else {
      this.#pieces.push({ spool: held, size: staged.size })
      this.#length = place.start - this.#start + frameLength(staged.size)
    }
    return place
  }

  commit(modseq: number): void {
    this.#push(encodeRecord({ t: 'commit', modseq }, this.#seal))
  }

  /** Where the group is now; `reset` to it forgets what came after. */
  mark(): { pieces: number; length: number } {
    return { pieces: this.#pieces.length, length: this.#length }
  }

  reset(mark: { pieces: number; length: number }): void {
    this.#pieces.length = mark.pieces
    this.#length = mark.length
  }

  /** Writes everything to the segment and waits until it is on the disk. */
  async write(path: string): Promise<void> {
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
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  #push(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#length += piece.length
  }
}

function mustBeOurs(staged: Staged): DiskStaged {
  if ('held' in staged) return staged as DiskStaged
  throw new MisuseError('state', 'this message was staged by another store')
}

function isChunks(held: DiskStaged['held']): held is readonly Uint8Array[] {
  return Array.isArray(held)
}

/** A body's octets cut into blocks, each after its header. */
function* blocksOf(chunks: readonly Uint8Array[], size: number): Generator<Uint8Array> {
  let left = size
  let room = 0
  if (size === 0) yield encodeBlockHead(0, true)
  for (const chunk of chunks) {
    let from = 0
    while (from < chunk.length) {
      if (room === 0) {
        room = Math.min(left, blockSize)
        yield encodeBlockHead(room, room === left)
      }
      const take = Math.min(room, chunk.length - from)
      yield chunk.subarray(from, from + take)
      from += take
      room -= take
      left -= take
    }
  }
}

/** Writes a spooled body at `at`, cut into blocks; gives where it ends. Its memory is one portion, used again for each. */
async function copySpool({ spool, size }: Spooled, file: FileHandle, at: number): Promise<number> {
  const portion = Buffer.allocUnsafeSlow(blocksTogether * (blockHead + blockSize))
  let to = at
  for (let from = 0; from < size;) {
    let filled = 0
    for (let block = 0; block < blocksTogether && from < size; block++) {
      const length = Math.min(blockSize, size - from)
      filled = portion.writeUIntLE(blockHeadValue(length, from + length === size), filled, blockHead)
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
