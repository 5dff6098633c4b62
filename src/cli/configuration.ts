import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkClients, clientTable } from '../accounts/oauth/clients.ts'
import { MisuseError, StoreError } from '../errors.ts'
import { isNetwork } from '../net/networks.ts'
import { type Key, keys } from './configuration-keys.ts'
import { parseDuration } from './duration.ts'
import { type Hours, parseHours } from './hours.ts'
import { type ListenAddress, parseListen } from './listen-address.ts'
import { nearest } from './nearest.ts'

/** The configuration as it holds now: the environment before postino.toml before the defaults. */
export interface Configuration {
  readonly listen: readonly ListenAddress[]
  /** 0: one process does everything. */
  readonly workers: number
  readonly clearLogin: 'loopback' | 'anywhere'
  readonly sessions: number
  readonly sessionsPerAddress: number
  readonly sessionsPerUser: number
  /** How long a silent client is borne, before and after the log-in (milliseconds). */
  readonly patience: { readonly before: number; readonly after: number }
  /** Addresses, and networks such as `10.0.0.0/8`. */
  readonly proxyFrom: readonly string[]
  readonly downgrade: 'international' | 'never'
  /** A language tag. */
  readonly language: string
  /** Absolute paths; undefined: the self-signed one. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined
  /** Whose tokens are taken; undefined: nobody's. */
  readonly oauth: OauthConfiguration | undefined
  /** Milliseconds; 0: never. */
  readonly fetchEvery: number
  readonly fetchParallel: number
  /** Whether `serve` settles mail, and at what time of day (undefined: at any). */
  readonly settle: { readonly enabled: boolean; readonly hours: Hours | undefined }
  /** How often `serve` checks mail (milliseconds; 0: never), and how fast (octets a second). */
  readonly check: { readonly every: number; readonly rate: number }
}

/** One issuer of tokens (RFC 7628). */
export interface OauthConfiguration {
  readonly issuer: string
  readonly audience: string
  /** A URL, or an absolute path; undefined: the issuer is asked. */
  readonly jwks: string | undefined
  readonly userClaim: string
}

type Value = string | number | boolean | readonly string[] | undefined

/** Reads the configuration of a data folder. Throws MisuseError `configuration`, naming the key and where it stands. */
export async function readConfiguration(data: string, environment: NodeJS.ProcessEnv): Promise<Configuration> {
  const file = join(data, 'postino.toml')
  const given = await readValues(file)
  const sources = new Map<string, string>()
  const value = (key: Key): Value => {
    const variable = environment[key.variable]
    if (variable !== undefined && variable !== '') {
      sources.set(key.name, `${key.variable} in the environment`)
      return fromEnvironment(key, variable)
    }
    sources.set(key.name, `${key.name} in ${file}`)
    return given.has(key.name) ? checked(key, given.get(key.name), `${key.name} in ${file}`) : key.fallback
  }
  const text = (key: Key): string | undefined => {
    const found = value(key)
    return found === undefined ? undefined : String(found)
  }
  const texts = (key: Key): readonly string[] => {
    const found = value(key)
    return Array.isArray(found) ? found.map(String) : []
  }
  const duration = (key: Key): number => parseDuration(text(key) ?? '') ?? 0
  const certificate = text(keys.certificate)
  const key = text(keys.key)
  if ((certificate === undefined) !== (key === undefined))
    throw new MisuseError('configuration', `tls.certificate and tls.key go together: only one of them is given`)
  const listen = texts(keys.listen)
  const proxyFrom = texts(keys.proxyFrom)
  const wrong = proxyFrom.find((one) => !isNetwork(one))
  if (wrong !== undefined)
    throw new MisuseError(
      'configuration',
      `${sources.get(keys.proxyFrom.name)}: ${wrong} is neither an address nor a network, such as "10.0.0.0/8"`,
    )
  return {
    listen: listen.map((one) => parseListen(one, sources.get(keys.listen.name) ?? '')),
    workers: Number(value(keys.workers)),
    clearLogin: value(keys.clearLogin) === 'anywhere' ? 'anywhere' : 'loopback',
    sessions: Number(value(keys.sessions)),
    sessionsPerAddress: Number(value(keys.sessionsPerAddress)),
    sessionsPerUser: Number(value(keys.sessionsPerUser)),
    patience: { before: duration(keys.patienceBefore), after: duration(keys.patience) },
    proxyFrom,
    downgrade: value(keys.downgrade) === 'never' ? 'never' : 'international',
    language: text(keys.language) ?? '',
    certificate:
      certificate === undefined || key === undefined
        ? undefined
        : { certificate: resolve(data, certificate), key: resolve(data, key) },
    oauth: oauth(data, text),
    fetchEvery: duration(keys.every),
    fetchParallel: Number(value(keys.parallel)),
    settle: {
      enabled: value(keys.settleEnabled) === true,
      hours: hours(text(keys.settleHours), sources.get(keys.settleHours.name)),
    },
    check: { every: duration(keys.checkEvery), rate: Number(value(keys.checkRate)) * 1e6 },
  }
}

