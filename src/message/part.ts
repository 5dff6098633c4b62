import { type Header, parseHeader } from './header.ts'
import { type Parametrized, parseParameters } from './parameters.ts'

/** A message, or a part of one (RFC 2045 §2.4). Positions are octets from the beginning of the message. */
export interface Part {
  readonly header: Header
  /** `text/plain`, in lower case. */
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
  /** The Content-Transfer-Encoding, in lower case; empty where there is none. */
  readonly encoding: string
  /** `attachment`, `inline`…; empty where there is none (RFC 2183). */
  readonly disposition: string
  readonly dispositionParameters: ReadonlyMap<string, string>
  /** Where its header begins. */
  readonly start: number
  /** Where its body begins. */
  readonly body: number
  /** Where its body ends: before the line end that belongs to the delimiter. */
  readonly end: number
  /** Of a multipart, its parts; of a message/rfc822, that one message. */
  readonly parts: readonly Part[]
  /** The body's octets as sent, if it is text and no attachment, as far as they were to be kept. */
  readonly octets: Uint8Array | undefined
}

/** A part while it is being read. */
export interface OpenPart extends Part {
  body: number
  end: number
  parts: OpenPart[]
  octets: Uint8Array | undefined
  /** Of a multipart whose delimiters are looked for. */
  boundary: string | undefined
  /** The pieces of its text. */
  kept: Uint8Array[] | undefined
}

const noHeader: Header = parseHeader(new Uint8Array())

/** What a header says of its part. */
export function newPart(start: number, defaultType: string, header: Header = noHeader): OpenPart {
  const content = parametrized(header, 'content-type')
  const { value: disposition, parameters } = parametrized(header, 'content-disposition')
  return {
    header,
    // RFC 2045 §5.2: what is not a type counts as text/plain.
    type: content.value === '' ? defaultType : /^[^/]+\/[^/]+$/.test(content.value) ? content.value : 'text/plain',
    parameters: content.parameters,
    encoding: /^[^\s;(]+/.exec(header.get('content-transfer-encoding') ?? '')?.[0]?.toLowerCase() ?? '',
    disposition,
    dispositionParameters: parameters,
    start,
    body: start + header.end,
    end: start + header.end,
    parts: [],
    octets: undefined,
    boundary: undefined,
    kept: undefined,
  }
}

const nothing: Parametrized = { value: '', parameters: new Map() }

function parametrized(header: Header, name: string): Parametrized {
  const value = header.get(name)
  return value === undefined ? nothing : parseParameters(value)
}

/** Whether the part's own body is text to read. A multipart is, as long as no part is found in it. */
export function isText(part: Part): boolean {
  return /^(?:text|message|multipart)\//.test(part.type) && part.disposition !== 'attachment'
}
