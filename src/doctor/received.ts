/** Octets that have come and were not taken yet; adding costs the same however many there are. */
export class Received {
  #buffer = Buffer.allocUnsafe(16 << 10)
  #start = 0
  #end = 0

  /** Good until the next `add` or `take`. */
  get octets(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  add(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) {
      const held = this.octets
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length, 2 * (held.length + chunk.length)))
      larger.set(held)
      this.#buffer = larger
      this.#end = held.length
      this.#start = 0
    }
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  take(count: number): void {
    this.#start += count
    if (this.#start === this.#end) this.#start = this.#end = 0
  }
}
