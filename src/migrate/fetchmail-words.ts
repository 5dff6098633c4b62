import { octetsText } from './text-file.ts'

/** A word of a fetchmail run control file. */
export interface Word {
  readonly kind: 'keyword' | 'text'
  /** Of a keyword its usual spelling. */
  readonly text: string
  readonly line: number
}

/** Of keywords that have other spellings, the one that is used here. */
const spellings: Readonly<Record<string, string>> = {
  server: 'poll',
  protocol: 'proto',
  username: 'user',
  pass: 'password',
  local: 'localdomains',
  authenticate: 'auth',
  preauth: 'auth',
  preauthenticate: 'auth',
  folders: 'folder',
  smtp: 'smtphost',
  pre: 'preconnect',
  post: 'postconnect',
  pass8: 'pass8bits',
  mimedec: 'mimedecode',
}

/** What may be switched on, and off by `no`. */
export const switches: ReadonlySet<string> = new Set([
  'bouncemail',
  'spambounce',
  'softbounce',
  'syslog',
  'invisible',
  'showdots',
  'uidl',
  'checkalias',
  'dns',
  'tracepolls',
  'keep',
  'flush',
  'limitflush',
  'fetchall',
  'rewrite',
  'forcecr',
  'stripcr',
  'pass8bits',
  'dropstatus',
  'dropdelivered',
  'mimedecode',
  'idle',
  'forceidle',
  'ssl',
  'sslcertck',
  'lmtp',
])

/** What takes one value, a list of them, or local names. */
export const takes: Readonly<Record<string, 'value' | 'list' | 'names'>> = {
  ...of('value', [
    'logfile',
    'idfile',
    'pidfile',
    'daemon',
    'postmaster',
    'properties',
    'via',
    'proto',
    'service',
    'port',
  ]),
  ...of('value', ['interval', 'timeout', 'idletimeout', 'auth', 'envelope', 'qvirtual', 'principal', 'esmtpname']),
  ...of('value', [
    'esmtppassword',
    'interface',
    'monitor',
    'plugin',
    'plugout',
    'bad-header',
    'password',
    'passwordfile',
  ]),
  ...of('value', ['passwordfd', 'smtpaddress', 'smtpname', 'mda', 'bsmtp', 'preconnect', 'postconnect', 'sslkey']),
  ...of('value', ['sslcert', 'sslproto', 'sslcertfile', 'sslcertpath', 'sslcommonname', 'sslfingerprint', 'limit']),
  ...of('value', ['warnings', 'fetchlimit', 'fetchsizelimit', 'fastuidl', 'batchlimit', 'expunge', 'moveto']),
  ...of('list', ['aka', 'localdomains', 'folder', 'smtphost', 'fetchdomains', 'antispam']),
  ...of('names', ['is', 'to']),
}

function of<Kind>(kind: Kind, names: readonly string[]): Record<string, Kind> {
  return Object.fromEntries(names.map((name) => [name, kind]))
}

const others = ['set', 'poll', 'skip', 'defaults', 'user', 'here', 'there', 'no', '=']
const keywords: ReadonlySet<string> = new Set([...others, ...switches, ...Object.keys(takes)])
/** They make an entry read like English, and mean nothing. */
const noise: ReadonlySet<string> = new Set(['with', 'and', 'has', 'wants', 'options'])
/** After these comes a name, even one that is spelt like a keyword. */
const beforeName: ReadonlySet<string> = new Set(['user', 'password', 'is', 'to', '=', 'auth', 'proto'])

const quoted = /"([^"]*)"|'([^']*)'/y
const plain = /[^=;:, \t\r\n]+/y

/** Cuts the text of a run control file into its words (fetchmail(1), "Run Control Syntax"). */
export function fetchmailWords(text: string): Word[] {
  const words: Word[] = []
  let line = 1
  let nameNext = false
  for (let at = 0; at < text.length;) {
    const char = text.charAt(at)
    if (char === '\n') line++
    if (' \t\r\n;:,'.includes(char) || /^\\\r?\n/.test(text.slice(at, at + 3))) {
      at++
      continue
    }
    if (char === '#') {
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end
      continue
    }
    if (char === '=') {
      words.push({ kind: 'keyword', text: '=', line })
      nameNext = true
      at++
      continue
    }
    plain.lastIndex = at
    const raw = plain.exec(text)?.[0] ?? char
    quoted.lastIndex = at
    const string = quoted.exec(text)
    // The longer of the two: quotes within a word, and one that does not end, are part of the word.
    if (string !== null && string[0].length >= raw.length) {
      words.push({ kind: 'text', text: unescaped(string[1] ?? string[2] ?? ''), line })
      line += string[0].split('\n').length - 1
      at = quoted.lastIndex
      nameNext = false
      continue
    }
    at += raw.length
    if (nameNext) words.push({ kind: 'text', text: unescaped(raw), line })
    else if (noise.has(raw)) continue
    else words.push(...plainWords(raw, line))
    const last = words.at(-1)
    nameNext = last?.kind === 'keyword' && beforeName.has(last.text)
  }
  return words
}

function plainWords(raw: string, line: number): Word[] {
  const word = (text: string): Word => ({ kind: 'keyword', text: spellings[text] ?? text, line })
  if (keywords.has(spellings[raw] ?? raw)) return [word(raw)]
  const rest = raw.slice(2)
  // `nokeep` is `no keep`.
  if (raw.startsWith('no') && switches.has(spellings[rest] ?? rest)) return [word('no'), word(rest)]
  if (raw === 'noenvelope') return [word('no'), word('envelope')]
  return [{ kind: 'text', text: unescaped(raw), line }]
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b', r: '\r' }
const escape = /\\(?:[xX]([0-9a-fA-F]{0,2})|(0[0-7]{0,2})|([1-9][0-9]{0,2})|(\r?\n)|([^])|$)/g

/** fetchmail's own escapes, which give octets: `\233` is decimal, `\0351` octal, `\xE9` hexadecimal. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  const parts: Uint8Array[] = []
  let at = 0
  for (const found of text.matchAll(escape)) {
    const [whole, hex, octal, decimal, join, other] = found
    parts.push(Buffer.from(text.slice(at, found.index)))
    at = found.index + whole.length
    if (hex !== undefined) parts.push(Uint8Array.of(Number.parseInt(hex || '0', 16)))
    else if (octal !== undefined) parts.push(Uint8Array.of(Number.parseInt(octal, 8)))
    else if (decimal !== undefined) parts.push(Uint8Array.of(Number(decimal)))
    else if (join === undefined && other !== undefined) parts.push(Buffer.from(escapes[other] ?? other))
  }
  return octetsText(Buffer.concat([...parts, Buffer.from(text.slice(at))]))
}
