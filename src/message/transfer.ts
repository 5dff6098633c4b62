const pad = -2
const values = new Int8Array(256).fill(-1)
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
for (let value = 0; value < 64; value++) values[alphabet.charCodeAt(value)] = value
values[0x2d] = 62 // the URL-safe alphabet (RFC 4648 §5) is met in mail too
values[0x5f] = 63
values[0x3d] = pad

/** The octets of base64 as mail has it: what is not of the alphabet is passed over (RFC 2045 §6.8), padding may be missing. */
export function fromMailBase64(octets: Uint8Array, room?: Uint8Array): Uint8Array {
  const size = Math.ceil(octets.length / 4) * 3
  const out = room !== undefined && room.length >= size ? room : new Uint8Array(size)
  let to = 0
  let bits = 0
  let count = 0
  for (let i = 0; i < octets.length; i++) {
    const value = values[octets[i] ?? 0] ?? -1
    if (value >= 0) {
      bits = (bits << 6) | value
      if (++count < 4) continue
      out[to++] = bits >> 16
      out[to++] = bits >> 8
      out[to++] = bits
    } else if (value === pad && count > 0) {
      // Padding ends a quantum; another piece of base64 may follow.
      if (count > 1) out[to++] = count === 2 ? bits >> 4 : bits >> 10
      if (count > 2) out[to++] = bits >> 2
    } else continue
    bits = 0
    count = 0
  }
  if (count > 1) out[to++] = count === 2 ? bits >> 4 : bits >> 10
  if (count > 2) out[to++] = bits >> 2
  return out.subarray(0, to)
}

const digits = new Int8Array(256).fill(-1)
for (let digit = 0; digit < 16; digit++)
  for (const spelt of [digit.toString(16), digit.toString(16).toUpperCase()]) digits[spelt.charCodeAt(0)] = digit

/** The octet that two hexadecimal digits at `at` stand for; -1 where there are no such digits. */
function hexadecimalPair(octets: Uint8Array, at: number): number {
  const high = digits[octets[at] ?? 0] ?? -1
  const low = digits[octets[at + 1] ?? 0] ?? -1
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/** Octets with `escape` + two hexadecimal digits undone, anything else left as it is. */
export function unescapeOctets(octets: Uint8Array, escape: number): Uint8Array {
  const out = new Uint8Array(octets.length)
  let to = 0
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0
    const value = octet === escape ? hexadecimalPair(octets, i + 1) : -1
    out[to++] = value < 0 ? octet : value
    if (value >= 0) i += 2
  }
  return out.subarray(0, to)
}

/** The octets of quoted-printable; what is not that is kept as it stands (RFC 2045 §6.7). `room`: see `decodeTransfer`. */
export function fromQuotedPrintable(octets: Uint8Array, room?: Uint8Array): Uint8Array {
  const { length } = octets
  const out = room !== undefined && room.length >= length ? room : new Uint8Array(length)
  let to = 0
  /** What is before this place in `out` was not white space as it stands. */
  let solid = 0
  for (let i = 0; i < length; i++) {
    const octet = octets[i] ?? 0
    if (octet === 0x3d) {
      const value = hexadecimalPair(octets, i + 1)
      if (value >= 0) {
        out[to++] = value
        i += 2
      } else {
        const end = endOfSoftBreak(octets, i + 1)
        // A soft line break (rule 5), or an equals sign that was never encoded.
        if (end > 0) i = end - 1
        else out[to++] = octet
      }
      solid = to
    } else if (octet === 0x0a) {
      // Rule 3: white space at the end of a line was added on the way.
      const crlf = i > 0 && octets[i - 1] === 0x0d && to > solid
      to = withoutSpace(out, solid, crlf ? to - 1 : to)
      if (crlf) out[to++] = 0x0d
      out[to++] = octet
      solid = to
    } else out[to++] = octet
  }
  return out.subarray(0, withoutSpace(out, solid, to))
}

/** Where the octets end that are not white space, back to `from` at most. */
function withoutSpace(octets: Uint8Array, from: number, end: number): number {
  let to = end
  while (to > from && (octets[to - 1] === 0x20 || octets[to - 1] === 0x09)) to--
  return to
}

/** Where the line break ends that an equals sign before `from` makes soft; 0 where there is none. */
function endOfSoftBreak(octets: Uint8Array, from: number): number {
  let end = from
  while (octets[end] === 0x20 || octets[end] === 0x09) end++
  if (octets[end] === 0x0d) end++
  if (octets[end] === 0x0a) end++
  const last = octets[end - 1]
  return last === 0x0a || last === 0x0d || end >= octets.length ? end : 0
}

/**
 * A body's octets with its Content-Transfer-Encoding undone; one we do not know is left as it is (RFC 2045 §6). `room`: memory where
 * they may lie, until it is used again; new memory for each body costs as much as decoding it.
 */
export function decodeTransfer(octets: Uint8Array, encoding: string, room?: Uint8Array): Uint8Array {
  if (encoding === 'base64') return fromMailBase64(octets, room)
  return encoding === 'quoted-printable' ? fromQuotedPrintable(octets, room) : octets
}

/** How many octets a body has once its Content-Transfer-Encoding is undone, counted without undoing base64. */
export function decodedSize(octets: Uint8Array, encoding: string): number {
  if (encoding !== 'base64') return decodeTransfer(octets, encoding).length
  let letters = 0
  for (let i = 0; i < octets.length; i++) if ((values[octets[i] ?? 0] ?? -1) >= 0) letters++
  return Math.floor((letters * 3) / 4)
}
