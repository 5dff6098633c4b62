import { withoutComments } from './comments.ts'

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const textLimit = 1_000

// RFC 5322 §4.3. The military letters, and any name that is not known, count as -0000.
const zones: Readonly<Record<string, number>> = {
  edt: -4,
  est: -5,
  cdt: -5,
  cst: -6,
  mdt: -6,
  mst: -7,
  pdt: -7,
  pst: -8,
}

// Dots between the digits of the time are not RFC 5322, but they are met.
const dateTime =
  /^(?:[a-z]+\.?\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s-]+(\d{2,4})\s+(\d{1,2})\s*[:.]\s*(\d{2})(?:\s*[:.]\s*(\d{2}))?(?:[.,]\d{1,9})?(?:\s*(?:(?:utc?|gmt)?([+-])(\d{2}):?(\d{2})|([a-z]+))\b.*)?\s*$/i

/** White space that is not one blank. */
const oddSpace = /\s\s|[^\S ]/

/** Milliseconds since 1970 of a Date field (RFC 5322 §3.3 and §4.3); undefined where it is not one. Without a zone: UTC. */
export function parseDate(text: string): number | undefined {
  const trimmed = withoutComments(text.slice(0, textLimit)).trim()
  const match = dateTime.exec(oddSpace.test(trimmed) ? trimmed.replace(/\s+/g, ' ') : trimmed)
  if (match === null) return undefined
  const [
    ,
    dayText,
    monthText = '',
    yearText = '',
    hour,
    minute,
    second = '0',
    sign,
    zoneHours = '0',
    zoneMinutes = '0',
    name,
  ] = match
  const day = Number(dayText)
  const month = months.indexOf(monthText.toLowerCase())
  // RFC 5322 §4.3: 00 to 49 is 2000 to 2049, 50 to 999 is 1950 to 2899.
  let year = Number(yearText)
  if (yearText.length === 2) year += year < 50 ? 2000 : 1900
  else if (yearText.length === 3) year += 1900
  if (month < 0 || day < 1 || (day > 28 && day > daysIn(year, month))) return undefined
  // RFC 5322 §3.3: second 60 is a leap second, and the time has no more than that.
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60 || Number(zoneMinutes) > 59) return undefined
  const zone =
    name === undefined
      ? (sign === '-' ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes))
      : (zones[name.toLowerCase()] ?? 0) * 60
  return Date.UTC(year, month, day, Number(hour), Number(minute) - zone, Number(second))
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
}
