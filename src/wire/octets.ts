/** Octets and text, without Node: what every protocol's words are made of. */

export const cr = 0x0d
export const lf = 0x0a
export const dot = 0x2e

export const crlf: Uint8Array = Uint8Array.of(cr, lf)
export const noOctets: Uint8Array = new Uint8Array(0)

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The UTF-8 octets of a text. */
export function toOctets(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of UTF-8 octets; what is not UTF-8 becomes U+FFFD. */
export function toText(octets: Uint8Array): string {
  const { length } = octets
  if (length > 64) return decoder.decode(octets)
  // A decoder costs more than the whole of a short line, and nearly all short lines are ASCII.
  let text = ''
  for (let i = 0; i < length; i++) {
    const octet = octets[i] ?? 0
    if (octet > 0x7f) return decoder.decode(octets)
    text += String.fromCharCode(octet)
  }
  return text
}

const exactDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

/** The text of UTF-8 octets; undefined where they are not UTF-8. */
export function toExactText(octets: Uint8Array): string | undefined {
  try {
    return exactDecoder.decode(octets)
  } catch {
    return undefined
  }
}

/** One array holding all the pieces in order. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1 && pieces[0] !== undefined) return pieces[0]
  let size = 0
  for (const piece of pieces) size += piece.length
  const whole = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
