import { join, noOctets, toOctets } from '../wire/octets.ts'
import { decodeCharset } from './charset.ts'
import { decodeWords } from './encoded-words.ts'
import { unescapeOctets } from './transfer.ts'

const parameterLimit = 1_000

/** A field of the form `value; name=value; …` (RFC 2045 §5.1). */
export interface Parametrized {
  /** In lower case. */
  readonly value: string
  /** By name in lower case; the first of a name counts. Continuations are joined, charsets decoded (RFC 2231). */
  readonly parameters: ReadonlyMap<string, string>
}

interface Section {
  readonly text: string
  /** Percent-encoded, and the first of them with its charset before it (RFC 2231 §4). */
  readonly encoded: boolean
}

/** Reads the value of a Content-Type or Content-Disposition field. */
export function parseParameters(text: string): Parametrized {
  const semicolon = text.indexOf(';')
  const head = semicolon < 0 ? text : text.slice(0, semicolon)
  const value = (/^[^\s(]+/.exec(head.trimStart())?.[0] ?? '').toLowerCase()
  if (semicolon < 0) return { value, parameters: new Map() }

  const plain = new Map<string, string>()
  const sections = new Map<string, Map<number, Section>>()
  for (const [name, parameter] of split(text, semicolon)) {
    // RFC 2231 §3 and §4.1: name*, name*0, name*0*.
    const starred = /^([^*]+)(?:\*(\d{1,6}))?(\*)?$/.exec(name)
    const base = starred?.[1]
    if (starred === null || base === undefined || base === name) {
      if (!plain.has(name)) plain.set(name, parameter)
      continue
    }
    const place = Number(starred[2] ?? -1)
    const places = sections.get(base) ?? new Map<number, Section>()
    sections.set(base, places)
    if (!places.has(place)) places.set(place, { text: parameter, encoded: starred[3] !== undefined })
  }
  const parameters = new Map<string, string>()
  for (const [name, parameter] of plain) parameters.set(name, decodeWords(parameter))
  // A sender that gives both gives the plain one to old programs.
  for (const [name, places] of sections) parameters.set(name, joinSections(places))
  return { value, parameters }
}

/** The names (in lower case) and values as they stand, from the first semicolon on. */
function* split(text: string, semicolon: number): Iterable<[name: string, value: string]> {
  let at = semicolon + 1
  for (let count = 0; at < text.length && count < parameterLimit; count++) {
    const next = indexOfEither(text, at)
    const name = text.slice(at, next).trim().toLowerCase().slice(0, 100)
    at = next + 1
    if (text[next] !== '=') continue
    while (text[at] === ' ' || text[at] === '\t') at++
    if (text[at] === '"') {
      const end = endOfQuoted(text, at)
      // Only these two are unescaped: some programs write C:\temp with bare backslashes.
      yield [name, text.slice(at + 1, end).replace(/\\(["\\])/g, '$1')]
      at = text.indexOf(';', end)
    } else {
      const start = at
      at = text.indexOf(';', start)
      const word = text.slice(start, at < 0 ? text.length : at).trim()
      // Unquoted file names with spaces are common; after any other value stands a comment.
      yield [name, name.includes('name') ? word : (/^[^\s(]+/.exec(word)?.[0] ?? '')]
    }
    if (at < 0) return
    at++
  }
}

function indexOfEither(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === '=' || text[at] === ';') return at
  return text.length
}

function endOfQuoted(text: string, quote: number): number {
  for (let at = quote + 1; at < text.length; at++) {
    if (text[at] === '"') return at
    if (text[at] === '\\') at++
  }
  return text.length
}

function joinSections(places: ReadonlyMap<number, Section>): string {
  // RFC 2231 §3 allows no gaps; where there are some, what is there is still better than nothing.
  const whole = places.get(-1)
  const sections = whole ? [whole] : [...places].toSorted(([a], [b]) => a - b).map(([, section]) => section)
  let charset: string | undefined
  let text = ''
  let octets: Uint8Array[] = []
  for (const [index, section] of sections.entries()) {
    if (!section.encoded) {
      text += decodeCharset(join(octets), charset) + section.text
      octets = []
      continue
    }
    const prefix = index === 0 ? /^([^']*)'[^']*'/.exec(section.text) : null
    if (prefix !== null) charset = prefix[1]
    octets.push(unescapeOctets(toOctets(section.text.slice(prefix?.[0].length ?? 0)), 0x25))
  }
  return decodeWords(text + decodeCharset(octets.length > 0 ? join(octets) : noOctets, charset))
}
