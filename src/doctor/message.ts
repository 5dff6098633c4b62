/** A message as RETR or TOP gave it. */
export interface GivenMessage {
  /** As on the wire, dots stuffed, without the final ".". */
  readonly wire: Buffer
  /** The message itself: stuffed dots taken off (RFC 1939 §3). */
  readonly octets: Buffer
  /** Lines that began with a stuffed dot, */
  readonly stuffed: number
  /** and lines that began with one dot only: not stuffed, and no end either. */
  readonly unstuffed: number
}

/** Undoes the dot-stuffing. */
export function given(wire: Buffer): GivenMessage {
  const parts: Buffer[] = []
  let stuffed = 0
  let unstuffed = 0
  let from = 0
  for (let at = wire[0] === dot ? 0 : nextDot(wire, 0); at !== -1; at = nextDot(wire, at)) {
    if (wire[at + 1] === dot) stuffed++
    else unstuffed++
    parts.push(wire.subarray(from, at))
    from = at + 1
  }
  parts.push(wire.subarray(from))
  return { wire, octets: Buffer.concat(parts), stuffed, unstuffed }
}

const dot = 0x2e

/** The next dot that begins a line. */
function nextDot(wire: Buffer, after: number): number {
  const end = wire.indexOf('\r\n.', after)
  return end === -1 ? -1 : end + 2
}

/** What TOP must give of a message: header, empty line, and so many lines of the body (RFC 1939 §7). */
export function topOf(wire: Buffer, lines: number): Buffer {
  let at = wire.indexOf('\r\n') === 0 ? 2 : endOf(wire, wire.indexOf('\r\n\r\n'), 4)
  for (let taken = 0; taken < lines && at < wire.length; taken++) at = endOf(wire, wire.indexOf('\r\n', at), 2)
  return wire.subarray(0, at)
}

function endOf(wire: Buffer, found: number, length: number): number {
  return found === -1 ? wire.length : found + length
}

/** The header of a message, the empty line excluded. */
export function headerOf(wire: Buffer): Buffer {
  const end = wire.indexOf('\r\n\r\n')
  return end === -1 ? wire : wire.subarray(0, end + 2)
}

/** Where two texts part, for people: `octet 17`. */
export function firstDifference(one: Buffer, other: Buffer): string {
  const length = Math.min(one.length, other.length)
  let at = 0
  while (at < length && one[at] === other[at]) at++
  return `octet ${at + 1}`
}
