/** One line of a LIST reply. */
export interface SizeEntry {
  readonly number: number
  readonly octets: number
}

/** One line of a UIDL reply. */
export interface UniqueIdEntry {
  readonly number: number
  /** As the server gave it: it may be longer than the 70 octets of RFC 1939 §7, and hold a space. */
  readonly uniqueId: string
}

/** Reads a scan listing (RFC 1939 §5, LIST); undefined where it is none. What follows the size is the server's own affair. */
export function readSize(line: string): SizeEntry | undefined {
  const match = /^[ \t]*(\d{1,10})[ \t]+(\d{1,15})(?:[ \t]|$)/.exec(line)
  if (match === null) return undefined
  const number = Number(match[1])
  return number === 0 ? undefined : { number, octets: Number(match[2]) }
}

/**
 * Reads a unique-id listing (RFC 1939 §7); undefined where it is none. All that follows the number counts, so that two ids that
 * only differ behind a space stay two.
 */
export function readUniqueId(line: string): UniqueIdEntry | undefined {
  // oxlint-disable-next-line no-control-regex
  const match = /^[ \t]*(\d{1,10})[ \t]+([^\0-\x20\x7f](?:[^\0-\x1f\x7f]*[^\0-\x20\x7f])?)[ \t]*$/.exec(line)
  if (match === null) return undefined
  const number = Number(match[1])
  return number === 0 ? undefined : { number, uniqueId: match[2] ?? '' }
}

/** What STAT answers: how many messages, and the octets of all (RFC 1939 §5). */
export interface MaildropSize {
  readonly messages: number
  readonly octets: number
}

/** Reads the text of STAT's +OK; undefined where it is none. */
export function readMaildropSize(text: string): MaildropSize | undefined {
  const match = /^[ \t]*(\d{1,10})[ \t]+(\d{1,15})(?:[ \t]|$)/.exec(text)
  return match === null ? undefined : { messages: Number(match[1]), octets: Number(match[2]) }
}

/** One line of a LANG reply. */
export interface LanguageEntry {
  readonly tag: string
  /** What the language calls itself; empty where the server does not say. */
  readonly name: string
}

/** Reads a language listing (RFC 6856 §3.2); undefined where it is none. */
export function readLanguage(line: string): LanguageEntry | undefined {
  const [, tag, name = ''] = /^([A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?: (.*))?$/.exec(line) ?? []
  return tag === undefined ? undefined : { tag, name }
}
