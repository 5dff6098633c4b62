/** Which messages of a maildrop are marked as deleted (RFC 1939 §5). An octet for each message, from the first mark on. */
export class Marks {
  readonly #count: number
  #marked: Uint8Array | undefined
  /** How many are marked. */
  size = 0

  /** Of a maildrop of so many messages. */
  constructor(count: number) {
    this.#count = count
  }

  has(number: number): boolean {
    return this.#marked?.[number - 1] === 1
  }

  add(number: number): void {
    if (this.has(number)) return
    this.#marked ??= new Uint8Array(this.#count)
    this.#marked[number - 1] = 1
    this.size++
  }

  clear(): void {
    this.#marked?.fill(0)
    this.size = 0
  }

  /** The numbers that are marked, in order. */
  numbers(): number[] {
    const numbers: number[] = []
    for (let number = 1; numbers.length < this.size; number++) if (this.has(number)) numbers.push(number)
    return numbers
  }
}
