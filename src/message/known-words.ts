/** Of ASCII: the letter in lower case, or the digit; 0 for what parts words. */
const ascii = new Uint8Array(128)
for (let code = 0; code < 128; code++)
  if (/[a-z0-9]/i.test(String.fromCharCode(code))) ascii[code] = String.fromCharCode(code).toLowerCase().charCodeAt(0)

const seed = 0x811c9dc5 | 0

/** A word for which there is no room within so many places is not learnt: words can be written that would all come to lie in one. */
const mostTries = 32

/** So many words are room enough for most messages. */
const smallest = 1 << 11

/**
 * Which words a text has: each remembered by 62 bits that are computed from it, so that a text costs no more than reading it once. What
 * counts as a word is cut coarser than the index does, never finer: two that are the same here are the same there.
 */
export class KnownWords {
  #first = new Int32Array(smallest)
  #second = new Int32Array(smallest)
  #count = 0

  /** Forgets them all. */
  clear(): void {
    if (this.#count === 0) return
    const large = this.#first.length > smallest
    this.#first = large ? new Int32Array(smallest) : this.#first.fill(0)
    this.#second = large ? new Int32Array(smallest) : this.#second
    this.#count = 0
  }

  /** Learns the words of a text. */
  add(text: string): void {
    this.#read(text, 0, text.length, true)
  }

  /** The lines of a text in which there is a word that was not learnt. */
  newLines(text: string): string {
    const lines: string[] = []
    for (let at = 0; at <= text.length;) {
      const found = text.indexOf('\n', at)
      const end = found < 0 ? text.length : found
      if (this.#read(text, at, end, false)) lines.push(text.slice(at, end))
      at = end + 1
    }
    return lines.join('\n')
  }

  /** Goes through the words of a stretch of a text: learns them, or says whether there is one that is not known. */
  #read(text: string, from: number, to: number, learn: boolean): boolean {
    let one = seed
    let two = seed
    let inWord = false
    for (let at = from; at <= to; at++) {
      const code = at < to ? text.charCodeAt(at) : 0
      const letter = code < 128 ? (ascii[code] ?? 0) : parts(code) ? 0 : code
      if (letter !== 0) {
        one = Math.imul(one ^ letter, 0x01000193)
        two = ((two << 5) - two + (two >>> 27) + letter) | 0
        inWord = true
      } else if (inWord) {
        if (learn) this.#learn(one | 1, two)
        else if (!this.#knows(one | 1, two)) return true
        one = seed
        two = seed
        inWord = false
      }
    }
    return false
  }

  #knows(one: number, two: number): boolean {
    const at = this.#place(one, two)
    return at !== undefined && this.#first[at] === one
  }

  #learn(one: number, two: number): void {
    const at = this.#place(one, two)
    if (at === undefined || this.#first[at] === one) return
    this.#first[at] = one
    this.#second[at] = two
    if (++this.#count * 2 > this.#first.length) this.#grow()
  }

  /** Where the word is, or where it would go: the first of the pair is never 0. Undefined: there is no room for it. */
  #place(one: number, two: number): number | undefined {
    const mask = this.#first.length - 1
    // The bits of either are mixed, so that words which are much alike do not come to lie together.
    let at = (one ^ (one >>> 15) ^ Math.imul(two, 0x2c1b3c6d)) & mask
    for (let tries = 0; tries < mostTries; tries++) {
      if (this.#first[at] === 0 || (this.#first[at] === one && this.#second[at] === two)) return at
      at = (at + 1) & mask
    }
    return undefined
  }

  #grow(): void {
    const first = this.#first
    const second = this.#second
    this.#first = new Int32Array(first.length * 2)
    this.#second = new Int32Array(first.length * 2)
    for (const [from, one] of first.entries()) {
      if (one === 0) continue
      const at = this.#place(one, second[from] ?? 0)
      if (at === undefined) continue
      this.#first[at] = one
      this.#second[at] = second[from] ?? 0
    }
  }
}

/** Whether a character beyond ASCII is certainly no letter, digit or mark; of most nothing is said. */
function parts(code: number): boolean {
  if (code >= 0x2000) return code <= 0x206f || (code >= 0x3000 && code <= 0x3003)
  if (code > 0xf7) return false
  if (code === 0xd7 || code === 0xf7) return true
  // ª ² ³ µ ¹ º ¼ ½ ¾ are letters and numbers.
  return (
    code <= 0xbf &&
    !(
      code === 0xaa ||
      code === 0xb2 ||
      code === 0xb3 ||
      code === 0xb5 ||
      code === 0xb9 ||
      code === 0xba ||
      (code >= 0xbc && code <= 0xbe)
    )
  )
}
