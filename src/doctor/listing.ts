/** A line of LIST or UIDL. */
export interface ListingLine {
  readonly number: number
  /** The octets, or the unique-id. */
  readonly value: string
  /** What follows, with the space before it. */
  readonly rest: string
  readonly line: string
}

/** A listing as it came. */
export interface Listing {
  readonly lines: readonly ListingLine[]
  /** Lines that are none of a listing. */
  readonly odd: readonly string[]
}

/** RFC 1939 §5, §7: message-number, one space, the value. */
export function readListing(body: Buffer): Listing {
  const lines: ListingLine[] = []
  const odd: string[] = []
  for (const line of textLines(body)) {
    const [, number = '', value = '', rest = ''] = /^([1-9]\d*) ([^ ]+)(.*)$/.exec(line) ?? []
    if (number === '') odd.push(line)
    else lines.push({ number: Number(number), value, rest, line })
  }
  return { lines, odd }
}

/** The lines of a multi-line reply in Latin-1, dots unstuffed. */
export function textLines(body: Buffer): string[] {
  const text = body.toString('latin1')
  if (text === '') return []
  return text
    .replace(/\r\n$/, '')
    .split('\r\n')
    .map((line) => line.replace(/^\./, ''))
}
