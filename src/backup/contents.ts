import { createHash, hash as hashAtOnce } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'

/** How much is read at once (octets). */
const portion = 1 << 20

/** Octets that are to be kept, of which size and hash are known before they are written. */
export interface Contents {
  readonly size: number
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly hash: string
  read(): AsyncIterable<Uint8Array>
}

/** A file of the data folder that could not be read, or changed while it was. What went wrong at the target is never one of these. */
export class SourceError extends StoreError {}

export function contentsOf(octets: Uint8Array): Contents {
  return { size: octets.length, hash: hashAtOnce('sha256', octets), read: () => once(octets) }
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets
}

/** Octets `from` to `from + size` of a file. */
export function contentsOfFile(path: string, from: number, size: number, hash: string): Contents {
  return { size, hash, read: () => readStretch(path, from, size) }
}

/** Octets `from` to `from + size` of a file of the data folder; fewer where it ends. Throws SourceError. */
export async function* readStretch(path: string, from: number, size: number): AsyncGenerator<Uint8Array> {
  if (size === 0) return
  try {
    const options = { start: from, end: from + size - 1, highWaterMark: portion }
    yield* createReadStream(path, options) as AsyncIterable<Buffer>
  } catch (error) {
    // What the taker threw comes by here, too.
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    const told = diskError(error, path)
    throw new SourceError(told.code, told.message, { cause: error })
  }
}

/** Counts and hashes octets as they pass. */
export class Measured {
  readonly #hash = createHash('sha256')
  size = 0

  take(octets: Uint8Array): void {
    this.#hash.update(octets)
    this.size += octets.length
  }

  /** SHA-256 of all that passed. */
  finish(): string {
    return this.#hash.digest('hex')
  }
}

/** The size and the hash of octets. */
export async function measure(octets: AsyncIterable<Uint8Array>): Promise<{ size: number; hash: string }> {
  const measured = new Measured()
  for await (const chunk of octets) measured.take(chunk)
  return { size: measured.size, hash: measured.finish() }
}
