import { oneLine } from './charset.ts'
import { withoutComments } from './comments.ts'
import { decodeWords } from './encoded-words.ts'

/** One mailbox of an address field. Either part may be empty, not both. */
export interface Address {
  /** The display name, decoded. */
  readonly name: string
  /** `local@domain`, as it stands. */
  readonly address: string
  /** The display name of the group that it stands in (RFC 5322 §3.4). */
  readonly group?: string
}

const addressLimit = 10_000
const specials = '"(<,;:='
const encodedWord = /=\?[^?\s]{1,64}\?[bq]\?[^?]*\?=/iy

/** What is collected of one address while the field is read. */
interface Pending {
  phrase: string
  comment: string
  angle: string | undefined
}

/** Reads an address field (RFC 5322 §3.4, and as far as it can be understood, what is not that). */
export function parseAddresses(text: string): Address[] {
  const found: Address[] = []
  let group: string | undefined
  let pending: Pending = { phrase: '', comment: '', angle: undefined }
  // Whether there is an @ in the phrase: to look through all of it at each colon would take time squared.
  let hasAt = false
  let at = 0
  // No `>` follows any more: an address in angle brackets then ends at the comma.
  let unclosed = false
  // No quote closes any more: what opens one is then no quote.
  let unquoted = false

  const finish = (): void => {
    const address = understand(pending)
    pending = { phrase: '', comment: '', angle: undefined }
    hasAt = false
    if (address === undefined) return
    const last = found.at(-1)
    // `Rossi, Mario <m@example.it>`: a name with a comma that should have been quoted.
    if (
      last !== undefined &&
      last.address === '' &&
      address.address !== '' &&
      address.name !== '' &&
      last.group === group
    ) {
      found.pop()
      address.name = `${last.name}, ${address.name}`
    }
    found.push(group === undefined ? address : { ...address, group })
  }

  const add = (piece: string): void => {
    pending.phrase += piece
    hasAt ||= piece.includes('@')
  }

  while (at < text.length && found.length < addressLimit) {
    const char = text.charAt(at)
    if (char === '"') {
      const end: number = unquoted ? text.length : endOfQuoted(text, at)
      unquoted = end === text.length
      if (!unquoted) add(unescape(text.slice(at + 1, end)))
      at = unquoted ? at + 1 : end + 1
    } else if (char === '(') {
      const end = endOfComment(text, at)
      pending.comment ||= unescape(text.slice(at + 1, end))
      at = end + 1
    } else if (char === '<') {
      let end = unclosed ? -1 : text.indexOf('>', at)
      if (end < 0) {
        unclosed = true
        end = text.indexOf(',', at)
        end = end < 0 ? text.length : end - 1
      }
      pending.angle ??= text.slice(at + 1, unclosed ? end + 1 : end)
      at = end + 1
    } else if (char === ',' || char === ';') {
      finish()
      if (char === ';') group = undefined
      at++
    } else if (char === ':' && group === undefined && !hasAt && pending.angle === undefined) {
      group = shown(pending.phrase)
      pending = { phrase: '', comment: '', angle: undefined }
      at++
    } else {
      const start = at++
      // A comma in an encoded word should have been encoded, but it is not between two addresses.
      encodedWord.lastIndex = start
      if (char === '=' && encodedWord.test(text)) at = encodedWord.lastIndex
      while (at < text.length && !specials.includes(text.charAt(at))) at++
      add(text.slice(start, at))
    }
  }
  finish()
  return found
}

function understand(pending: Pending): { name: string; address: string } | undefined {
  const phrase = pending.phrase.trim()
  if (pending.angle !== undefined) {
    // RFC 5322 §4.4: a route before the address is read and ignored.
    const address = withoutComments(pending.angle)
      .replace(/^\s*@[^:]*:/, '')
      .replace(/\s+/g, '')
    const name = shown(phrase === '' ? pending.comment : phrase)
    return name === '' && address === '' ? undefined : { name, address }
  }
  if (!phrase.includes('@')) {
    const name = shown(phrase)
    return name === '' ? undefined : { name, address: '' }
  }
  const words = phrase.split(/\s+/)
  // `Mario Rossi mario@example.it`: the angle brackets were forgotten.
  const last = words.at(-1) ?? ''
  if (words.length > 1 && last.indexOf('@') > 0) return { name: shown(words.slice(0, -1).join(' ')), address: last }
  // RFC 5322 §4.4: white space may stand around `@` and dots. The name of such an address used to stand in a comment.
  return { name: shown(pending.comment), address: words.join('') }
}

function shown(phrase: string): string {
  return oneLine(decodeWords(phrase)).replace(/\s+/g, ' ')
}

function unescape(quoted: string): string {
  return quoted.replace(/\\(.)/gs, '$1')
}

function endOfQuoted(text: string, quote: number): number {
  for (let at = quote + 1; at < text.length; at++) {
    if (text[at] === '"') return at
    if (text[at] === '\\') at++
  }
  return text.length
}

function endOfComment(text: string, open: number): number {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at
  }
  return text.length
}

/** Addresses for a person to read: `Mario Rossi <mario@example.it>, luigi@example.it`. */
export function showAddresses(addresses: readonly Address[]): string {
  return addresses
    .map(({ name, address }) => (name === '' ? address : address === '' ? name : `${name} <${oneLine(address)}>`))
    .join(', ')
}
