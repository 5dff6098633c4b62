import { hash } from 'node:crypto'

/** A longer header is not looked at: nobody writes one, and it must not fill the memory. */
const longest = 256 << 10
const emptyLine = Buffer.from('\r\n\r\n')
const lineEnd = Buffer.from('\r\n')
const nothing = Buffer.alloc(0)
const cr = 0x0d
const lf = 0x0a

/**
 * Names the header of a message as its octets go by, so that a message can be known again by what TOP gives of it. The same for the
 * whole message and for its header alone. Octets are held until the header has ended.
 */
export class HeaderPrint {
  #pieces: Uint8Array[] = []
  #length = 0
  /** The last octets that came, for the header may end across two pieces. */
  #seam: Buffer = nothing
  #header: Buffer | undefined
  #tooLong = false

  /** Adds octets; they are not copied, so they must stay as they are until the header has ended. */
  update(chunk: Uint8Array): void {
    if (this.#header !== undefined || this.#tooLong || chunk.length === 0) return
    const octets = chunk instanceof Buffer ? chunk : view(chunk)
    const before = this.#length
    // Mostly the first piece has the whole header, and begins with no empty line.
    const whole = before === 0 && octets[0] !== cr ? octets.indexOf(emptyLine) : -1
    if (whole !== -1) {
      this.#header = octets.subarray(0, whole + 2)
      return
    }
    this.#pieces.push(octets)
    this.#length += octets.length
    const seam = before === 0 ? octets : Buffer.concat([this.#seam, octets.subarray(0, 3)])
    // A message that begins with an empty line has no header.
    if (before < 2 && seam.subarray(0, 2).equals(lineEnd)) return this.#end(0)
    const across = before === 0 ? -1 : seam.indexOf(emptyLine)
    if (across !== -1) return this.#end(before - this.#seam.length + across + 2)
    const at = octets.indexOf(emptyLine)
    if (at !== -1) return this.#end(before + at + 2)
    if (this.#length > longest) {
      this.#tooLong = true
      this.#pieces = []
    } else this.#seam = octets.length >= 3 ? octets.subarray(-3) : seam.subarray(-3)
  }

  /** Whether more octets change nothing. */
  get ended(): boolean {
    return this.#header !== undefined || this.#tooLong
  }

  /** The header with its last line end, without the empty line; what there is, where the message has no end of one. */
  get header(): Uint8Array {
    return this.#header ?? Buffer.concat(this.#pieces)
  }

  /** Whether it names one message: a header that has neither of these may stand above another text, too. */
  get telling(): boolean {
    return /^(?:message-id|received)[ \t]*:/im.test(Buffer.from(this.header).toString('latin1'))
  }

  /** 24 hexadecimal digits; undefined where the header is too long. */
  finish(): string | undefined {
    if (this.#tooLong) return undefined
    let header = this.#header ?? Buffer.concat(this.#pieces)
    // TOP gives each line with its end, the last one too.
    const ended = header.at(-1) === lf && header.at(-2) === cr
    if (header.length > 0 && !ended) header = Buffer.concat([header, lineEnd])
    return hash('sha256', header).slice(0, 24)
  }

  /** The header has so many octets. */
  #end(length: number): void {
    const [only] = this.#pieces
    this.#header = (
      this.#pieces.length === 1 && only !== undefined ? view(only) : Buffer.concat(this.#pieces)
    ).subarray(0, length)
    this.#pieces = []
  }
}

function view(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length)
}
