import { type FindDotLine, findDotLine } from './find-dot-line.ts'
import { cr, crlf, dot, lf, noOctets } from './octets.ts'

/** Where written octets go. */
export interface Sink {
  octets(piece: Uint8Array): void
}

const theDot = Uint8Array.of(dot)
const theEnd = Uint8Array.of(dot, cr, lf)

// Where the octets so far have left us.
const inLine = 0
const afterCr = 1
const atStart = 2

/**
 * Writes a message as the lines of a multi-line reply (RFC 1939 §3): stuffs the dots, ends the last line, and ends the reply.
 * What needs no dot goes through as views. Of a message kept with `lf`, each LF becomes CRLF.
 */
export class DotWriter {
  readonly #find: FindDotLine
  #sink: Sink = { octets: () => undefined }
  #bare = false
  #noDots = false
  #state = atStart

  constructor(find: FindDotLine = findDotLine) {
    this.#find = find
  }

  /** `noDots`: it is known that no line begins with a dot, so that none is looked for. */
  begin(sink: Sink, lineEnds: 'crlf' | 'lf', noDots = false): void {
    this.#sink = sink
    this.#bare = lineEnds === 'lf'
    this.#noDots = noDots
    this.#state = atStart
  }

  write(octets: Uint8Array): void {
    if (octets.length === 0) return
    if (this.#bare) this.#writeBare(octets)
    else this.#write(octets)
  }

  /** Ends the message with CRLF if it did not, and the reply with its dot. */
  end(): void {
    if (this.#state !== atStart) this.#sink.octets(crlf)
    this.#sink.octets(theEnd)
  }

  #write(octets: Uint8Array): void {
    const { length } = octets
    const sink = this.#sink
    const first = octets[0]
    let from = 0
    // What the octets before left open: a line's start, or a CR whose LF may be here.
    if (this.#state === atStart && first === dot) sink.octets(theDot)
    else if (this.#state === afterCr && first === lf) {
      if (length === 1) {
        sink.octets(octets)
        this.#state = atStart
        return
      }
      if (octets[1] === dot) {
        sink.octets(octets.subarray(0, 2))
        from = 1
      }
    }
    for (let found = this.#noDots ? -1 : this.#find(octets, 0); found !== -1; found = this.#find(octets, found + 3)) {
      // The dot ends this piece and begins the next: so it goes out twice.
      sink.octets(octets.subarray(from, found + 3))
      from = found + 2
    }
    sink.octets(from === 0 ? octets : octets.subarray(from))
    const last = octets[length - 1]
    if (last === lf) this.#state = (length > 1 ? octets[length - 2] === cr : this.#state === afterCr) ? atStart : inLine
    else this.#state = last === cr ? afterCr : inLine
  }

  #writeBare(octets: Uint8Array): void {
    // At worst each octet is an LF before a dot: two become four. One loop here is as fast as any search for so many places.
    const out = octets.length === 0 ? noOctets : new Uint8Array(octets.length * 2 + 1)
    let to = 0
    let start = this.#state === atStart
    for (let i = 0; i < octets.length; i++) {
      const octet = octets[i] ?? 0
      if (start && octet === dot) out[to++] = dot
      start = octet === lf
      if (start) out[to++] = cr
      out[to++] = octet
    }
    this.#state = start ? atStart : inLine
    this.#sink.octets(out.subarray(0, to))
  }
}
