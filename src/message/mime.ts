import { join } from '../wire/octets.ts'
import { decodeCharset } from './charset.ts'
import { headerLimit, parseHeader } from './header.ts'
import { isText, newPart, type OpenPart, type Part } from './part.ts'

/** Parts inside parts further than this are not looked into. */
export const depthLimit = 100
/** After so many parts, further ones are not looked at. */
export const partLimit = 10_000

// RFC 2046 §5.1.1: a boundary has at most 70 characters; longer ones are met.
const delimiterLimit = 1_000
/** So many octets are gathered before they are looked at. */
const gathering = 1 << 16

const lf = 0x0a
const cr = 0x0d
const hyphen = 0x2d

/** Reads the structure of a message held whole. `keep`: how many octets of text to keep; all when not given. */
export function parseMessage(octets: Uint8Array, options: { keep?: number } = {}): Part {
  return new MessageReader(options).whole(octets)
}

/**
 * Reads the structure of a message, chunk by chunk, in one pass. Holds no more than headers and the text that is kept, so that
 * memory does not grow with attachments. Chunking changes nothing in the result.
 */
export class MessageReader {
  #keep: number
  readonly #gather: number
  #copy = true
  #waiting: Uint8Array[] = []
  #waitingSize = 0
  /** So many octets must wait before they are looked at. */
  #enough: number
  /** The message's octet that stands first in the data looked at. */
  #base = 0
  #inHeader = true
  /** Where the next line of the header begins. */
  #line = 0
  /** Where the body that is being read goes on, and whether a line begins there. */
  #at = 0
  #lineBegins = -1
  #count = 1
  readonly #root: OpenPart
  /** The part that is being read, and those around it. */
  readonly #stack: OpenPart[]
  /** The places in the stack of the multiparts with that boundary. */
  readonly #boundaries = new Map<string, number[]>()

  /** `keep`: how many octets of text to keep. `gather`: how many octets to gather before looking at them. */
  constructor(options: { keep?: number; gather?: number } = {}) {
    this.#keep = options.keep ?? Infinity
    this.#gather = options.gather ?? gathering
    this.#enough = this.#gather
    this.#root = newPart(0, 'text/plain')
    this.#stack = [this.#root]
  }

  /** The next octets of the message. They may be lent: what is kept of them is copied. */
  push(chunk: Uint8Array): void {
    this.#waitingSize += chunk.length
    const enough = this.#waitingSize >= this.#enough
    this.#waiting.push(enough ? chunk : chunk.slice())
    if (enough) this.#look(false)
  }

  /** No more octets will come. */
  finish(): Part {
    this.#look(true)
    return this.#root
  }

  /** Reads a message held whole; what is kept shares its memory. */
  whole(octets: Uint8Array): Part {
    this.#copy = false
    this.#waiting = [octets]
    return this.finish()
  }

  #look(last: boolean): void {
    const data = join(this.#waiting)
    const from = this.#read(data, last)
    // What must be looked at again is copied, lest it keeps the whole chunk in memory.
    const rest = last ? undefined : data.slice(from - this.#base)
    this.#waiting = rest === undefined ? [] : [rest]
    this.#base = from
    // A long header is looked at again, and copied, only when twice as much of it is there.
    this.#enough = Math.max(this.#gather, rest?.length ?? 0)
    this.#waitingSize = 0
    if (last) this.#close(0, from)
  }

  /** Reads as far as it can; up to where the data is no longer needed. */
  #read(data: Uint8Array, last: boolean): number {
    for (;;) {
      if (this.#inHeader) {
        if (!this.#readHeader(data, last)) return this.#top.start
        continue
      }
      const next = this.#readBody(data, last)
      if (next !== undefined) return next
    }
  }

  get #top(): OpenPart {
    return this.#stack.at(-1) ?? this.#root
  }

  /** Reads the header of the innermost part; false where more octets are needed. */
  #readHeader(data: Uint8Array, last: boolean): boolean {
    const start = this.#top.start - this.#base
    const limit = Math.min(data.length, start + headerLimit)
    const more = !last && limit === data.length && limit < start + headerLimit
    let end = -1
    let line = this.#line - this.#base
    while (end < 0) {
      const lineEnd = data.indexOf(lf, line)
      if (lineEnd < 0 || lineEnd >= limit) {
        if (more) {
          this.#line = this.#base + line
          return false
        }
        const cut = lineEnd >= 0 || limit < data.length
        end = cut || this.#delimiter(data, line, limit) === undefined ? limit : line
      } else if (lineEnd === line || (lineEnd === line + 1 && data[line] === cr)) end = lineEnd + 1
      else if (this.#delimiter(data, line, lineEnd) !== undefined) end = line
      else line = lineEnd + 1
    }
    this.#open(data.subarray(start, end))
    return true
  }

  /** Takes in the header of the innermost part, and makes ready for what its body is. */
  #open(octets: Uint8Array): void {
    const index = this.#stack.length - 1
    const parent = this.#stack[index - 1]
    const part = newPart(
      this.#top.start,
      // RFC 2046 §5.1.5.
      parent?.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain',
      parseHeader(this.#copy ? octets.slice() : octets),
    )
    this.#stack[index] = Object.assign(this.#top, part)
    this.#inHeader = false
    this.#at = part.body
    this.#lineBegins = part.body
    const opens = index + 1 < depthLimit && this.#count < partLimit
    // RFC 2046 §5.2.1: no other encodings are allowed; where one is used all the same, it is not looked into.
    if (
      opens &&
      /^message\/(?:rfc822|global)$/.test(part.type) &&
      !/^(?:base64|quoted-printable)$/.test(part.encoding)
    ) {
      this.#begin(part.body)
      return
    }
    const boundary = part.type.startsWith('multipart/') ? part.parameters.get('boundary')?.trimEnd() : undefined
    if (opens && boundary !== undefined && boundary !== '') {
      this.#top.boundary = boundary
      const places = this.#boundaries.get(boundary)
      if (places === undefined) this.#boundaries.set(boundary, [index])
      else places.push(index)
    }
    if (isText(part)) this.#top.kept = []
  }

