import { parseDate } from './date.ts'
import { parseHeader } from './header.ts'

const day = 86_400_000
/** Where the uppermost Received field mostly is (octets), and how far a header is read for the others. */
const near = 1024
const far = 16 << 10
/** So much behind the last semicolon of the field can be a date. */
const longestDate = 200

const lf = 0x0a
const semicolon = 0x3b
/** What may stand above the uppermost Received field: what who delivered the message has to say. */
const above = ['return-path:', 'delivered-to:']

/**
 * When the last server before us took the message in: the date of its uppermost Received field (RFC 5322 §3.6.7), else its Date
 * field. Milliseconds since 1970; undefined where neither says, or says what cannot be. `head`: the message's first octets.
 */
export function receivedTime(head: Uint8Array, now: number): number | undefined {
  const possible = (time: number | undefined): time is number => time !== undefined && time > 0 && time < now + day
  // A look at the top spares reading the whole header of most messages.
  const soon = parseDate(dateAtTop(head.subarray(0, near)))
  if (possible(soon)) return soon
  const header = parseHeader(head.subarray(0, far))
  const received = dateOf(header.get('received') ?? '')
  if (possible(received)) return received
  const date = parseDate(header.get('date') ?? '')
  return possible(date) ? date : undefined
}

/** The date of a Received field: what follows its last semicolon. */
function dateOf(received: string): number | undefined {
  return parseDate(received.slice(received.lastIndexOf(';') + 1))
}

/** What follows the last semicolon of a Received field that stands at the very top; empty where none does, or it does not end in `octets`. */
function dateAtTop(octets: Uint8Array): string {
  let at = 0
  while (above.some((name) => beginsWith(octets, at, name))) at = octets.indexOf(lf, at) + 1 || octets.length
  if (!beginsWith(octets, at, 'received:')) return ''
  let end = octets.indexOf(lf, at)
  // RFC 5322 §2.2.3: a line that begins with white space goes on with the one before it.
  while (end !== -1 && isBlank(octets[end + 1])) end = octets.indexOf(lf, end + 1)
  if (end === -1 || end + 1 === octets.length) return ''
  let text = ''
  const from = octets.lastIndexOf(semicolon, end) + 1
  if (from <= at || end - from > longestDate) return ''
  for (let i = from; i < end; i++) text += String.fromCharCode(octets[i] ?? 0)
  return text
}

function beginsWith(octets: Uint8Array, at: number, name: string): boolean {
  if (octets.length < at + name.length) return false
  for (let i = 0; i < name.length; i++) if (((octets[at + i] ?? 0) | 0x20) !== name.charCodeAt(i)) return false
  return true
}

function isBlank(octet: number | undefined): boolean {
  return octet === 0x20 || octet === 0x09
}
