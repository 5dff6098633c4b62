import { parseDate } from './date.ts'
import { parseHeader } from './header.ts'

/** The uppermost Received field is near the top, and mostly the first; only where it is not, more is read (octets). */
const near = 1024
const far = 16 << 10
const day = 86_400_000

/**
 * When the last server before us took the message in: the date of its uppermost Received field (RFC 5322 §3.6.7), else its Date
 * field. Milliseconds since 1970; undefined where neither says, or says what cannot be. `head`: the message's first octets.
 */
export function receivedTime(head: Uint8Array, now: number): number | undefined {
  for (const octets of head.length > near ? [head.subarray(0, near), head.subarray(0, far)] : [head]) {
    const header = parseHeader(octets)
    const received = header.get('received')
    const time = parseDate(received?.slice(received.lastIndexOf(';') + 1) ?? '')
    if (time !== undefined && time > 0 && time < now + day) return time
    if (octets.length === near) continue
    const date = parseDate(header.get('date') ?? '')
    if (date !== undefined && date > 0 && date < now + day) return date
  }
  return undefined
}