  /** Begins a new part inside the innermost one. */
  #begin(start: number): void {
    const part = newPart(start, 'text/plain')
    const parent = this.#top
    parent.parts.push(part)
    // RFC 2046 §5.1.1: what stands before the first part is to be ignored, and takes no room from the text.
    for (const piece of parent.kept ?? []) this.#keep += piece.length
    parent.kept = undefined
    this.#stack.push(part)
    this.#count++
    this.#inHeader = true
    this.#line = start
  }

  /** Reads the body up to the next delimiter (undefined), or to the end of the data (up to where it is no longer needed). */
  #readBody(data: Uint8Array, last: boolean): number | undefined {
    let at = this.#at - this.#base
    while (this.#boundaries.size > 0) {
      // Base64 has no hyphen in it: attachments are passed over at the speed of memory.
      const found = data.indexOf(hyphen, at)
      if (found < 0) break
      const beginsLine = this.#base + found === this.#lineBegins || (found > 0 && data[found - 1] === lf)
      const lineEnd = data.indexOf(lf, found)
      if (beginsLine) {
        if (lineEnd < 0 && !last && data.length - found <= delimiterLimit) return this.#pass(data, found)
        const delimiter = this.#delimiter(data, found, lineEnd < 0 ? data.length : lineEnd)
        if (delimiter !== undefined) {
          this.#take(data, found, lineEnd < 0 ? data.length : lineEnd + 1, delimiter)
          return undefined
        }
      }
      if (lineEnd < 0) {
        at = data.length
        break
      }
      at = lineEnd
    }
    return last ? this.#keepUpTo(data, data.length) : this.#pass(data, data.length)
  }

  /** Goes on to `to`, but for a line end before it, which may belong to a delimiter. */
  #pass(data: Uint8Array, to: number): number {
    this.#keepUpTo(data, Math.max(this.#at - this.#base, to - 2))
    // One octet more, to see whether a line begins.
    return Math.max(this.#base, this.#at - 1)
  }

  /** Keeps the octets of the body up to `to`, as far as they are to be kept; the same place in the message. */
  #keepUpTo(data: Uint8Array, to: number): number {
    const from = this.#at - this.#base
    const { kept } = this.#top
    if (kept !== undefined && to > from && this.#keep > 0) {
      const piece = data.subarray(from, Math.min(to, from + this.#keep))
      this.#keep -= piece.length
      kept.push(this.#copy ? piece.slice() : piece)
    }
    this.#at = this.#base + Math.max(from, to)
    return this.#at
  }

  /** The multipart (its place in the stack) whose delimiter the line is, and whether it is the last one (RFC 2046 §5.1.1). */
  #delimiter(data: Uint8Array, line: number, lineEnd: number): { index: number; closes: boolean } | undefined {
    if (data[line] !== hyphen || data[line + 1] !== hyphen || this.#boundaries.size === 0) return undefined
    if (lineEnd - line > delimiterLimit) return undefined
    const text = decodeCharset(data.subarray(line + 2, lineEnd)).trimEnd()
    const opening = this.#boundaries.get(text)?.at(-1)
    if (opening !== undefined) return { index: opening, closes: false }
    const closing = text.endsWith('--') ? this.#boundaries.get(text.slice(0, -2))?.at(-1) : undefined
    return closing === undefined ? undefined : { index: closing, closes: true }
  }

  /** Takes in a delimiter line: ends the parts inside its multipart, and begins the next. */
  #take(data: Uint8Array, line: number, next: number, delimiter: { index: number; closes: boolean }): void {
    // RFC 2046 §5.1.1: the line end before the delimiter belongs to the delimiter.
    let end = line
    if (data[end - 1] === lf) end -= data[end - 2] === cr ? 2 : 1
    end = this.#keepUpTo(data, Math.max(this.#at - this.#base, end))
    this.#close(delimiter.index + 1, end)
    this.#at = this.#base + next
    this.#lineBegins = this.#at
    // RFC 2046 §5.1.1: what follows the last delimiter is to be ignored, and so are parts beyond the limit.
    if (delimiter.closes) this.#forget(this.#top)
    else if (this.#count >= partLimit) this.#boundaries.clear()
    else this.#begin(this.#at)
  }

  /** Ends the parts from that place in the stack on. */
  #close(from: number, end: number): void {
    while (this.#stack.length > from) {
      const part = this.#stack.pop()
      if (part === undefined) return
      part.end = Math.max(part.body, end)
      this.#forget(part)
    }
  }

  /** The part's boundary is none any more, and its own text is whole. */
  #forget(part: OpenPart): void {
    if (part.kept !== undefined) part.octets = join(part.kept)
    part.kept = undefined
    const places = part.boundary === undefined ? undefined : this.#boundaries.get(part.boundary)
    if (part.boundary === undefined || places === undefined) return
    // A multipart inside one with the same boundary: the inner one ends first.
    places.pop()
    if (places.length === 0) this.#boundaries.delete(part.boundary)
    part.boundary = undefined
  }
}
