/** The answer that ends a command (RFC 9051 §7.1). */
export interface Tagged {
  readonly status: 'OK' | 'NO' | 'BAD'
  /** The response code, without its brackets: `APPENDUID 38505 3955`. */
  readonly code: string
  /** What it says, with the code. */
  readonly text: string
}

/** `OK [CODE] text`, behind a tag or `* `; undefined where it is no such response. */
export function parseStatus(rest: string): (Omit<Tagged, 'status'> & { readonly status: string }) | undefined {
  const [, status, text = ''] = /^(OK|NO|BAD|BYE|PREAUTH)(?: (.*))?$/i.exec(rest) ?? []
  if (status === undefined) return undefined
  return { status: status.toUpperCase(), text, code: /^\[([^\]]*)\]/.exec(text)?.[1] ?? '' }
}

/** A quoted string (RFC 9051 §4.3); undefined where it cannot be one. */
export function imapString(text: string): string | undefined {
  return /^[\x20-\x7e]*$/.test(text) ? `"${text.replace(/["\\]/g, String.raw`\$&`)}"` : undefined
}

/** The name of a mailbox in modified UTF-7 (RFC 3501 §5.1.3), quoted. */
export function imapMailbox(name: string): string {
  const spelt = name.replace(/[^\x20-\x7e]+|&/g, (text) => {
    if (text === '&') return '&-'
    const units = Buffer.from(text, 'utf16le').swap16()
    return `&${units.toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`
  })
  return imapString(spelt) ?? '""'
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A date-time in UTC (RFC 9051 §9), quoted; undefined where its four digits have no room for the year. */
export function imapDate(time: number): string | undefined {
  const date = new Date(time)
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) return undefined
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = `${two(date.getUTCDate())}-${months[date.getUTCMonth()]}-${String(year).padStart(4, '0')}`
  return `"${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000"`
}

/** Milliseconds since 1970 of a date-time; NaN where it is none. */
export function parseImapDate(text: string): number {
  const form = /^ ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/
  const [, day, name = '', year, hours, minutes, seconds, sign, zoneHours, zoneMinutes] = form.exec(text) ?? []
  const month = months.findIndex((each) => each.toLowerCase() === name.toLowerCase())
  if (month < 0) return Number.NaN
  const zone = (sign === '-' ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes))
  const date = new Date(0)
  date.setUTCFullYear(Number(year), month, Number(day))
  return date.setUTCHours(Number(hours), Number(minutes) - zone, Number(seconds))
}