function hours(text: string | undefined, source: string | undefined): Hours | undefined {
  const found = text === undefined ? undefined : parseHours(text)
  if (text === undefined || found !== undefined) return found
  throw new MisuseError(
    'configuration',
    `${source} is ${JSON.stringify(text)}; expected hours of the day, such as "01:00-06:00"`,
  )
}

function oauth(data: string, text: (key: Key) => string | undefined): OauthConfiguration | undefined {
  const issuer = text(keys.issuer)
  const audience = text(keys.audience)
  const jwks = text(keys.jwks)
  if ((issuer === undefined) !== (audience === undefined) || (issuer === undefined && jwks !== undefined))
    throw new MisuseError('configuration', 'oauth.issuer and oauth.audience go together: one of them is missing')
  if (issuer === undefined || audience === undefined) return undefined
  return {
    issuer,
    audience,
    jwks: jwks === undefined || /^https?:/.test(jwks) ? jwks : resolve(data, jwks),
    userClaim: text(keys.userClaim) ?? '',
  }
}

async function readValues(file: string): Promise<Map<string, unknown>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return new Map()
    throw new StoreError('io', `${file} cannot be read (${code}); give yourself the right to read it`, { cause })
  }
  const { parse, TomlError } = await import('smol-toml') // late: most runs have no such file
  try {
    return flatten(parse(text), file)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const why = (cause.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '')
    throw new MisuseError('configuration', `${file}, line ${cause.line}, column ${cause.column}: ${why}`, { cause })
  }
}

/** Tables laid out flat, `serve.listen`; every key one that we know. */
function flatten(document: object, file: string): Map<string, unknown> {
  const names = Object.values(keys).map((key) => key.name)
  const found = new Map<string, unknown>()
  const walk = (table: object, prefix: string): void => {
    for (const [name, value] of Object.entries(table)) {
      const path = `${prefix}${name}`
      if (path === clientTable) checkClients(value, file)
      else if (names.some((known) => known === path)) found.set(path, value)
      else if (isTable(value) && names.some((known) => known.startsWith(`${path}.`))) walk(value, `${path}.`)
      else throw unknownKey(isTable(value) ? firstLeaf(value, path) : path, names, file)
    }
  }
  walk(document, '')
  return found
}

function unknownKey(path: string, names: readonly string[], file: string): MisuseError {
  const meant = nearest(path, names) ?? names.find((name) => name.split('.').at(-1) === path.split('.').at(-1))
  const hint = meant === undefined ? `the keys are ${names.join(', ')}` : `did you mean ${meant}?`
  return new MisuseError('configuration', `${file}: there is no key ${path}; ${hint}`)
}

function firstLeaf(value: object, path: string): string {
  const [first] = Object.entries(value)
  if (first === undefined) return path
  return isTable(first[1]) ? firstLeaf(first[1], `${path}.${first[0]}`) : `${path}.${first[0]}`
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function fromEnvironment(key: Key, text: string): Value {
  const origin = `${key.variable} in the environment`
  if (key.kind === 'texts')
    return checked(
      key,
      text.split(/[\s,]+/).filter((word) => word !== ''),
      origin,
    )
  if (key.kind === 'number') return checked(key, /^\d+$/.test(text) ? Number(text) : text, origin)
  if (key.kind === 'flag') return checked(key, text === 'true' || text === 'false' ? text === 'true' : text, origin)
  return checked(key, text, origin)
}

/** The value, if it is what the key asks for. */
function checked(key: Key, value: unknown, origin: string): Value {
  const wrong = (expected: string): MisuseError =>
    new MisuseError('configuration', `${origin} is ${shown(value)}; expected ${expected}`)
  switch (key.kind) {
    case 'text':
      if (typeof value === 'string' && value !== '') return value
      throw wrong('a text that is not empty')
    case 'texts':
      if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
      throw wrong('a list of texts, such as ["pop3=127.0.0.1:1110"]')
    case 'duration':
      return durationText(key, value === 0 || value === 0n ? '0' : value, wrong)
    case 'number': {
      const { least = 0, most = Number.MAX_SAFE_INTEGER } = key
      if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
      throw wrong(`a whole number from ${least} to ${most}`)
    }
    case 'flag':
      if (typeof value === 'boolean') return value
      throw wrong('true or false')
    case 'choice':
      if (typeof value === 'string' && key.choices?.includes(value) === true) return value
      throw wrong(`one of ${(key.choices ?? []).map((choice) => JSON.stringify(choice)).join(', ')}`)
  }
}

function durationText(key: Key, value: unknown, wrong: (expected: string) => MisuseError): string {
  const { least = 0 } = key
  const found = typeof value === 'string' ? parseDuration(value) : undefined
  if (typeof value === 'string' && found !== undefined && found >= least) return value
  throw wrong(
    `a duration, such as "90s", "15m", "2h", "1d"${least === 0 ? ', or "0" for never' : `, of at least ${least / 1000} s`}`,
  )
}

function shown(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)).slice(0, 100)
}
