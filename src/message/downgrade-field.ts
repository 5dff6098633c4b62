import { toBase64 } from '../wire/base64.ts'
import { toOctets } from '../wire/octets.ts'
import { type Address, parseAddresses } from './addresses.ts'
import { decodeWords } from './encoded-words.ts'
import type { Field } from './header.ts'
import { parseParameters } from './parameters.ts'

/** RFC 6858 §2.1: the fields whose addresses count as such. */
export const addressFields: ReadonlySet<string> = new Set([
  'bcc',
  'cc',
  'from',
  'reply-to',
  'resent-bcc',
  'resent-cc',
  'resent-from',
  'resent-sender',
  'resent-to',
  'return-path',
  'sender',
  'to',
])

/** Fields of text without a form (RFC 5322 §3.6.5, RFC 2045 §8). */
const unstructured: ReadonlySet<string> = new Set(['subject', 'comments', 'content-description'])
const parametrized: ReadonlySet<string> = new Set(['content-type', 'content-disposition'])

/** RFC 6858 §2.1: stands for an address that the client cannot use. RFC 2606 §2: it will never be anybody's. */
const invalid = 'invalid@internationalized-address.invalid'
// RFC 2047 §2: a line with an encoded word has at most 76 characters, the field's name included.
const wordOctets = 30
/** An address with its name goes on one line up to so many characters. */
const lineLength = 60
/** So many characters of a parameter's value go into one section of it (RFC 2231 §3). */
const sectionLength = 60

const plain = /^[\x20-\x7e]*$/

/** Whether there is nothing but ASCII in it. */
export function isAscii(octets: Uint8Array): boolean {
  for (const octet of octets) if (octet > 0x7f) return false
  return true
}

/**
 * A field with UTF-8 in it as one that every client can read, without the line end behind it; undefined where there is no such
 * field, and it must be left out (RFC 6858 §2). `fold`: what stands where a line is folded.
 */
export function downgradeField(field: Field, fold: string): string | undefined {
  const { name, value } = field
  const body = addressFields.has(name)
    ? addressList(parseAddresses(value), name, fold)
    : unstructured.has(name)
      ? encodeWords(decodeWords(value), fold)
      : parametrized.has(name)
        ? parameterList(value, fold)
        : ''
  return body === '' ? undefined : `${spelling(name)}: ${body}`
}

/** `content-type` as it is usually written. */
function spelling(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (letters) => letters.toUpperCase())
}

function addressList(addresses: readonly Address[], name: string, fold: string): string {
  if (name === 'return-path') return `<${invalid}>` // RFC 5322 §3.6.7: nothing but an address
  let text = ''
  let group: string | undefined
  for (const address of addresses) {
    if (address.group !== group && group !== undefined) text += ';'
    if (text !== '') text += `,${fold}`
    if (address.group !== group && address.group !== undefined) text += `${phrase(address.group, fold)}: `
    group = address.group
    text += mailbox(address, fold)
  }
  if (group !== undefined) text += ';'
  // RFC 5322 §3.6: there must be a From.
  return text === '' && name === 'from' ? invalid : text
}

function mailbox({ name, address }: Address, fold: string): string {
  const usable = address !== '' && plain.test(address)
  if (usable && name === '') return address
  const shown = phrase(usable || address === '' ? name : name === '' ? address : `${name} (${address})`, fold)
  const where = `<${usable ? address : invalid}>`
  return shown.length + where.length < lineLength ? `${shown} ${where}` : `${shown}${fold}${where}`
}

/** A display name (RFC 5322 §3.2.5). */
function phrase(text: string, fold: string): string {
  if (!plain.test(text)) return encodeWords(text, fold)
  return /^[\w!#$%&'*+\-/=?^`{|}~ ]+$/.test(text) && !text.includes('=?') ? text : quoted(text)
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** A text in encoded words (RFC 2047); none ends within a character (§5). */
function encodeWords(text: string, fold: string): string {
  const words: string[] = []
  let word = ''
  let size = 0
  for (const char of text) {
    const octets = utf8Length(char)
    if (size + octets > wordOctets) {
      words.push(word)
      word = ''
      size = 0
    }
    word += char
    size += octets
  }
  words.push(word)
  return words.map((one) => `=?utf-8?B?${toBase64(toOctets(one))}?=`).join(fold)
}

/** How many octets a character has in UTF-8. */
function utf8Length(char: string): number {
  const code = char.codePointAt(0) ?? 0
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
}

/** A Content-Type or Content-Disposition. RFC 6858 §2.2 would drop such parameters; RFC 2231 keeps the names of files. */
function parameterList(value: string, fold: string): string {
  const { value: first, parameters } = parseParameters(value)
  if (first === '' || !/^[\x21-\x7e]+$/.test(first)) return ''
  let text = first
  for (const [name, parameter] of parameters) {
    if (!/^[\w!#$&+\-.^`{|}~]+$/.test(name)) continue
    const pieces = plain.test(parameter) ? [`${name}=${quoted(parameter)}`] : extended(name, parameter)
    text += pieces.map((piece) => `;${fold}${piece}`).join('')
  }
  return text
}

/** RFC 2231 §4 and §4.1: a parameter in percent-encoded UTF-8, in sections where it is long. */
function extended(name: string, value: string): string[] {
  const characters = Array.from(value, (char) =>
    /^[\w\-.!#$&+^`{|}~]$/.test(char)
      ? char
      : Array.from(toOctets(char), (octet) => `%${octet.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
  const sections = ['']
  for (const one of characters) {
    const last = sections.at(-1) ?? ''
    if (last.length + one.length > sectionLength) sections.push(one)
    else sections[sections.length - 1] = last + one
  }
  if (sections.length === 1) return [`${name}*=utf-8''${sections[0] ?? ''}`]
  return sections.map((section, at) => `${name}*${at}*=${at === 0 ? `utf-8''` : ''}${section}`)
}

/** The octets with a question mark for each that is not ASCII. */
export function asciiOnly(octets: Uint8Array): Uint8Array {
  return octets.map((octet) => (octet > 0x7f ? 0x3f : octet))
}
