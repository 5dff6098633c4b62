/** Numbers that look random and are the same on every machine for the same seed (the generator sfc32). */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = (seed * 0x9e3779b1) | 0
    this.#c = 0x2545f491
    for (let i = 0; i < 16; i++) this.bits()
  }

  /** 32 random bits, as an integer from 0. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** From 0 up to but not 1. */
  fraction(): number {
    return this.bits() / 0x1_0000_0000
  }

  /** An integer from `low` to `high`, both possible. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1))
  }

  /** As `between`, but every order of magnitude is as likely as another. */
  betweenLogarithmic(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.fraction())
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.fraction() * list.length)] as T
  }

  /** Picks as words are used: the first ones often, the last ones seldom. */
  pickEarly<T>(list: readonly T[]): T {
    return list[Math.floor(this.fraction() ** 3 * list.length)] as T
  }

  /** So many characters of base64's alphabet. */
  token(length: number): string {
    return base64Letters(this, length).toString('latin1')
  }

  /** So many lower-case hexadecimal digits. */
  hex(length: number): string {
    let digits = ''
    while (digits.length < length) digits += this.bits().toString(16).padStart(8, '0')
    return digits.slice(0, length)
  }
}

const alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1')

function base64Letters(random: Random, length: number): Buffer {
  const letters = Buffer.allocUnsafe(length)
  let bits = 0
  for (let i = 0; i < length; i++) {
    bits = i % 5 === 0 ? random.bits() : bits >>> 6
    letters[i] = alphabet[bits & 63] as number
  }
  return letters
}

/** About so many octets of base64 in lines of 76, as a file that is already compressed (a photograph, a PDF) looks in a mail. */
export function base64Lines(random: Random, octets: number): Buffer {
  const lines = Math.max(1, Math.round(octets / 78))
  const text = Buffer.allocUnsafe(lines * 78)
  for (let line = 0; line < lines; line++) {
    base64Letters(random, 76).copy(text, line * 78)
    text[line * 78 + 76] = 13
    text[line * 78 + 77] = 10
  }
  return text
}
