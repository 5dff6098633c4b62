import { hash } from 'node:crypto'

/** A longer header is not looked at: nobody writes one, and it must not fill the memory. */
const longest = 256 << 10
const emptyLine = Buffer.from('\r\n\r\n')
const lineEnd = Buffer.from('\r\n')

/**
 * Names the header of a message as its octets go by, so that a message can be known again by what TOP gives of it. The same for the
 * whole message and for its header alone. Octets are held until the header has ended.
 */
export class HeaderPrint {
  #pieces: Uint8Array[] = []
  #length = 0
  #header: Buffer | undefined
  #tooLong = false

  /** Adds octets; they are not copied, so they must stay as they are until the header has ended. */
  update(chunk: Uint8Array): void {
    if (this.#header !== undefined || this.#tooLong || chunk.length === 0) return
    this.#pieces.push(chunk)
    this.#length += chunk.length
    const joined = this.#pieces.length === 1 ? view(chunk) : Buffer.concat(this.#pieces)
    this.#pieces = [joined]
    // A message that begins with an empty line has no header.
    const end = joined.subarray(0, 2).equals(lineEnd) ? 0 : joined.indexOf(emptyLine)
    if (end !== -1) this.#end(joined.subarray(0, end === 0 ? 0 : end + 2))
    else if (this.#length > longest) {
      this.#tooLong = true
      this.#pieces = []
    }
  }

  /** Whether more octets change nothing. */
  get ended(): boolean {
    return this.#header !== undefined || this.#tooLong
  }

  /** The header with its last line end, without the empty line; what there is, where the message has no end of one. */
  get header(): Uint8Array {
    return this.#header ?? Buffer.concat(this.#pieces)
  }

  /** 24 hexadecimal digits; undefined where the header is too long. */
  finish(): string | undefined {
    if (this.#tooLong) return undefined
    let header = this.#header ?? Buffer.concat(this.#pieces)
    // TOP gives each line with its end, the last one too.
    if (header.length > 0 && !header.subarray(-2).equals(lineEnd)) header = Buffer.concat([header, lineEnd])
    return hash('sha256', header).slice(0, 24)
  }

  #end(header: Buffer): void {
    this.#header = header
    this.#pieces = []
  }
}

function view(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length)
}
