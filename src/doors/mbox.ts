/** One event of reading an mbox. `octets` are parts of the given chunk, not copies. */
export type MboxPart =
  | { readonly kind: 'start'; readonly received: number | undefined }
  | { readonly kind: 'octets'; readonly octets: Uint8Array }
  | { readonly kind: 'end' }

const lf = 10
const cr = 13
const greater = 62
const from = Buffer.from('From ')
const separator = Buffer.from('\nFrom ')
const quoted = Buffer.from('>From ')
const nothing = Buffer.alloc(0)

/** A line that starts like a From line but is longer than this (octets) is text. */
const fromLineLimit = 4096

/** Whether a file with this beginning is an mbox. */
export function startsLikeMbox(head: Uint8Array): boolean {
  return from.equals(head.subarray(0, from.length))
}

/**
 * Splits an mbox into its messages, at any chunking. A message begins after a line that starts with `From ` at the very
 * start or after an empty line; that empty line belongs to no message. One `>` of each `>From ` line is taken off (the
 * "mboxrd" form). Content-Length fields are not believed. What is held back between two chunks is a From line at most.
 */
export class MboxSplitter {
  #held: Buffer = nothing
  #begun = false
  /** Whether #held, or what follows, starts a line. */
  #lineStart = true

  push(chunk: Uint8Array): MboxPart[] {
    const octets = asBuffer(chunk)
    return this.#split(this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets]), false)
  }

  end(): MboxPart[] {
    return this.#split(this.#held, true)
  }

  #split(buffer: Buffer, last: boolean): MboxPart[] {
    const parts: MboxPart[] = []
    let at = 0
    if (!this.#begun) {
      const end = buffer.indexOf(lf)
      if (end === -1 && !last && buffer.length <= fromLineLimit) {
        this.#held = buffer
        return parts
      }
      if (last && buffer.length === 0) return parts
      this.#begun = true
      const isFromLine = end !== -1 && end <= fromLineLimit && startsLikeMbox(buffer)
      if (isFromLine) at = end + 1
      parts.push({ kind: 'start', received: isFromLine ? fromLineDate(buffer.toString('latin1', 0, end)) : undefined })
    }

    const text = new Unquoter(buffer, at, at > 0 || this.#lineStart)
    for (let search = at; ;) {
      const found = buffer.indexOf(separator, search)
      if (found === -1) break
      search = found + 1
      const blank = blankLineEndingAt(buffer, found + 1, text)
      if (blank === undefined) continue
      const end = buffer.indexOf(lf, found + 1)
      if (end === -1 && !last && buffer.length - found <= fromLineLimit) {
        text.upTo(blank, parts)
        this.#held = buffer.subarray(blank)
        this.#lineStart = true
        return parts
      }
      // A last line without an end is more likely text than the start of a message.
      if (end === -1 || end - found > fromLineLimit) continue
      text.upTo(blank, parts)
      parts.push({ kind: 'end' }, { kind: 'start', received: fromLineDate(buffer.toString('latin1', found + 1, end)) })
      search = end
      text.startAt(end + 1)
    }

    if (last) {
      text.upTo(blankLineEndingAt(buffer, buffer.length, text) ?? buffer.length, parts)
      parts.push({ kind: 'end' })
      this.#held = nothing
      return parts
    }
    const keep = undecided(buffer, text)
    text.upTo(keep ?? buffer.length, parts)
    this.#held = keep === undefined ? nothing : buffer.subarray(keep)
    this.#lineStart = keep !== undefined
    return parts
  }
}

/** The text of a message within one buffer: gives out its octets without the quoting of From lines. */
class Unquoter {
  readonly #buffer: Buffer
  #at: number
  #startsLine: boolean
  #quote: number

  constructor(buffer: Buffer, at: number, startsLine: boolean) {
    this.#buffer = buffer
    this.#at = at
    this.#startsLine = startsLine
    this.#quote = buffer.indexOf(quoted, at)
  }

  /** Where the octets not yet given out begin. */
  get at(): number {
    return this.#at
  }

  startAt(at: number): void {
    this.#at = at
    this.#startsLine = true
  }

  isLineStart(place: number): boolean {
    return place === this.#at ? this.#startsLine : this.#buffer[place - 1] === lf
  }

