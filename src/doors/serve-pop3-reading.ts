import type { MaildropEntry, UserMail } from '../store/store.ts'
import { smallMessage } from '../store/store.ts'

/** So many messages, and octets of them, are read before they are asked for. */
const enoughMessages = 32
const enoughOctets = 2 << 20
/** Of a message that is not small only the first chunk is read ahead. */
const chunk = 64 << 10
/** A client that asks for one message after the other without pipelining will want the next ones. */
const guess = 4

/** A message whose first octets are on their way. */
export interface Reading {
  readonly first: Promise<IteratorResult<Uint8Array>>
  readonly rest: AsyncIterator<Uint8Array>
}

/** Reads the messages of one session, and ahead those that it will want. */
export class Readings {
  readonly #mail: UserMail
  readonly #messages: readonly MaildropEntry[]
  readonly #ahead = new Map<number, Reading>()
  #octets = 0
  #last = 0

  constructor(mail: UserMail, messages: readonly MaildropEntry[]) {
    this.#mail = mail
    this.#messages = messages
  }

  /** Begins to read a message-number, or goes on with what was begun; then reads ahead what `upcoming` tells. */
  read(number: number, upcoming: () => number | undefined): Reading {
    const reading = this.#take(number) ?? this.#begin(number)
    if (reading === undefined) throw new RangeError(`no message ${number}`)
    let known = false
    while (this.#roomy) {
      const next = upcoming()
      if (next === undefined) break
      known = true
      this.#prepare(next)
    }
    if (!known && this.#ahead.size < guess && number === this.#last + 1) {
      for (let next = number + 1; next <= number + guess && this.#roomy; next++) this.#prepare(next)
    }
    this.#last = number
    return reading
  }

  /** Lets go of what was read ahead for nothing. */
  close(): void {
    for (const reading of this.#ahead.values()) letGo(reading)
    this.#ahead.clear()
    this.#octets = 0
  }

  get #roomy(): boolean {
    return this.#ahead.size < enoughMessages && this.#octets < enoughOctets
  }

  #prepare(number: number): void {
    if (this.#ahead.has(number)) return
    const reading = this.#begin(number)
    if (reading === undefined) return
    this.#ahead.set(number, reading)
    this.#octets += this.#weight(number)
  }

  #take(number: number): Reading | undefined {
    const reading = this.#ahead.get(number)
    if (reading === undefined) return undefined
    this.#ahead.delete(number)
    this.#octets -= this.#weight(number)
    return reading
  }

  #begin(number: number): Reading | undefined {
    const message = this.#messages[number - 1]
    if (message === undefined) return undefined
    const rest = this.#mail.bytes(message.id)[Symbol.asyncIterator]()
    const first = rest.next()
    // Whoever reads it hears of its failure; while nobody does, it is nobody's.
    first.catch(() => undefined)
    return { first, rest }
  }

  #weight(number: number): number {
    const octets = this.#messages[number - 1]?.octets ?? 0
    return octets > smallMessage ? chunk : octets
  }
}

/** Ends a reading before its end. */
export function letGo(reading: Reading): void {
  Promise.resolve(reading.rest.return?.()).catch(() => undefined)
}
