import { cr, join, lf, noOctets, toExactText, toOctets, toText } from '../wire/octets.ts'
import { addressFields, asciiOnly, downgradeField, isAscii } from './downgrade-field.ts'
import { type Field, parseHeader } from './header.ts'
import { depthLimit } from './mime.ts'
import { type Parametrized, parseParameters } from './parameters.ts'

/** No field is held further than this (octets); what is longer keeps its ASCII only. */
const fieldLimit = 64 << 10
/** No line is held further than this to see whether it is a delimiter (octets). */
const delimiterLimit = 1_000

const space = 0x20
const tab = 0x09
const hyphen = 0x2d
const slash = 0x2f

/** Takes octets, valid only during the call; false: no more are wanted. */
type Take = (octets: Uint8Array) => boolean

/**
 * Whether a client that knows no UTF-8 in headers cannot use a message with this header: there is UTF-8 in a field of addresses
 * (RFC 6532 §3.2), or the message is nothing but such a message. docs/decisions/downgrade.md tells why not more.
 */
export function isInternational(header: Uint8Array): boolean {
  let ascii = true
  let maybe = false
  for (let i = 0; i < header.length; i++) {
    const octet = header[i] ?? 0
    if (octet > 0x7f) ascii = false
    // Of message/global; nearly no header has this, and all of them come by here.
    else if (octet === slash && ((header[i + 1] ?? 0) | 0x20) === 0x67) maybe = true
  }
  if (ascii && !maybe) return false
  const { fields } = parseHeader(header)
  const type = maybe ? fields.find(({ name }) => name === 'content-type')?.value : undefined
  if (type !== undefined && parseParameters(type).value === 'message/global') return true
  return !ascii && fields.some((field) => addressFields.has(field.name) && hasUtf8(field))
}

/** What is 8-bit but not UTF-8 is older than RFC 6532, and clients have learnt to live with it. */
function hasUtf8(field: Field): boolean {
  return !isAscii(field.octets) && toExactText(field.octets) !== undefined
}

/**
 * Turns an internationalized message (RFC 6532) into one that every client can read (RFC 6858), chunk by chunk on its way from
 * the store to a client. Fields in ASCII and bodies stay as they are, octet by octet; so does what is signed. It holds one field,
 * or one line that may be a delimiter: its memory does not grow with the message. What it gives to `take` is valid only during the
 * call.
 */
export class Downgrader {
  readonly #take: Take
  #wanted = true
  /** The octets of the field, or of the line, that is not over yet. */
  #held: Uint8Array = noOctets
  #inHeader = true
  /** Whether we are in a field that is too long to be held. */
  #long = false
  /** Whether lines end in LF alone. The last one of all may have no end to tell. */
  #bare = false
  /** Whether we are within a line that may go out as it comes. */
  #inLine = false
  /** What the header says of its body. */
  #type: Parametrized | undefined
  #encoded = false
  /** The Content-Type field of a message/global: how it must read is known only when the header ends. */
  #global: Uint8Array | undefined
  /** The boundaries of the multiparts that we are in. */
  readonly #boundaries: string[] = []

  constructor(take: Take) {
    this.#take = take
  }

  /** The next octets of the message, which may be used again afterwards; false: no more are wanted. */
  write(octets: Uint8Array): boolean {
    this.#read(this.#held.length === 0 ? octets : join([this.#held, octets]), false)
    return this.#wanted
  }

  /** That was the whole message. */
  end(): void {
    this.#read(this.#held, true)
    if (this.#inHeader) this.#headerEnds()
  }

  #read(data: Uint8Array, last: boolean): void {
    this.#held = noOctets
    for (let at = 0; this.#wanted && at < data.length;) {
      const next: number | undefined = this.#inHeader ? this.#header(data, at, last) : this.#body(data, at, last)
      if (next === undefined) {
        this.#held = data.slice(at)
        return
      }
      at = next
    }
  }

  #give(octets: Uint8Array): void {
    if (octets.length > 0 && this.#wanted) this.#wanted = this.#take(octets)
  }

  /** Reads on in a header, from where a line begins; up to where it came, or undefined where more octets are needed. */
  #header(data: Uint8Array, at: number, last: boolean): number | undefined {
    if (this.#long) return this.#longField(data, at)
    const lineEnd = endOfLine(data, at, last)
    const line = lineEnd === undefined ? undefined : data.subarray(at, lineEnd)
    if (line !== undefined && isBlank(line)) {
      this.#headerEnds()
      this.#give(line)
      return lineEnd
    }
    const delimiter = line && this.#delimiter(line)
    if (delimiter !== undefined) {
      this.#headerEnds()
      this.#give(line ?? noOctets)
      this.#pass(delimiter)
      return lineEnd
    }
    if (line?.at(-1) === lf) this.#bare = line.at(-2) !== cr
    const fieldEnd = lineEnd === undefined ? undefined : endOfField(data, lineEnd, last)
    // A field is as long as it is, however much of it comes at once.
    if ((fieldEnd ?? data.length) - at > fieldLimit) return this.#longField(data, at)
    if (fieldEnd === undefined) return undefined
    this.#field(data.subarray(at, fieldEnd))
    return fieldEnd
  }

