import { decodeCharset } from './charset.ts'

/** No header is read further than this (octets). */
export const headerLimit: number = 8 << 20
/** Of so many fields each counts; */
const fieldLimit = 10_000
/** of those after them, so many of each name that says what a message is. */
const lateLimit = 100
const telling = new Set(
  (
    'from sender reply-to to cc bcc date subject message-id in-reply-to references list-id mime-version content-type ' +
    'content-transfer-encoding content-disposition content-id'
  ).split(' '),
)
const nameLimit = 1_000

const lf = 0x0a
const cr = 0x0d
const space = 0x20
const tab = 0x09
const colon = 0x3a

/** Printable ASCII, in lower case, by its octet. */
const lowerCase = Array.from({ length: 128 }, (_, octet) => String.fromCharCode(octet).toLowerCase())

/** One field of a header. */
export class Field {
  /** In lower case. */
  readonly name: string
  /** As it stands behind the colon, with its line ends. */
  readonly octets: Uint8Array
  #value: string | undefined

  constructor(name: string, octets: Uint8Array) {
    this.name = name
    this.octets = octets
  }

  /** Unfolded and trimmed. Raw 8-bit is decoded (RFC 6532 §3.2, or windows-1252); encoded words are left as they are. */
  get value(): string {
    // RFC 5322 §2.2.3: unfolding takes the line ends away, not the white space after them.
    this.#value ??= decodeCharset(this.octets).replace(/\r?\n/g, '').trim()
    return this.#value
  }
}

/** The header of a message or of a MIME part. */
export class Header {
  /** In the order in which they stand. */
  readonly fields: readonly Field[]
  /** Where the body begins (octets from the beginning of the header). */
  readonly end: number

  constructor(fields: readonly Field[], end: number) {
    this.fields = fields
    this.end = end
  }

  /** The value of the first field of that name (in lower case). */
  get(name: string): string | undefined {
    return this.fields.find((field) => field.name === name)?.value
  }

  /** The values of all fields of that name (in lower case). */
  all(name: string): string[] {
    return this.fields.filter((field) => field.name === name).map((field) => field.value)
  }
}

/**
 * Reads a header: up to the first empty line (RFC 5322 §2.1), or as far as there are fields. Lines that are no field are
 * passed over where fields follow them; where none follow, the body begins with them.
 */
export function parseHeader(octets: Uint8Array): Header {
  const length = Math.min(octets.length, headerLimit)
  const fields: Field[] = []
  let name = ''
  let value = 0
  let end = 0
  const keep = (): void => {
    if (name === '' || (fields.length >= fieldLimit && !isWanted(name))) return
    fields.push(new Field(name, octets.subarray(value, end)))
  }
  const late = new Map<string, number>()
  const isWanted = (of: string): boolean => {
    const count = late.get(of) ?? 0
    if (telling.has(of)) late.set(of, count + 1)
    return telling.has(of) && count < lateLimit
  }
  let inField = false
  for (let line = 0, next = 0; line < length; line = next) {
    const lineEnd = octets.indexOf(lf, line)
    next = lineEnd < 0 || lineEnd >= length ? length : lineEnd + 1
    const first = octets[line]
    if (first === lf || (first === cr && lineEnd === line + 1)) {
      keep()
      return new Header(fields, end === line ? next : end)
    }
    if (first === space || first === tab) {
      if (inField) end = next
      continue
    }
    const found = fieldName(octets, line, next)
    inField = found !== undefined
    if (found === undefined) continue
    keep()
    name = found.name
    value = found.value
    end = next
  }
  keep()
  return new Header(fields, end)
}

/** The name of the field whose line begins at `line`, and where its value begins; undefined where it is no field. */
function fieldName(octets: Uint8Array, line: number, lineEnd: number): { name: string; value: number } | undefined {
  const limit = Math.min(lineEnd, line + nameLimit)
  let name = ''
  let at = line
  for (; at < limit; at++) {
    const octet = octets[at] ?? 0
    if (octet <= space || octet > 0x7e || octet === colon) break
    name += lowerCase[octet] ?? ''
  }
  // RFC 5322 §4.5: white space before the colon is obsolete, not wrong.
  while (at < limit && (octets[at] === space || octets[at] === tab)) at++
  return name !== '' && at < limit && octets[at] === colon ? { name, value: at + 1 } : undefined
}
