const slabSize = 1 << 20
/** What is larger than this is not worth a copy, or would not fit well. */
const largest = slabSize >> 2
/** So many slabs that nobody uses are kept for the next time. */
const mostSpare = 32

interface Slab {
  readonly octets: Uint8Array
  /** Copies in it that are in use. */
  used: number
}

/**
 * Memory for octets that came from a socket and wait to become durable. Each piece that a socket gives is memory of its own: where all of
 * it is held until it is written, collecting that garbage costs more than these copies, which are made into memory that is used again and again.
 */
export class Slabs {
  #slab: Slab | undefined
  #fill = 0
  /** By their memory, those that have copies in use. */
  readonly #slabs = new Map<ArrayBufferLike, Slab>()
  readonly #spare: Slab[] = []

  /** A copy, valid until it is given to `free`; undefined where these octets are too many for that. */
  copy(octets: Uint8Array): Uint8Array | undefined {
    if (octets.length > largest) return undefined
    let slab = this.#slab
    if (slab === undefined || slabSize - this.#fill < octets.length) slab = this.#next()
    slab.used++
    const from = this.#fill
    this.#fill += octets.length
    slab.octets.set(octets, from)
    return slab.octets.subarray(from, this.#fill)
  }

  /** A copy is not used any more. */
  free(copy: Uint8Array): void {
    const slab = this.#slabs.get(copy.buffer)
    if (slab === undefined) return
    slab.used--
    if (slab.used === 0 && slab !== this.#slab) this.#release(slab)
  }

  #next(): Slab {
    const full = this.#slab
    const slab = this.#spare.pop() ?? { octets: Buffer.allocUnsafeSlow(slabSize), used: 0 }
    this.#slab = slab
    this.#fill = 0
    this.#slabs.set(slab.octets.buffer, slab)
    if (full?.used === 0) this.#release(full)
    return slab
  }

  #release(slab: Slab): void {
    this.#slabs.delete(slab.octets.buffer)
    if (this.#spare.length < mostSpare) this.#spare.push(slab)
  }
}
