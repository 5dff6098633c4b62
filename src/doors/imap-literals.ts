import { randomBytes } from 'node:crypto'

/** What the octets of a server are, in their order. */
export type ImapPart =
  /** For whoever reads the protocol. */
  | { readonly kind: 'protocol'; readonly octets: Uint8Array }
  /** A message begins, of so many octets; then its octets come, then its end. */
  | { readonly kind: 'message'; readonly size: number }
  | { readonly kind: 'octets'; readonly octets: Uint8Array }
  /** In the protocol, `token` stands where the message stood. */
  | { readonly kind: 'end'; readonly token: string }
  /** The line that answers a command is whole (RFC 9051 §2.2.2). */
  | { readonly kind: 'answered' }

/** A literal's announcement at the end of a line is not longer (octets). */
const longestMark = 64
const lf = 0x0a
const brace = 0x7d
const nothing = Buffer.alloc(0)
/** RFC 9051 §9: literal, literal8. A whole message, by its section; by BINARY too (RFC 3516 §4.2), and where its first octets were asked for. */
const message = /(?:BODY|BINARY)\[\](?:<\d+>)? (~?\{(\d{1,10})\+?\}\r?\n)$/i
const literal = /\{(\d{1,10})\+?\}\r?\n$/

/**
 * Takes the messages out of what an IMAP server sends, as octets that go by, whatever their size: a message is a literal behind
 * `BODY[]`. A name stands in its place in what is left. Where `taking` is false, nothing is taken out.
 */
export class ImapLiterals {
  taking = false
  /** Nobody can say it by chance: messages are other people's. */
  readonly #secret = randomBytes(9).toString('base64url')
  #count = 0
  /** The last octets of a line that is not whole; they were not given yet. */
  #held: Buffer = nothing
  /** How the line that is not whole began, if anything of it was given. */
  #untagged: boolean | undefined
  /** Octets of the literal that are still to come, and whether it is a message. */
  #left = 0
  #inMessage = false;

  /** Divides what came. The parts are views of it. */
  *divide(chunk: Buffer): Generator<ImapPart> {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const octets = chunk.subarray(at, at + this.#left)
        at += octets.length
        this.#left -= octets.length
        yield { kind: this.#inMessage ? 'octets' : 'protocol', octets }
        if (this.#left === 0) yield* this.#endOfLiteral()
      } else at = yield* this.#lines(chunk, at)
    }
  }

  /** Goes over lines up to the next literal, or to the end; gives where that is. */
  *#lines(chunk: Buffer, from: number): Generator<ImapPart, number> {
    const held = this.#held
    this.#held = nothing
    let given = from
    for (let at = from; at < chunk.length;) {
      const end = chunk.indexOf(lf, at) + 1
      if (end === 0) {
        if (held.length > 0 && at === from) return yield* this.#keep(Buffer.concat([held, chunk.subarray(at)]), chunk)
        if (at > given) yield { kind: 'protocol', octets: chunk.subarray(given, at) }
        return yield* this.#keep(chunk.subarray(at), chunk)
      }
      // What was held belongs to the first line.
      const line = held.length > 0 && at === from ? Buffer.concat([held, chunk.subarray(at, end)]) : undefined
      const whole = line ?? chunk.subarray(at, end)
      const mark = markOf(whole)
      const tagged = !(this.#untagged ?? startsUntagged(whole)) && mark === undefined
      this.#untagged = mark === undefined ? undefined : (this.#untagged ?? startsUntagged(whole))
      if (line !== undefined) {
        const keep = mark !== undefined && this.#takes(mark) ? line.subarray(0, line.length - mark.length) : line
        if (keep.length > 0) yield { kind: 'protocol', octets: keep }
        given = end
      } else if (mark !== undefined) {
        const until = this.#takes(mark) ? end - mark.length : end
        if (until > given) yield { kind: 'protocol', octets: chunk.subarray(given, until) }
        given = end
      }
      at = end
      if (mark !== undefined) {
        yield* this.#beginLiteral(mark)
        return end
      }
      if (tagged) {
        if (end > given) yield { kind: 'protocol', octets: chunk.subarray(given, end) }
        given = end
        yield { kind: 'answered' }
      }
    }
    if (chunk.length > given) yield { kind: 'protocol', octets: chunk.subarray(given) }
    return chunk.length
  }

  /** Gives the beginning of a line that is not whole, and holds what may announce a literal. */
  *#keep(line: Buffer, chunk: Buffer): Generator<ImapPart, number> {
    const cut = Math.max(0, line.length - longestMark)
    if (cut > 0) {
      this.#untagged ??= startsUntagged(line)
      yield { kind: 'protocol', octets: line.subarray(0, cut) }
    }
    this.#held = Buffer.from(line.subarray(cut))
    return chunk.length
  }

  #takes(mark: Mark): boolean {
    return this.taking && mark.message
  }

  *#beginLiteral(mark: Mark): Generator<ImapPart> {
    this.#left = mark.size
    this.#inMessage = this.#takes(mark)
    if (this.#inMessage) yield { kind: 'message', size: mark.size }
    if (mark.size === 0) yield* this.#endOfLiteral()
  }

  *#endOfLiteral(): Generator<ImapPart> {
    if (!this.#inMessage) return
    this.#inMessage = false
    const token = `${this.#secret}-${++this.#count}`
    yield { kind: 'protocol', octets: Buffer.from(`"${token}"`) }
    yield { kind: 'end', token }
  }
}

interface Mark {
  /** Octets of the literal. */
  readonly size: number
  readonly message: boolean
  /** Octets of the announcement, at the end of its line. */
  readonly length: number
}

/** What the end of a line announces. */
function markOf(line: Buffer): Mark | undefined {
  const { length } = line
  if (line[length - 2] !== brace && line[length - 3] !== brace) return undefined
  const end = line.toString('latin1', Math.max(0, length - longestMark))
  const taken = message.exec(end)
  if (taken !== null) return { size: Number(taken[2]), message: true, length: taken[1]?.length ?? 0 }
  const other = literal.exec(end)
  return other === null ? undefined : { size: Number(other[1]), message: false, length: other[0].length }
}

/** `* …` and `+ …` answer no command. */
function startsUntagged(line: Buffer): boolean {
  return line[0] === 0x2a || line[0] === 0x2b
}
