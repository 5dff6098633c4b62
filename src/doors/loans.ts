/**
 * Memory that a socket gave, and how many still need it. What nobody needs is given back to the system at once: left to the garbage
 * collector, the octets of a large mailbox make it run every thousand pieces. Nothing is ever written over: who looked at what was given
 * back would find it empty.
 */
export class Loans {
  readonly #needed = new Map<ArrayBufferLike, number>()

  /** How many pieces of memory are needed. */
  get size(): number {
    return this.#needed.size
  }

  /** A socket gave these octets; whoever reads them needs them, until `done`. What shares its memory is left alone, whatever is said of it. */
  begin({ buffer, byteLength }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0) this.#needed.set(buffer, 1)
  }

  /** One more needs these octets, or the memory that they are part of, until he says `done`. */
  hold({ buffer }: Uint8Array): void {
    const needed = this.#needed.get(buffer)
    if (needed !== undefined) this.#needed.set(buffer, needed + 1)
  }

  /** One of those who need them does not any more. */
  done({ buffer }: Uint8Array): void {
    const needed = this.#needed.get(buffer)
    if (needed === undefined) return
    if (needed > 1) {
      this.#needed.set(buffer, needed - 1)
      return
    }
    this.#needed.delete(buffer)
    if (buffer instanceof ArrayBuffer) buffer.transfer(0)
  }

  /** Somebody has them who will not say when he is done: they are left to the garbage collector. */
  keep({ buffer }: Uint8Array): void {
    this.#needed.delete(buffer)
  }
}
