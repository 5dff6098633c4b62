import { randomUUID } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../disk-errors.ts'
import { StoreError } from '../errors.ts'
import { Measure } from './measure.ts'
import type { Staged, Staging } from './store.ts'

/** A message taken in by the disk store: its octets in memory, or in a spool file. */
export interface DiskStaged extends Staged {
  readonly held: readonly Uint8Array[] | FileHandle
}

/** Up to this size (octets) a message is held in memory; beyond it, in a file, to which so much is written at once. */
export const spooledBeyond: number = 4 << 20
const portion = 512 << 10
/**
 * Of messages that come off a wire, and are not whole or not believed in yet, so much is held in memory for one folder (octets); beyond that, all
 * but a little of each goes into its file. A server that lists them as small has many sent one behind the other.
 */
export const heldTogether: number = 16 << 20
const little = 64 << 10
/** By folder, what is held for it, while there is something. */
const heldIn = new Map<string, number>()
/** So many chunks are held at most: in very small ones, as a slow or hostile server sends them, much more memory goes with the octets. */
const mostChunks = 4096

/** Takes in one message: in memory while it is small, in a nameless file of `folder` when it is not. */
export class DiskStaging implements Staging {
  readonly #folder: string
  readonly #wire: boolean
  readonly #measure: Measure
  #chunks: Uint8Array[] = []
  /** Octets of the chunks. */
  #holding = 0
  #spool: FileHandle | undefined

  constructor(folder: string, wire: boolean) {
    this.#folder = folder
    this.#wire = wire
    this.#measure = new Measure(wire)
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#measure.update(chunk)
    this.#chunks.push(chunk)
    const together = this.#hold(chunk.length)
    const most = together > heldTogether ? little : this.#spool === undefined ? spooledBeyond : portion
    return this.#holding > most || this.#chunks.length > mostChunks ? this.#spoolOut() : undefined
  }

  finish(): DiskStaged | Promise<DiskStaged> {
    const spool = this.#spool
    if (spool === undefined) {
      this.#hold(-this.#holding)
      return this.#staged(this.#chunks)
    }
    return this.#spoolOut().then(() => this.#staged(spool))
  }

  #staged(held: DiskStaged['held']): DiskStaged {
    const { hash, size, octets, lineEnds, crc, dots, surrogate } = this.#measure.finish()
    const discard = (): void => this.discard()
    return { hash, size, octets, lineEnds, crc, dots, surrogate, held, discard }
  }

  discard(): void {
    this.#chunks = []
    this.#hold(-this.#holding)
    const spool = this.#spool
    this.#spool = undefined
    // Closing a file that has no name any more can only free it.
    spool?.close().catch(() => undefined)
  }

  /** So many octets more are held; gives how many are in all, of what comes off a wire. */
  #hold(octets: number): number {
    this.#holding += octets
    if (!this.#wire) return 0
    const together = (heldIn.get(this.#folder) ?? 0) + octets
    if (together === 0) heldIn.delete(this.#folder)
    else heldIn.set(this.#folder, together)
    return together
  }

  async #spoolOut(): Promise<void> {
    try {
      if (this.#spool === undefined) {
        const path = join(this.#folder, `spool-${randomUUID()}`)
        this.#spool = await open(path, 'wx+', 0o600)
        // Without a name it is gone with the process, however that ends.
        await unlink(path)
      }
      const chunks = this.#chunks.splice(0)
      await writeWhole(this.#spool, chunks)
      this.#hold(-this.#holding)
    } catch (error) {
      this.discard()
      throw diskError(error, this.#folder)
    }
  }
}

/**
 * Writes all octets, at `position` or where the file is; the system may take them in several turns. Rejects with StoreError where some of them
 * were gone before the system had them.
 */
export async function writeWhole(file: FileHandle, pieces: readonly Uint8Array[], position?: number): Promise<void> {
  let left = pieces
  let at = position
  for (let size = octetsOf(left); size > 0;) {
    const { bytesWritten } = await file.writev(left, at)
    // What the system has read meanwhile is nobody's any more.
    const gone = size - octetsOf(left)
    if (gone > 0)
      throw new StoreError(
        'io',
        `${gone} octets went while they were written: none of them is kept; please report this`,
      )
    size -= bytesWritten
    if (at !== undefined) at += bytesWritten
    left = after(left, bytesWritten)
  }
}

function octetsOf(pieces: readonly Uint8Array[]): number {
  let octets = 0
  for (const { length } of pieces) octets += length
  return octets
}

function after(pieces: readonly Uint8Array[], octets: number): readonly Uint8Array[] {
  let gone = octets
  for (const [index, piece] of pieces.entries()) {
    if (gone < piece.length) return [piece.subarray(gone), ...pieces.slice(index + 1)]
    gone -= piece.length
  }
  return []
}