  /** One line, or what there is of it, of a field that is too long to be understood. */
  #longField(data: Uint8Array, at: number): number {
    if (this.#long && !this.#inLine && !isWhiteSpace(data[at])) {
      this.#long = false
      return at
    }
    const end = endOfLine(data, at, false)
    this.#give(asciiOnly(data.subarray(at, end)))
    this.#long = true
    this.#inLine = end === undefined
    return end ?? data.length
  }

  #field(octets: Uint8Array): void {
    const [field] = parseHeader(octets).fields
    if (field?.name === 'content-type') this.#type ??= parseParameters(field.value)
    if (field?.name === 'content-transfer-encoding') this.#encoded = /^(?:base64|quoted-printable)/i.test(field.value)
    // There is one: the first counts.
    if (field?.name === 'content-type' && this.#type?.value === 'message/global') this.#global ??= octets.slice()
    else this.#giveField(octets, field)
  }

  #giveField(octets: Uint8Array, field: Field | undefined = parseHeader(octets).fields[0]): void {
    // What is no field is passed over by all who read it.
    if (field === undefined || isAscii(octets)) return this.#give(octets)
    const lineEnd = octets.at(-1) !== lf ? '' : octets.at(-2) === cr ? '\r\n' : '\n'
    const text = downgradeField(field, this.#bare ? '\n ' : '\r\n ')
    if (text !== undefined) this.#give(toOctets(text + lineEnd))
  }

  /** What follows is a body, or the header of a message in it. */
  #headerEnds(): void {
    const { value = '', parameters } = this.#type ?? {}
    const boundary = parameters?.get('boundary')?.trimEnd() ?? ''
    this.#inHeader = this.#global !== undefined && !this.#encoded
    // RFC 6532 §3.7: message/global is message/rfc822 with UTF-8 in its header; there will be none any more.
    if (this.#global !== undefined) this.#giveField(this.#inHeader ? asRfc822(this.#global) : this.#global)
    // RFC 1847 §2.1: a signature is over the headers of the signed part too.
    if (boundary !== '' && value.startsWith('multipart/') && value !== 'multipart/signed')
      if (this.#boundaries.length < depthLimit) this.#boundaries.push(boundary)
    this.#type = this.#global = undefined
    this.#encoded = false
  }

  /** Reads on in a body: passes it on, and looks for the delimiters in it. As `#header`. */
  #body(data: Uint8Array, from: number, last: boolean): number | undefined {
    let at = this.#boundaries.length === 0 ? data.length : from
    while (at < data.length) {
      const mayDelimit = !this.#inLine && data[at] === hyphen
      const end = endOfLine(data, at, last)
      if (mayDelimit && end === undefined && data.length - at <= delimiterLimit) break
      const delimiter = mayDelimit && end !== undefined ? this.#delimiter(data.subarray(at, end)) : undefined
      if (delimiter !== undefined) {
        this.#give(data.subarray(from, end))
        this.#pass(delimiter)
        return end
      }
      this.#inLine = end === undefined
      at = end ?? data.length
    }
    this.#give(data.subarray(from, at))
    return at === from ? undefined : at
  }

  /** The multipart (its place among ours) whose delimiter the line is, and whether it is the last one (RFC 2046 §5.1.1). */
  #delimiter(line: Uint8Array): Delimiter | undefined {
    if (line[0] !== hyphen || line[1] !== hyphen || line.length > delimiterLimit) return undefined
    const text = toText(line.subarray(2)).trimEnd()
    for (let index = this.#boundaries.length - 1; index >= 0; index--) {
      const boundary = this.#boundaries[index] ?? ''
      if (text === boundary) return { index, closes: false }
      if (text === `${boundary}--`) return { index, closes: true }
    }
    return undefined
  }

  /** A delimiter went by: the parts inside its multipart are over, and the next begins. */
  #pass({ index, closes }: Delimiter): void {
    this.#boundaries.length = closes ? index : index + 1
    this.#inHeader = !closes
    this.#inLine = false
  }
}

interface Delimiter {
  readonly index: number
  readonly closes: boolean
}

/** Behind the line end; undefined where that is still to come. */
function endOfLine(data: Uint8Array, from: number, last: boolean): number | undefined {
  const found = data.indexOf(lf, from)
  if (found >= 0) return found + 1
  return last ? data.length : undefined
}

/** Behind the last line of a field whose first line ends at `from`; undefined where more may come (RFC 5322 §2.2.3). */
function endOfField(data: Uint8Array, from: number, last: boolean): number | undefined {
  for (let at: number | undefined = from; at !== undefined; at = endOfLine(data, at, last)) {
    if (at >= data.length) return last ? at : undefined
    if (!isWhiteSpace(data[at])) return at
  }
  return undefined
}

function isWhiteSpace(octet: number | undefined): boolean {
  return octet === space || octet === tab
}

function isBlank(line: Uint8Array): boolean {
  return line[0] === lf || (line[0] === cr && line[1] === lf)
}

function asRfc822(field: Uint8Array): Uint8Array {
  return toOctets(toText(field).replace(/message\/global/i, 'message/rfc822'))
}
