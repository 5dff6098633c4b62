import { cr, dot, lf, toOctets } from '../wire/octets.ts'

/** What the server engine must know of one message. */
export interface MaildropMessage {
  /** 1 to 70 octets of 0x21 to 0x7E (RFC 1939 §7). */
  readonly uniqueId: string
  /** Exact size on the wire, dot-stuffing not counted (RFC 1939 §11). */
  readonly octets: number
  /** How its lines end as it is kept. CRLF. */
  readonly lineEnds?: 'crlf' | 'lf'
  /**
   * It has UTF-8 in its header (RFC 6532), so that only a client that said UTF8 can take it as it is; the size, counted as `octets`, of
   * what another client gets in its place (RFC 6858).
   */
  readonly surrogate?: number | undefined
}

/** What a message is kept like; bits. */
export const form = {
  /** With bare LF; each is CRLF on the wire. */
  lf: 1,
  /** UTF-8 in its header (RFC 6532). */
  international: 2,
  /** No line begins with ".". */
  noDots: 4,
} as const

/** A maildrop in columns: a million messages must cost no million objects. */
export interface MaildropColumns {
  readonly count: number
  /** Of each message, on the wire, dot-stuffing not counted (RFC 1939 §11). */
  readonly octets: Float64Array
  /** Unique-ids, one behind the other in ASCII; that of message n (from 1) ends before `uniqueIdEnds[n - 1]`. */
  readonly uniqueIds: Uint8Array
  readonly uniqueIdEnds: Uint32Array
  /** Bits of `form`. */
  readonly forms: Uint8Array
  /** `MaildropMessage.surrogate`, by message-number, of the few that have one. */
  readonly surrogates: ReadonlyMap<number, number>
}

/** Which messages are left out of a listing; a `Set` of their numbers, or `Marks`. */
export interface Marked {
  readonly size: number
  has(number: number): boolean
}

const space = 0x20
const zero = 0x30

/**
 * The messages of one user as a session locked them (RFC 1939 §4); a message's number is its place, from 1. It never changes,
 * so sessions may share one, and with it the listings, each of which is spelt once.
 */
export class Maildrop {
  readonly count: number
  /** Of all messages. */
  readonly octets: number
  readonly #columns: MaildropColumns
  #sizes: Uint8Array | undefined
  #uniqueIds: Uint8Array | undefined
  #downgraded: Maildrop | undefined

  constructor(columns: MaildropColumns) {
    this.#columns = columns
    this.count = columns.count
    let octets = 0
    for (let place = 0; place < columns.count; place++) octets += columns.octets[place] ?? 0
    this.octets = octets
  }

  /** A maildrop of these messages, in their order. */
  static of(messages: Iterable<MaildropMessage>): Maildrop {
    const all = [...messages]
    const uniqueIds = toOctets(all.map((message) => message.uniqueId).join(''))
    let end = 0
    return new Maildrop({
      count: all.length,
      octets: Float64Array.from(all, (message) => message.octets),
      uniqueIds,
      uniqueIdEnds: Uint32Array.from(all, (message) => (end += message.uniqueId.length)),
      forms: Uint8Array.from(
        all,
        ({ lineEnds, surrogate }) =>
          (lineEnds === 'lf' ? form.lf : 0) | (surrogate === undefined ? 0 : form.international),
      ),
      surrogates: new Map(
        all.flatMap(({ surrogate }, place) => (surrogate === undefined ? [] : [[place + 1, surrogate]])),
      ),
    })
  }

  /** The same maildrop for a client that did not say UTF8: its sizes are those of what such a client gets (RFC 6856 §2.1). */
  get downgraded(): Maildrop {
    const { surrogates, octets } = this.#columns
    if (surrogates.size === 0) return this
    if (this.#downgraded === undefined) {
      const sizes = octets.slice()
      for (const [number, size] of surrogates) sizes[number - 1] = size
      this.#downgraded = new Maildrop({ ...this.#columns, octets: sizes, surrogates: new Map() })
    }
    return this.#downgraded
  }

  /** The size of message `number`; 0 where there is none. */
  octetsOf(number: number): number {
    return this.#columns.octets[number - 1] ?? 0
  }

  uniqueIdOf(number: number): string {
    const { uniqueIds, uniqueIdEnds } = this.#columns
    const from = number > 1 ? (uniqueIdEnds[number - 2] ?? 0) : 0
    return String.fromCharCode(...uniqueIds.subarray(from, uniqueIdEnds[number - 1] ?? from))
  }

  /** The bits of `form` of message `number`. */
  formOf(number: number): number {
    return this.#columns.forms[number - 1] ?? 0
  }

  /** The lines of LIST or UIDL without the messages `removed`, and the end of the reply. */
  listing(of: 'LIST' | 'UIDL', removed: Marked): Uint8Array {
    if (removed.size > 0) return this.#spell(of, removed)
    if (of === 'LIST') return (this.#sizes ??= this.#spell(of, removed))
    return (this.#uniqueIds ??= this.#spell(of, removed))
  }

  #spell(of: 'LIST' | 'UIDL', removed: Marked): Uint8Array {
    const { count, octets, uniqueIds, uniqueIdEnds } = this.#columns
    const out = new Uint8Array(this.#spelt(of, removed))
    let to = 0
    let end = 0
    for (let number = 1; number <= count; number++) {
      const from = end
      end = uniqueIdEnds[number - 1] ?? from
      if (removed.has(number)) continue
      to = writeNumber(out, to, number)
      out[to++] = space
      if (of === 'LIST') to = writeNumber(out, to, octets[number - 1] ?? 0)
      else for (let at = from; at < end; at++) out[to++] = uniqueIds[at] ?? 0
      out[to++] = cr
      out[to++] = lf
    }
    out[to++] = dot
    out[to++] = cr
    out[to++] = lf
    return out
  }

  /** How many octets that listing has. */
  #spelt(of: 'LIST' | 'UIDL', removed: Marked): number {
    const { count, octets, uniqueIdEnds } = this.#columns
    let size = 3
    let end = 0
    for (let number = 1; number <= count; number++) {
      const from = end
      end = uniqueIdEnds[number - 1] ?? from
      if (removed.has(number)) continue
      size += digits(number) + (of === 'LIST' ? digits(octets[number - 1] ?? 0) : end - from) + 3
    }
    return size
  }
}

function digits(number: number): number {
  let count = 1
  for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) count++
  return count
}

/** Writes a whole number in decimal; gives the place behind it. */
function writeNumber(out: Uint8Array, at: number, number: number): number {
  const end = at + digits(number)
  let rest = number
  for (let place = end - 1; place >= at; place--) {
    const tens = Math.floor(rest / 10)
    out[place] = zero + rest - tens * 10
    rest = tens
  }
  return end
}