  upTo(end: number, parts: MboxPart[]): void {
    while (this.#quote !== -1 && this.#quote < end) {
      let run = this.#quote
      if (run >= this.#at) {
        while (run > this.#at && this.#buffer[run - 1] === greater) run--
        if (this.isLineStart(run)) {
          this.#give(run, parts)
          this.#at = run + 1
          this.#startsLine = false
        }
      }
      this.#quote = this.#buffer.indexOf(quoted, this.#quote + 1)
    }
    this.#give(end, parts)
    this.#startsLine = this.isLineStart(end)
    this.#at = end
  }

  #give(end: number, parts: MboxPart[]): void {
    if (end > this.#at) parts.push({ kind: 'octets', octets: this.#buffer.subarray(this.#at, end) })
  }
}

/** Where the empty line begins whose line end is just before `end`; undefined when there is none. */
function blankLineEndingAt(buffer: Buffer, end: number, text: Unquoter): number | undefined {
  if (end <= text.at || buffer[end - 1] !== lf) return undefined
  const start = end - 1 > text.at && buffer[end - 2] === cr ? end - 2 : end - 1
  return text.isLineStart(start) ? start : undefined
}

/** From where on the next chunk decides what the octets are; undefined when all are decided. */
function undecided(buffer: Buffer, text: Unquoter): number | undefined {
  const line = Math.max(buffer.lastIndexOf(lf) + 1, text.at)
  if (!text.isLineStart(line)) return undefined
  let word = line
  while (buffer[word] === greater) word++
  const tail = buffer.subarray(word)
  if (word === line && tail.length === 1 && tail[0] === cr) return line
  if (tail.length >= from.length || !tail.equals(from.subarray(0, tail.length))) return undefined
  // Of a run of `>` any one may be taken off, so one is enough to hold.
  return word > line ? word - 1 : (blankLineEndingAt(buffer, line, text) ?? line)
}

/** Quotes one message for an mbox: a `>` before each line that is `From ` after any number of `>`. At any chunking. */
export class MboxQuoter {
  #held: Buffer = nothing
  /** Whether the line so far is nothing but `>`. */
  #lineStart = true

  push(chunk: Uint8Array): Uint8Array[] {
    const octets = asBuffer(chunk)
    const buffer = this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets])
    const out: Uint8Array[] = []
    let at = 0
    for (let found = buffer.indexOf(from); found !== -1; found = buffer.indexOf(from, found + 1)) {
      let run = found
      while (run > 0 && buffer[run - 1] === greater) run--
      if (run === 0 ? !this.#lineStart : buffer[run - 1] !== lf) continue
      out.push(buffer.subarray(at, found), quoted.subarray(0, 1))
      at = found
    }
    const line = buffer.lastIndexOf(lf) + 1
    let word = line
    while (buffer[word] === greater) word++
    const tail = buffer.subarray(word)
    const open =
      (line > 0 || this.#lineStart) && tail.length < from.length && tail.equals(from.subarray(0, tail.length))
    const end = open ? word : buffer.length
    out.push(buffer.subarray(at, end))
    this.#held = buffer.subarray(end)
    this.#lineStart = open
    return out
  }

  end(): Uint8Array {
    const rest = this.#held
    this.#held = nothing
    this.#lineStart = true
    return rest
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const dated =
  /([A-Z][a-z]{2}) +(\d{1,2}) +(\d\d?):(\d\d)(?::(\d\d))?(?: +([A-Z]{1,5}|[+-]\d{4}))? +(\d{4})(?: +([+-]\d{4}))?\b/

/** The date of a From line, in milliseconds since 1970; a date without a zone is taken as UTC. Undefined when it has none. */
export function fromLineDate(line: string): number | undefined {
  const match = dated.exec(line)
  if (match === null) return undefined
  const [, name = '', day = '', hour = '', minute = '', second = '0', zoneBefore, year = '', zoneAfter] = match
  const month = months.indexOf(name)
  if (month === -1) return undefined
  const zone = /^([+-])(\d\d)(\d\d)$/.exec(zoneAfter ?? zoneBefore ?? '')
  const minutesEast = zone === null ? 0 : Number(`${zone[1]}1`) * (Number(zone[2]) * 60 + Number(zone[3]))
  return Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute) - minutesEast, Number(second))
}

/** The From line of a message, with its line end: sender and UTC date (RFC 4155, appendix A). */
export function fromLine(sender: string, received: number): string {
  const date = new Date(received)
  const two = (value: number): string => String(value).padStart(2, '0')
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  const day = `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}`
  return `From ${sender} ${day} ${time} ${date.getUTCFullYear()}\n`
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}
