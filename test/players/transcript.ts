import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Mechanism } from '../../src/sasl/mechanism.ts'

/** One message of a transcript's maildrop, as it is kept. */
export interface TranscriptMessage {
  readonly uniqueId: string
  readonly kept: Uint8Array
  readonly lineEnds: 'crlf' | 'lf'
  /** `unreadable`: fails before its first octet; `breaks`: after its first line; `needs-utf8`: only after UTF8. */
  readonly trouble: (typeof troubles)[number] | undefined
}

const troubles = ['unreadable', 'breaks', 'needs-utf8'] as const

/** What CAPA is to say; the engine's `Policy`. */
export interface TranscriptPolicy {
  readonly expire: number | 'never'
  readonly expirePerUser: boolean
  readonly loginDelay: number
  readonly loginDelayPerUser: boolean
}

export type Step =
  /** The client sends this. */
  | { readonly kind: 'client'; readonly octets: Uint8Array }
  /** The server sends a line like this: `*` stands for anything. */
  | { readonly kind: 'server'; readonly pattern: string }
  /** The server sends any number of lines, up to one like the next. */
  | { readonly kind: 'any' }
  /** The TLS handshake happens. */
  | { readonly kind: 'handshake' }
  /** The server closes the connection. */
  | { readonly kind: 'closed' }
  /** The client goes away without a word. */
  | { readonly kind: 'drop' }
  /** A new connection to the same maildrop. */
  | { readonly kind: 'connect' }

/** A conversation in plain text: one rule of the protocol. The syntax is in test/transcripts/README.md. */
export interface Transcript {
  readonly name: string
  readonly rule: string
  readonly messages: readonly TranscriptMessage[]
  readonly options: ReadonlySet<string>
  /** The SASL mechanisms that are offered; undefined: what is usual. */
  readonly mechanisms: readonly Mechanism[] | undefined
  /** The tags of the languages that are offered; undefined: what is usual. */
  readonly languages: readonly string[] | undefined
  /** Before the log-in, and of the user. */
  readonly policy: TranscriptPolicy | undefined
  readonly userPolicy: TranscriptPolicy | undefined
  /** Why the real peer is not asked to follow it, and why our door is not. */
  readonly dovecot: string | undefined
  readonly door: string | undefined
  readonly steps: readonly Step[]
}

export const folder: string = join(import.meta.dirname, '..', 'transcripts')

export function readTranscripts(): Transcript[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'))
  return files
    .toSorted()
    .map((name) => parseTranscript(basename(name, '.txt'), readFileSync(join(folder, name), 'utf8')))
}

const loggedIn = ['S: +OK *', 'C: USER mario', 'S: +OK *', 'C: PASS secret', 'S: +OK *']
const knownOptions = new Set([
  'tls',
  'stls',
  'no-clear-login',
  'no-utf8',
  'apop',
  // Why every log-in is refused.
  'in-use',
  'login-delay',
  'try-later',
  'broken',
  // What becomes of every update.
  'nothing-removed',
  'one-removed',
])

