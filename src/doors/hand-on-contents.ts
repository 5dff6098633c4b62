import { createHash } from 'node:crypto'
import type { MessageId } from '../ids.ts'
import { type Message, smallMessage, type UserMail } from '../store/store.ts'

/** What of a message some way of carrying it cannot carry. */
export interface Fitness {
  /** A NUL: no literal of IMAP may have one (RFC 9051 §4.3), nor may a line of SMTP. */
  readonly nul: boolean
  /** A CR or an LF that is not part of a CRLF: SMTP has none (RFC 5321 §2.3.8). */
  readonly bare: boolean
  readonly eightBit: boolean
  /** It ends with CRLF, or is empty: SMTP has only whole lines. */
  readonly whole: boolean
}

/** A message's octets, looked through. */
export interface Contents {
  readonly fitness: Fitness
  /** The first octets; of a header of usual length all of it. */
  readonly head: Uint8Array
  octets(): AsyncIterable<Uint8Array>
}

const headSize = 64 << 10

/** Looks through a message: a small one is then in memory, a large one is read again when it leaves. Rejects with StoreError. */
export async function contentsOf(mail: UserMail, message: Message): Promise<Contents> {
  const look = new Look()
  const kept: Uint8Array[] = []
  const small = message.size <= smallMessage
  let head = new Uint8Array(0)
  for await (const piece of mail.bytes(message.id)) {
    look.take(piece)
    if (head.length < headSize) head = Buffer.concat([head, piece.subarray(0, headSize - head.length)])
    if (small) kept.push(piece)
  }
  return { fitness: look.fitness(), head, octets: () => (small ? inMemory(kept) : mail.bytes(message.id)) }
}

async function* inMemory(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

class Look {
  #nul = false
  #bare = false
  #eightBit = false
  #afterCr = false
  #last = 0x0a

  take(octets: Uint8Array): void {
    let afterCr = this.#afterCr
    for (const octet of octets) {
      if (octet === 0x0a ? !afterCr : afterCr) this.#bare = true
      afterCr = octet === 0x0d
      if (octet === 0) this.#nul = true
      else if (octet > 0x7f) this.#eightBit = true
    }
    this.#afterCr = afterCr
    this.#last = octets.at(-1) ?? this.#last
  }

  fitness(): Fitness {
    return { nul: this.#nul, bare: this.#bare || this.#afterCr, eightBit: this.#eightBit, whole: this.#last === 0x0a }
  }
}

/**
 * Names a message by its octets, but for what servers change in keeping them: line ends, and NULs (which Dovecot writes as 0x80).
 */
export class Fingerprint {
  readonly #hash = createHash('sha256')

  take(octets: Uint8Array): void {
    this.#hash.update(octets.filter((octet) => octet !== 0x0d && octet !== 0x0a && octet !== 0 && octet !== 0x80))
  }

  finish(): string {
    return this.#hash.digest('hex')
  }
}

/** The fingerprint of a message at home. Rejects with StoreError. */
export async function fingerprintOf(mail: UserMail, id: MessageId): Promise<string> {
  const print = new Fingerprint()
  for await (const piece of mail.bytes(id)) print.take(piece)
  return print.finish()
}
