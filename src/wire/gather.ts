const firstSlab = 512
const lastSlab = 256 << 10
/** So many slabs are kept for the next time. */
const mostSpare = 2

/** First slabs are parts of one piece of memory: fresh memory for each short session would cost more than all that it says. */
let pool = new ArrayBuffer(0)
let poolAt = 0

function newFirstSlab(): Uint8Array {
  if (poolAt === pool.byteLength) {
    pool = new ArrayBuffer(firstSlab * 64)
    poolAt = 0
  }
  poolAt += firstSlab
  return new Uint8Array(pool, poolAt - firstSlab, firstSlab)
}

/**
 * Collects what is to be written in few large pieces. Everything is copied: what is given need not stay as it is, and the slabs
 * are used again, which costs far less than fresh memory for all that goes out.
 */
export class Gather {
  #slab: Uint8Array = newFirstSlab()
  /** What of the slab has been handed on, and what is filled. */
  #from = 0
  #fill = 0
  #pieces: Uint8Array[] = []
  #size = 0
  /** Slabs that are full, and slabs that nobody uses. */
  #full: Uint8Array[] = []
  #spare: Uint8Array[] = []

  /** How many octets wait. */
  get size(): number {
    return this.#size
  }

  /** Adds ASCII text. */
  text(text: string): void {
    const { length } = text
    if (length > lastSlab) {
      for (let at = 0; at < length; at += lastSlab) this.text(text.slice(at, at + lastSlab))
      return
    }
    if (this.#slab.length - this.#fill < length) this.#nextSlab(length)
    const slab = this.#slab
    let fill = this.#fill
    for (let i = 0; i < length; i++) slab[fill++] = text.charCodeAt(i)
    this.#fill = fill
    this.#size += length
  }

  /** Adds a copy of these octets. */
  octets(piece: Uint8Array): void {
    this.#size += piece.length
    for (let rest = piece; rest.length > 0;) {
      if (this.#slab.length === this.#fill) this.#nextSlab(rest.length)
      const part =
        rest.length > this.#slab.length - this.#fill ? rest.subarray(0, this.#slab.length - this.#fill) : rest
      this.#slab.set(part, this.#fill)
      this.#fill += part.length
      rest = part === rest ? rest.subarray(rest.length) : rest.subarray(part.length)
    }
  }

  /** All that waits, in order; nothing waits afterwards. It stays as it is until `reuse`. */
  take(): Uint8Array[] {
    this.#cut()
    const pieces = this.#pieces
    this.#pieces = []
    this.#size = 0
    return pieces
  }

  /** What was taken is written: its memory may be used again. */
  reuse(): void {
    if (this.#size > 0) return
    for (const slab of this.#full)
      if (this.#spare.length < mostSpare && slab.length === lastSlab) this.#spare.push(slab)
    this.#full = []
    this.#from = 0
    this.#fill = 0
  }

  #cut(): void {
    if (this.#fill === this.#from) return
    this.#pieces.push(this.#slab.subarray(this.#from, this.#fill))
    this.#from = this.#fill
  }

  #nextSlab(needed: number): void {
    this.#cut()
    this.#full.push(this.#slab)
    // It grows with use: a session of ten short replies is not worth a large one.
    const size = Math.min(lastSlab, Math.max(needed, this.#slab.length * 4))
    this.#slab = (size === lastSlab ? this.#spare.pop() : undefined) ?? new Uint8Array(size)
    this.#from = 0
    this.#fill = 0
  }
}
