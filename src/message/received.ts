import { parseDate } from './date.ts'
import { parseHeader } from './header.ts'

const day = 86_400_000
/** Where the uppermost Received field mostly is (octets), and how far a header is read for the others. */
const near = 1024
const far = 16 << 10
const ascii = new TextDecoder('latin1')
/** One whole Received field at the very top, with the line that follows it. */
const atTop = /^(?:return-path:[^\n]*\n|delivered-to:[^\n]*\n)*received:((?:[^\n]*\n[ \t])*[^\n]*)\n(?![ \t])/i

/**
 * When the last server before us took the message in: the date of its uppermost Received field (RFC 5322 §3.6.7), else its Date
 * field. Milliseconds since 1970; undefined where neither says, or says what cannot be. `head`: the message's first octets.
 */
export function receivedTime(head: Uint8Array, now: number): number | undefined {
  const possible = (time: number | undefined): time is number => time !== undefined && time > 0 && time < now + day
  // A look at the top spares reading the whole header of most messages.
  const top = atTop.exec(ascii.decode(head.subarray(0, near)))?.[1]
  const soon = top === undefined ? undefined : dateOf(top)
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
