import type { KeptRecord, PartRecord, Piece } from './settled-record.ts'

/** A run is closed when its content has so many octets. */
export const fullRun: number = 4 << 20
/** Memory for one run; only a large message takes more, and that is let go of afterwards (octets). */
const usual = fullRun + fullRun / 4

/** What is kept, before it is known where. */
export type Keeping = Omit<KeptRecord, 'at' | 'length'> | Omit<PartRecord, 'at' | 'length'>

export interface Kept extends Piece {
  readonly keeping: Keeping
}

/** What waits to be written as one run, in one piece of memory that is used again for the next. */
export class RunContent {
  #memory: Buffer = Buffer.alloc(0)
  #kept: Kept[] = []
  #size = 0

  /** Octets of what was kept. */
  get size(): number {
    return this.#size
  }

  get kept(): readonly Kept[] {
    return this.#kept
  }

  /** The octets of what was kept; good until `clear`. */
  get octets(): Buffer {
    return this.#memory.subarray(0, this.#size)
  }

  /** Memory right behind what was kept: who writes octets there need not have them copied. Good until the next call of anything. */
  room(length: number): Buffer {
    const end = this.#size + length
    if (end > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, usual))
      larger.set(this.octets)
      this.#memory = larger
    }
    return this.#memory.subarray(this.#size, end)
  }

  /** Keeps octets that were written into `room`. */
  keepThere(keeping: Keeping, length: number): void {
    this.#kept.push({ keeping, at: this.#size, length })
    this.#size += length
  }

  /** Keeps a copy of octets. */
  keep(keeping: Keeping, octets: Uint8Array): void {
    this.room(octets.length).set(octets)
    this.keepThere(keeping, octets.length)
  }

  clear(): void {
    this.#kept = []
    this.#size = 0
    if (this.#memory.length > usual) this.#memory = Buffer.alloc(0)
  }
}
