import { parseAddresses, showAddresses } from './addresses.ts'
import { oneLine } from './charset.ts'
import { parseDate } from './date.ts'
import { decodeWords } from './encoded-words.ts'
import { type Header, parseHeader } from './header.ts'

/** What a list shows of a message. Every text is decoded, one line, and safe to print; empty where the field is not there. */
export interface Description {
  readonly subject: string
  /** For a person to read: `Mario Rossi <mario@example.it>, …`. */
  readonly from: string
  readonly to: string
  readonly cc: string
  readonly bcc: string
  /** Of the Date field, milliseconds since 1970; undefined where there is none that can be understood. */
  readonly date: number | undefined
  /** Without angle brackets. */
  readonly messageId: string | undefined
}

/** What a list shows of a message. Reads the header only; never fails. */
export function describe(octets: Uint8Array): Description {
  return describeHeader(parseHeader(octets))
}

/** The same, of a header already read. */
export function describeHeader(header: Header): Description {
  return {
    subject: decodedField(header, 'subject'),
    from: addressField(header, 'from') || addressField(header, 'sender'),
    to: addressField(header, 'to'),
    cc: addressField(header, 'cc'),
    bcc: addressField(header, 'bcc'),
    date: parseDate(header.get('date') ?? ''),
    messageId: /<([^<>]*)>/.exec(header.get('message-id') ?? '')?.[1]?.trim() || undefined,
  }
}

/** The value of an unstructured field, decoded, as one line. */
export function decodedField(header: Header, name: string): string {
  return oneLine(decodeWords(header.get(name) ?? ''))
}

/** RFC 5322 §3.6.3 allows each address field once; where there are more, all count. */
function addressField(header: Header, name: string): string {
  return showAddresses(parseAddresses(header.all(name).join(', ')))
}
