/** What a POP3 server says it can do (RFC 2449 §6). A server without CAPA says nothing: `noCapabilities`. */
export interface Capabilities {
  /** Every capability by its name in capitals, with its arguments as they came. */
  readonly all: ReadonlyMap<string, readonly string[]>
  readonly top: boolean
  readonly uidl: boolean
  readonly user: boolean
  readonly pipelining: boolean
  /** RFC 2595 §4. */
  readonly stls: boolean
  /** Replies carry response codes (RFC 2449 §6.4). */
  readonly respCodes: boolean
  /** [AUTH] is said of every wrong credential, and only of these (RFC 3206 §6). */
  readonly authRespCode: boolean
  /** SASL mechanisms, in capitals (RFC 5034 §6). */
  readonly sasl: readonly string[]
  /** Whether one may ask for UTF8, and whether names and passwords may be UTF-8 (RFC 6856 §2). */
  readonly utf8: 'no' | 'yes' | 'user'
  /** RFC 6856 §3. */
  readonly lang: boolean
  /** Days until messages may be removed by the server: 0 means on download, Infinity never; undefined: not said. */
  readonly expire: number | undefined
  /** Seconds to wait between log-ins; undefined: not said. */
  readonly loginDelay: number | undefined
  readonly implementation: string | undefined
}

/** Reads the lines of a CAPA reply. Names and SASL mechanisms are the same in any case. */
export function readCapabilities(lines: readonly string[]): Capabilities {
  const all = new Map<string, readonly string[]>()
  for (const line of lines) {
    const [name, ...words] = line.trim().split(/[ \t]+/)
    if (name) all.set(name.toUpperCase(), words)
  }
  const days = all.get('EXPIRE')?.[0]
  const implementation = all.get('IMPLEMENTATION')?.join(' ')
  return {
    all,
    top: all.has('TOP'),
    uidl: all.has('UIDL'),
    user: all.has('USER'),
    pipelining: all.has('PIPELINING'),
    stls: all.has('STLS'),
    respCodes: all.has('RESP-CODES'),
    authRespCode: all.has('AUTH-RESP-CODE'),
    sasl: all.get('SASL')?.map((name) => name.toUpperCase()) ?? [],
    utf8: !all.has('UTF8') ? 'no' : all.get('UTF8')?.[0]?.toUpperCase() === 'USER' ? 'user' : 'yes',
    lang: all.has('LANG'),
    expire: days?.toUpperCase() === 'NEVER' ? Infinity : wholeNumber(days ?? ''),
    loginDelay: wholeNumber(all.get('LOGIN-DELAY')?.[0] ?? ''),
    implementation: implementation || undefined,
  }
}

/** The capabilities of a server that has not said any. */
export const noCapabilities: Capabilities = readCapabilities([])

function wholeNumber(word: string): number | undefined {
  return /^\d{1,15}$/.test(word) ? Number(word) : undefined
}
