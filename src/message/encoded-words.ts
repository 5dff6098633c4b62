import { join, toOctets } from '../wire/octets.ts'
import { decodeCharset } from './charset.ts'
import { fromMailBase64, unescapeOctets } from './transfer.ts'

// RFC 2047 §2 allows no white space inside; some write it, and there is no other way to read it.
const encodedWord = /=\?([^?\s]{1,64})\?([bq])\?([^?]*)\?=/gi

function octetsOf(encoding: string, text: string): Uint8Array {
  if (encoding === 'b' || encoding === 'B') return fromMailBase64(toOctets(text))
  // RFC 2047 §4.2: an underscore is a space, whatever the charset.
  return unescapeOctets(toOctets(text.replaceAll('_', ' ')), 0x3d)
}

/** A field's text with its encoded words decoded (RFC 2047). What is not a whole encoded word stays as it is. */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  let out = ''
  let at = 0
  let charset = ''
  let pieces: Uint8Array[] = []
  const flush = (): void => {
    if (pieces.length > 0) out += decodeCharset(join(pieces), charset)
    pieces = []
  }
  for (const match of text.matchAll(encodedWord)) {
    const [whole, label = '', encoding = '', encoded = ''] = match
    const between = text.slice(at, match.index)
    at = match.index + whole.length
    // RFC 2231 §5: a language may follow the charset.
    const name = (label.split('*', 1)[0] ?? '').toLowerCase()
    // RFC 2047 §6.2: white space between adjacent encoded words is not there.
    const adjacent = pieces.length > 0 && between.trim() === ''
    // RFC 2047 §5 (3) forbids to split a character between two words. It is done all the same: join octets, then decode.
    if (!adjacent || name !== charset) flush()
    if (!adjacent) out += between
    charset = name
    pieces.push(octetsOf(encoding, encoded))
  }
  flush()
  return out + text.slice(at)
}
