import { type FindDotLine, findBareDotLine, findDotLine } from './find-dot-line.ts'
import { cr, dot, lf } from './octets.ts'

/** What ends the lines of a multi-line reply. It is learnt from the line before it (the status line). */
export type LineEnd = 'crlf' | 'lf'

// Where the octets so far have left us. Only a dot at the start of a line, and a CR after it, are ever held back.
const inLine = 0
const afterCr = 1
const atStart = 2
const afterDot = 3
const afterDotCr = 4

/**
 * Reads a multi-line reply (RFC 1939 §3): takes away the stuffed dots and finds the end. Octets may come in any split; what has
 * no line that begins with a dot comes out as views of what went in, nothing copied.
 *
 * A line ends with CRLF and with nothing less, so LF "." CRLF within a message is content. Only where the status line ended in
 * a bare LF do the lines of its reply.
 */
export class DotReader {
  readonly #find: FindDotLine
  #bare = false
  #state = atStart
  /** The content that the last `read` found; undefined for none. */
  content: Uint8Array | undefined
  /** Whether the last `read` found the end. */
  ended = false

  constructor(find: FindDotLine = findDotLine) {
    this.#find = find
  }

  /** Begins a new reply. */
  begin(lineEnd: LineEnd = 'crlf'): void {
    this.#bare = lineEnd === 'lf'
    this.#state = atStart
    this.content = undefined
    this.ended = false
  }

  /** Reads on in `octets` from `from`, to the end of the reply or of the octets; gives the place behind what it read. */
  read(octets: Uint8Array, from = 0): number {
    const { length } = octets
    const find = this.#bare ? findBareDotLine : this.#find
    let state = this.#state
    let at = from
    let start = from // where the content begins
    let dots: number[] | undefined // the stuffed dots within it
    let heldCr = false // a CR held back from the octets before was content after all
    let end = 0 // where the content ends, once the reply has
    let ended = false
    while (at < length && !ended) {
      const octet = octets[at]
      switch (state) {
        case afterCr:
          if (octet === lf) {
            state = atStart
            at++
            break
          }
          state = inLine
          break
        case atStart:
          if (octet === dot) {
            if (at === start) start = at + 1
            else (dots ??= []).push(at)
            state = afterDot
            at++
            break
          }
          state = inLine
          break
        case afterDot:
          if (octet === cr) {
            state = afterDotCr
            at++
          } else if (octet === lf && this.#bare) {
            end = at - 1
            ended = true
            at++
          } else state = inLine
          break
        case afterDotCr:
          if (octet === lf) {
            end = at - 2
            ended = true
            at++
          } else {
            // RFC 1939 §3: the line only began with a dot; the dot goes, the rest is content.
            if (at === from) heldCr = true
            state = inLine
          }
          break
        default: {
          const found = find(octets, at)
          if (found !== -1) {
            at = found + (this.#bare ? 1 : 2)
            state = atStart
            break
          }
          const last = octets[length - 1]
          if (last === lf) state = this.#bare || (length - 2 >= at && octets[length - 2] === cr) ? atStart : inLine
          else state = last === cr && !this.#bare ? afterCr : inLine
          at = length
        }
      }
    }
    this.ended = ended
    if (ended) state = atStart
    else end = state === afterDotCr ? at - 1 : at
    this.#state = state
    // The dot that begins the last line, or is still held back, lies behind the content.
    if (dots !== undefined && (dots.at(-1) ?? 0) >= end) dots.pop()
    this.content = content(octets, start, end, dots, heldCr)
    return at
  }
}

function content(
  octets: Uint8Array,
  start: number,
  end: number,
  dots: readonly number[] | undefined,
  heldCr: boolean,
): Uint8Array | undefined {
  const lead = heldCr ? 1 : 0
  if (end <= start && !heldCr) return undefined
  if (!heldCr && (dots === undefined || dots.length === 0)) return octets.subarray(start, end)
  const clean = new Uint8Array(lead + end - start - (dots?.length ?? 0))
  if (heldCr) clean[0] = cr
  let to = lead
  let from = start
  for (const place of dots ?? []) {
    clean.set(octets.subarray(from, place), to)
    to += place - from
    from = place + 1
  }
  clean.set(octets.subarray(from, end), to)
  return clean
}
