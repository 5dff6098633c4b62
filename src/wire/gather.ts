/** Pieces larger than this are handed on as they are; copying a smaller one costs less than writing it by itself. */
const small = 8 << 10
const firstSlab = 1 << 10
const lastSlab = 64 << 10

/** Collects what is to be written: short replies and small pieces side by side in few large ones, large pieces untouched. */
export class Gather {
  #slab: Uint8Array = new Uint8Array(firstSlab)
  /** What of the slab has been handed on, and what is filled. */
  #from = 0
  #fill = 0
  #pieces: Uint8Array[] = []
  #size = 0

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

  /** Adds octets, which must not be changed afterwards. */
  octets(piece: Uint8Array): void {
    const { length } = piece
    if (length > small) {
      this.#cut()
      this.#pieces.push(piece)
    } else {
      if (this.#slab.length - this.#fill < length) this.#nextSlab(length)
      this.#slab.set(piece, this.#fill)
      this.#fill += length
    }
    this.#size += length
  }

  /** All that waits, in order; nothing waits afterwards. */
  take(): Uint8Array[] {
    this.#cut()
    const pieces = this.#pieces
    this.#pieces = []
    this.#size = 0
    return pieces
  }

  #cut(): void {
    if (this.#fill === this.#from) return
    this.#pieces.push(this.#slab.subarray(this.#from, this.#fill))
    this.#from = this.#fill
  }

  #nextSlab(needed: number): void {
    this.#cut()
    // It grows with use: a session of ten short replies is not worth 64 KB.
    this.#slab = new Uint8Array(Math.max(needed, Math.min(lastSlab, this.#slab.length * 4)))
    this.#from = 0
    this.#fill = 0
  }
}