export function parseTranscript(name: string, text: string): Transcript {
  const lines = text.split('\n')
  const rule = /^# (RFC \d+ §\S+: .+)$/.exec(lines[0] ?? '')?.[1]
  if (rule === undefined) throw new Error(`${name}: the first line must be "# RFC number §section: rule"`)
  const messages: { uniqueId: string; text: string; lineEnds: 'crlf' | 'lf'; trouble: TranscriptMessage['trouble'] }[] =
    []
  const options = new Set<string>()
  const steps: Step[] = []
  const headers = new Map<string, string>()
  for (const line of lines.slice(1).flatMap((one) => (one === 'logged in' ? loggedIn : [one]))) {
    const [word = ''] = line.split(' ', 1)
    const rest = line.slice(word.length + 1)
    if (line === '' || word === '#') continue
    else if (word === 'S:') steps.push(rest === '...' ? { kind: 'any' } : { kind: 'server', pattern: rest })
    else if (word === 'C:') steps.push({ kind: 'client', octets: octetsOf(rest, '\r\n') })
    else if (word === '|') {
      const message = messages.at(-1)
      if (message === undefined) throw new Error(`${name}: "|" without a message`)
      message.text += latin1(octetsOf(rest, message.lineEnds === 'lf' ? '\n' : '\r\n'))
    } else if (word === 'message') {
      const [uniqueId = '', how] = rest.split(' ')
      const trouble = troubles.find((one) => one === how)
      messages.push({ uniqueId, text: '', lineEnds: how === 'lf' ? 'lf' : 'crlf', trouble })
    } else if (word === 'maildrop') {
      for (const one of rest.split(', ')) {
        const [uniqueId = '', octets = ''] = one.split(' ')
        messages.push({ uniqueId, text: filler(Number(octets)), lineEnds: 'crlf', trouble: undefined })
      }
    } else if (word === 'options:') for (const option of rest.split(', ')) options.add(option)
    else if (/^(?:dovecot|door|mechanisms|languages|policy|user-policy):$/.test(word)) headers.set(word, rest)
    else if (line === 'handshake' || line === 'closed' || line === 'drop' || line === 'connect')
      steps.push({ kind: line })
    else throw new Error(`${name}: what is "${line}"?`)
  }
  for (const option of options) if (!knownOptions.has(option)) throw new Error(`${name}: no option ${option}`)
  const kept = messages.map((message) => ({ ...message, kept: Buffer.from(message.text, 'latin1') }))
  const policyOf = (header: string): TranscriptPolicy | undefined => {
    const text = headers.get(header)
    return text === undefined ? undefined : parsePolicy(name, text)
  }
  return {
    name,
    rule,
    messages: kept,
    options,
    mechanisms: headers.get('mechanisms:')?.split(', ') as Mechanism[] | undefined,
    languages: headers.get('languages:')?.split(', '),
    policy: policyOf('policy:'),
    userPolicy: policyOf('user-policy:'),
    dovecot: headers.get('dovecot:'),
    door: headers.get('door:'),
    steps,
  }
}

/** `EXPIRE 30 USER, LOGIN-DELAY 900`: as CAPA has it. */
function parsePolicy(name: string, text: string): TranscriptPolicy {
  const [, expire, expirePerUser, loginDelay = '0', loginDelayPerUser] =
    /^EXPIRE (NEVER|\d+)( USER)?(?:, LOGIN-DELAY (\d+)( USER)?)?$/.exec(text) ?? []
  if (expire === undefined) throw new Error(`${name}: what policy is "${text}"?`)
  return {
    expire: expire === 'NEVER' ? 'never' : Number(expire),
    expirePerUser: expirePerUser !== undefined,
    loginDelay: Number(loginDelay),
    loginDelayPerUser: loginDelayPerUser !== undefined,
  }
}

/** A message of exactly so many octets, with a header and a body where there is room. */
function filler(octets: number): string {
  if (!(octets >= 2)) throw new Error(`a maildrop cannot have a message of ${octets} octets`)
  const head = 'Subject: filler\r\n\r\n'
  if (octets < head.length + 2) return `${'x'.repeat(octets - 2)}\r\n`
  let text = head
  while (octets - text.length > 80) text += `${'x'.repeat(70)}\r\n`
  return `${text}${'x'.repeat(octets - text.length - 2)}\r\n`
}

/**
 * The octets of a line with its escapes: `\r` `\n` `\0` `\t` `\\` `\xHH`; `a\{6}` is aaaaaa; `\b{…}` is that in base64, up to the
 * last brace; a last `\` leaves out the line's end.
 */
export function octetsOf(line: string, end: string): Uint8Array {
  const open = /(?:^|[^\\])(?:\\\\)*\\$/.test(line)
  const text = (open ? line.slice(0, -1) : line) + (open ? '' : end)
  const spelt = Buffer.from(text, 'utf8').toString('latin1')
  const plain = spelt.replace(/\\b\{(.*)\}/, (_, inner: string) =>
    Buffer.from(unescaped(inner), 'latin1').toString('base64'),
  )
  return Buffer.from(unescaped(plain), 'latin1')
}

function unescaped(text: string): string {
  return text
    .replace(/(.)\\\{(\d+)\}/g, (_, one: string, times: string) => one.repeat(Number(times)))
    .replace(/\\(x[0-9a-f]{2}|.)/gi, (_, code: string) => {
      if (/^x../i.test(code)) return String.fromCharCode(parseInt(code.slice(1), 16))
      return { r: '\r', n: '\n', 0: '\0', t: '\t' }[code] ?? code
    })
}

/** Whether a line (latin1, without its CRLF) is like a pattern. ` *` at the end may also be nothing at all. */
export function isLike(line: string, pattern: string): boolean {
  if (pattern.endsWith(' *') && line === pattern.slice(0, -2)) return true
  const parts = pattern.split('*').map((part) => latin1(octetsOf(part, '')).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^]*')}$`).test(line)
}

export function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
}
