import { randomUUID } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { Measure } from './measure.ts'
import type { Staged, Staging } from './store.ts'

/** A message taken in by the disk store: its octets in memory, or in a spool file. */
export interface DiskStaged extends Staged {
  readonly held: readonly Uint8Array[] | FileHandle
}

/** Up to this size (octets) a message is held in memory; beyond it, in a file, to which so much is written at once. */
export const spooledBeyond: number = 4 << 20
const portion = 512 << 10
/** So many chunks are held at most: in very small ones, as a slow or hostile server sends them, much more memory goes with the octets. */
const mostChunks = 4096

/** Takes in one message: in memory while it is small, in a nameless file of `folder` when it is not. */
export class DiskStaging implements Staging {
  readonly #folder: string
  readonly #measure: Measure
  #chunks: Uint8Array[] = []
  /** Octets of the chunks. */
  #holding = 0
  #spool: FileHandle | undefined

  constructor(folder: string, wire: boolean) {
    this.#folder = folder
    this.#measure = new Measure(wire)
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#measure.update(chunk)
    this.#chunks.push(chunk)
    this.#holding += chunk.length
    const most = this.#spool === undefined ? spooledBeyond : portion
    return this.#holding > most || this.#chunks.length > mostChunks ? this.#spoolOut() : undefined
  }

  finish(): DiskStaged | Promise<DiskStaged> {
    const spool = this.#spool
    if (spool === undefined) return this.#staged(this.#chunks)
    return this.#spoolOut().then(() => this.#staged(spool))
  }

  #staged(held: DiskStaged['held']): DiskStaged {
    const { hash, size, octets, lineEnds, crc, dots, surrogate } = this.#measure.finish()
    const discard = (): void => this.discard()
    return { hash, size, octets, lineEnds, crc, dots, surrogate, held, discard }
  }

  discard(): void {
    this.#chunks = []
    const spool = this.#spool
    this.#spool = undefined
    // Closing a file that has no name any more can only free it.
    spool?.close().catch(() => undefined)
  }

  async #spoolOut(): Promise<void> {
    try {
      if (this.#spool === undefined) {
        const path = join(this.#folder, `spool-${randomUUID()}`)
        this.#spool = await open(path, 'wx+', 0o600)
        // Without a name it is gone with the process, however that ends.
        await unlink(path)
      }
      this.#holding = 0
      await writeWhole(this.#spool, this.#chunks.splice(0))
    } catch (error) {
      this.discard()
      throw diskError(error, this.#folder)
    }
  }
}

/** Writes all octets, at `position` or where the file is; the system may take them in several turns. */
export async function writeWhole(file: FileHandle, pieces: readonly Uint8Array[], position?: number): Promise<void> {
  let left = pieces
  let size = 0
  for (const piece of pieces) size += piece.length
  let at = position
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at)
    size -= bytesWritten
    if (size === 0) return
    if (at !== undefined) at += bytesWritten
    left = after(left, bytesWritten)
  }
}

function after(pieces: readonly Uint8Array[], octets: number): readonly Uint8Array[] {
  let gone = octets
  for (const [index, piece] of pieces.entries()) {
    if (gone < piece.length) return [piece.subarray(gone), ...pieces.slice(index + 1)]
    gone -= piece.length
  }
  return []
}
