import { closeSync, readSync } from 'node:fs'
import { constants, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { openSegmentNow } from './layout.ts'
import type { Run } from './sqlite-settled.ts'

/** The content of a run is cut into chunks of this size (octets), each a zstd frame of its own; the last one is shorter. */
export const chunkSize: number = 1 << 20

/** A run, and the file that it is in. */
export interface RunInFile extends Run {
  readonly path: string
}

/** Reads octets of a file as they are. */
export type ReadAfresh = (path: string, start: number, length: number) => Promise<Buffer>

/** One chunk as a zstd frame, with a checksum of its content (RFC 8878 §3.1.1). */
export function compressChunk(content: Uint8Array, level: number): Buffer {
  return zstdCompressSync(content, {
    pledgedSrcSize: content.length,
    chunkSize: 256 << 10,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  })
}

/** How many octets of content are in a chunk of a run. */
export function chunkLength({ size }: Run, chunk: number): number {
  return Math.max(0, Math.min(chunkSize, size - chunk * chunkSize))
}

interface Held {
  readonly path: string
  readonly content: Promise<Buffer>
  /** Once it is there. */
  octets: Buffer | undefined
}

/**
 * The content of runs of settled segments, chunk by chunk. What was read lately stays in memory, bounded, for all users of a store
 * together; who reads in order finds the next chunk ready.
 */
export class Chunks {
  readonly #read: ReadAfresh
  readonly #most: number
  /** Least recently used first. */
  readonly #held = new Map<string, Held>()

  /** `memory`: so many octets of content stay in memory at the most. */
  constructor(read: ReadAfresh, memory: number) {
    this.#read = read
    this.#most = Math.max(8, Math.floor(memory / chunkSize))
  }

  /** The content of a chunk if it is in memory; do not write to it. */
  held(run: RunInFile, chunk: number): Buffer | undefined {
    return this.#known(run, chunk)?.octets
  }

  /** The content of a chunk. Rejects with StoreError; `damaged` where it is not what was written. */
  async load(run: RunInFile, chunk: number): Promise<Buffer> {
    const known = this.#known(run, chunk) ?? this.#begin(run, chunk)
    // Who reads in order will want the next.
    if (this.#held.has(key(run, chunk - 1)) && chunk + 1 < run.lengths.length && !this.#held.has(key(run, chunk + 1)))
      this.#begin(run, chunk + 1)
    return await known.content
  }

  /** The same at once, for who must not wait; it does not stay in memory. */
  loadNow(run: RunInFile, chunk: number): Buffer {
    const held = this.held(run, chunk)
    if (held !== undefined) return held
    const { start, length } = frameOf(run, chunk)
    const frame = Buffer.allocUnsafe(length)
    let file: number | undefined
    try {
      file = openSegmentNow(run.path)
      const read = readSync(file, frame, 0, length, start)
      return checked(run, chunk, zstdDecompressSync(frame.subarray(0, read), { maxOutputLength: chunkSize, chunkSize }))
    } catch (error) {
      throw explained(run, chunk, error)
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  /** Forgets what is in memory of the files that `isIn` names. */
  forget(isIn: (path: string) => boolean): void {
    for (const [name, { path }] of this.#held) if (isIn(path)) this.#held.delete(name)
  }

  #known(run: RunInFile, chunk: number): Held | undefined {
    const name = key(run, chunk)
    const held = this.#held.get(name)
    if (held === undefined) return undefined
    this.#held.delete(name)
    this.#held.set(name, held)
    return held
  }

  #begin(run: RunInFile, chunk: number): Held {
    const name = key(run, chunk)
    const held: Held = { path: run.path, content: this.#bring(run, chunk), octets: undefined }
    held.content.then(
      (octets) => (held.octets = octets),
      () => this.#held.get(name) === held && this.#held.delete(name),
    )
    this.#held.set(name, held)
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= this.#most) break
      this.#held.delete(oldest)
    }
    return held
  }

  async #bring(run: RunInFile, chunk: number): Promise<Buffer> {
    const { start, length } = frameOf(run, chunk)
    const frame = await this.#read(run.path, start, length)
    return await new Promise((resolve, reject) => {
      // In a thread of the pool: nobody else waits.
      zstdDecompress(frame, { maxOutputLength: chunkSize, chunkSize }, (error, content) => {
        try {
          if (error !== null) throw error
          resolve(checked(run, chunk, content))
        } catch (fault) {
          reject(explained(run, chunk, fault) as Error)
        }
      })
    })
  }
}

function key({ path, start }: RunInFile, chunk: number): string {
  return `${chunk} ${start} ${path}`
}

/** Where the frame of a chunk is in the file. */
function frameOf({ start, lengths }: Run, chunk: number): { start: number; length: number } {
  let at = start
  for (let before = 0; before < chunk; before++) at += lengths[before] ?? 0
  return { start: at, length: lengths[chunk] ?? 0 }
}

function checked(run: Run, chunk: number, content: Buffer): Buffer {
  const length = chunkLength(run, chunk)
  if (content.length !== length) throw new RangeError(`it has ${content.length} octets, not ${length}`)
  return content
}

function explained(run: RunInFile, chunk: number, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error
  if ('syscall' in error) return diskError(error, run.path)
  const { start } = frameOf(run, chunk)
  return new StoreError('damaged', `damaged octets in ${run.path} at offset ${start}: ${error.message}`)
}
