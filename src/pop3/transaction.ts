import { type Maildrop } from './maildrop.ts'
import { Marks } from './marks.ts'
import type { Say } from './texts.ts'

/** The TRANSACTION state: the maildrop as it was at the log-in, and what is marked as deleted in it (RFC 1939 §5). */
export class Transaction {
  readonly maildrop: Maildrop
  readonly removed: Marks
  #removedOctets = 0

  constructor(maildrop: Maildrop) {
    this.maildrop = maildrop
    this.removed = new Marks(maildrop.count)
  }

  /** RFC 1939 §5: messages marked as deleted are in neither total. */
  get count(): number {
    return this.maildrop.count - this.removed.size
  }

  get octets(): number {
    return this.maildrop.octets - this.#removedOctets
  }

  /** The one way from a word of the client to a message: its number, or why there is none. */
  message(word: string): number | Say {
    const number = wholeNumber(word)
    if (number === undefined) return (texts) => texts.noNumber
    if (number < 1 || number > this.maildrop.count) return noSuchMessage(this.maildrop.count)
    // RFC 1939 §5, DELE: any later use of the number is an error, DELE's own too.
    return this.removed.has(number) ? markedAlready(number) : number
  }

  delete(number: number): void {
    this.removed.add(number)
    this.#removedOctets += this.maildrop.octetsOf(number)
  }

  /** RFC 1939 §5, RSET. */
  reset(): void {
    this.removed.clear()
    this.#removedOctets = 0
  }
}

/** The number that decimal digits spell, Infinity where it is beyond all; undefined where it is anything but digits. */
export function wholeNumber(word: string): number | undefined {
  let number = 0
  for (let at = 0; at < word.length; at++) {
    const digit = word.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return word === '' ? undefined : number
}

function noSuchMessage(count: number): Say {
  return (texts) => texts.noSuchMessage(count)
}

function markedAlready(number: number): Say {
  return (texts) => texts.markedAlready(number)
}
