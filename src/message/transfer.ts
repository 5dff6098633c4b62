const pad = -2
const values = new Int8Array(256).fill(-1)
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
for (let value = 0; value < 64; value++) values[alphabet.charCodeAt(value)] = value
values[0x2d] = 62 // the URL-safe alphabet (RFC 4648 §5) is met in mail too
values[0x5f] = 63
values[0x3d] = pad

/** The octets of base64 as mail has it: what is not of the alphabet is passed over (RFC 2045 §6.8), padding may be missing. */
export function fromMailBase64(octets: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(octets.length / 4) * 3)
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

function hexadecimal(octet: number | undefined): number {
  if (octet === undefined) return -1
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30
  const letter = octet | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

/** The octet that two hexadecimal digits at `at` stand for; -1 where there are no such digits. */
function hexadecimalPair(octets: Uint8Array, at: number): number {
  const high = hexadecimal(octets[at])
  const low = hexadecimal(octets[at + 1])
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

/** The octets of quoted-printable; what is not that is kept as it stands (RFC 2045 §6.7). */
export function fromQuotedPrintable(octets: Uint8Array): Uint8Array {
  const out = new Uint8Array(octets.length)
  let to = 0
  // RFC 2045 §6.7 rule 3: white space at the end of a line was added on the way. `solid`: what is certainly not that.
  let solid = 0
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0
    if (octet === 0x3d) {
      const value = hexadecimalPair(octets, i + 1)
      if (value >= 0) {
        out[to++] = value
        i += 2
      } else {
        let end = i + 1
        while (octets[end] === 0x20 || octets[end] === 0x09) end++
        if (octets[end] === 0x0d) end++
        if (octets[end] === 0x0a) end++
        const next = octets[end - 1]
        // A soft line break (rule 5), or an equals sign that was never encoded.
        if (next === 0x0a || next === 0x0d || end >= octets.length) i = end - 1
        else out[to++] = octet
      }
      solid = to
    } else if (octet === 0x0a || (octet === 0x0d && octets[i + 1] === 0x0a)) {
      to = solid
      out[to++] = octet
      if (octet === 0x0d) {
        out[to++] = 0x0a
        i++
      }
      solid = to
    } else {
      out[to++] = octet
      if (octet !== 0x20 && octet !== 0x09) solid = to
    }
  }
  return out.subarray(0, solid)
}

/** A body's octets with its Content-Transfer-Encoding undone; one we do not know is left as it is (RFC 2045 §6). */
export function decodeTransfer(octets: Uint8Array, encoding: string): Uint8Array {
  if (encoding === 'base64') return fromMailBase64(octets)
  return encoding === 'quoted-printable' ? fromQuotedPrintable(octets) : octets
}

/** How many octets a body has once its Content-Transfer-Encoding is undone, counted without undoing base64. */
export function decodedSize(octets: Uint8Array, encoding: string): number {
  if (encoding !== 'base64') return decodeTransfer(octets, encoding).length
  let letters = 0
  for (let i = 0; i < octets.length; i++) if ((values[octets[i] ?? 0] ?? -1) >= 0) letters++
  return Math.floor((letters * 3) / 4)
}
