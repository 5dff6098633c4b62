import { randomUUID } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { Measure } from './measure.ts'
import { smallMessage, type Staged, type Staging } from './store.ts'

/** A message taken in by the disk store: its octets in memory, or in a spool file. */
export interface DiskStaged extends Staged {
  readonly held: readonly Uint8Array[] | FileHandle
}

/** Takes in one message: in memory while it is small, in a nameless file of `folder` when it is not. */
export class DiskStaging implements Staging {
  readonly #folder: string
  readonly #measure: Measure
  #chunks: Uint8Array[] = []
  #spool: FileHandle | undefined

  constructor(folder: string, wire: boolean) {
    this.#folder = folder
    this.#measure = new Measure(wire)
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#measure.update(chunk)
    if (this.#spool === undefined && this.#measure.size <= smallMessage) {
      this.#chunks.push(chunk)
      return undefined
    }
    return this.#spoolOut(chunk)
  }

  finish(): DiskStaged {
    const { hash, size, octets, lineEnds, crc, dots, surrogate } = this.#measure.finish()
    const held = this.#spool ?? this.#chunks
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

  async #spoolOut(chunk: Uint8Array): Promise<void> {
    try {
      if (this.#spool === undefined) {
        const path = join(this.#folder, `spool-${randomUUID()}`)
        this.#spool = await open(path, 'wx+', 0o600)
        // Without a name it is gone with the process, however that ends.
        await unlink(path)
        for (const held of this.#chunks.splice(0)) await writeWhole(this.#spool, [held])
      }
      await writeWhole(this.#spool, [chunk])
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
