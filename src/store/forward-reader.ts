import type { FileHandle } from 'node:fs/promises'
import { diskError } from '../disk-errors.ts'
import { openSegment } from './layout.ts'

/** A file is read in pieces of this size (octets). */
const piece = 4 << 20

interface Piece {
  readonly from: number
  readonly memory: Buffer
  readonly octets: Buffer
}

/** Reads a segment from front to back in large pieces; the next is read while this one is used. For whoever reads all of it, once. */
export class ForwardReader {
  readonly #path: string
  #handle: Promise<FileHandle> | undefined
  #piece: Piece | undefined
  #next: { readonly from: number; readonly reading: Promise<Piece> } | undefined
  #spare: Buffer | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Octets `start` to `start + length`, fewer where the file ends; good until the next call. Rejects with StoreError. */
  take(start: number, length: number): Buffer | Promise<Buffer> {
    const held = this.#piece
    if (held !== undefined && start >= held.from && start + length <= held.from + held.octets.length)
      return held.octets.subarray(start - held.from, start - held.from + length)
    return this.#gather(start, length)
  }

  async close(): Promise<void> {
    await this.#next?.reading.catch(() => undefined)
    const handle = await this.#handle?.catch(() => undefined)
    await handle?.close()
  }

  /** What lies across two pieces is copied; that is seldom. */
  async #gather(start: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    const end = start + length
    for (let at = start; at < end;) {
      const { from, octets } = await this.#pieceAt(Math.floor(at / piece) * piece)
      const part = octets.subarray(at - from, end - from)
      if (part.length === 0) break
      // The memory of this piece is used again for the one after the next.
      if (at + part.length < end) parts.push(Buffer.from(part))
      else if (parts.length === 0) return part
      else parts.push(part)
      at += part.length
    }
    return Buffer.concat(parts)
  }

  async #pieceAt(from: number): Promise<Piece> {
    if (this.#piece?.from === from) return this.#piece
    const reading = this.#next?.from === from ? this.#next.reading : undefined
    if (reading === undefined) await this.#next?.reading.catch(() => undefined)
    const found = await (reading ?? this.#read(from))
    this.#spare = this.#piece?.memory
    this.#piece = found
    const next = from + piece
    const following = found.octets.length === piece ? this.#read(next) : undefined
    following?.catch(() => undefined)
    this.#next = following && { from: next, reading: following }
    return found
  }

  async #read(from: number): Promise<Piece> {
    const memory = this.#spare ?? Buffer.allocUnsafeSlow(piece)
    this.#spare = undefined
    let filled = 0
    try {
      const handle = await (this.#handle ??= openSegment(this.#path))
      while (filled < piece) {
        const { bytesRead } = await handle.read(memory, filled, piece - filled, from + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
    } catch (error) {
      throw diskError(error, this.#path)
    }
    return { from, memory, octets: memory.subarray(0, filled) }
  }
}
