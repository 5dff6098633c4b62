/** What the value of a key must be, in words for a person. */
export type Kind = 'text' | 'texts' | 'duration' | 'number' | 'choice'

/** One key of the configuration: in postino.toml, in the environment and in docs/configuration.md. */
export interface Key {
  /** With its table: `serve.listen`. */
  readonly name: string
  readonly kind: Kind
  /** As it would stand in postino.toml; undefined where there is none. */
  readonly fallback: string | number | readonly string[] | undefined
  readonly variable: string
  /** One line for docs/configuration.md. */
  readonly about: string
  readonly choices?: readonly string[]
  /** Of a number. */
  readonly least?: number
  readonly most?: number
}

type KeyWord =
  | 'listen'
  | 'clearLogin'
  | 'sessions'
  | 'sessionsPerAddress'
  | 'certificate'
  | 'key'
  | 'every'
  | 'parallel'

/** Every key there is. */
export const keys: Readonly<Record<KeyWord, Key>> = {
  listen: {
    name: 'serve.listen',
    kind: 'texts',
    fallback: ['pop3=127.0.0.1:1110', 'pop3s=127.0.0.1:1995'],
    variable: 'POSTINO_SERVE_LISTEN',
    about:
      'What `serve` offers, and where: `SERVICE=ADDRESS:PORT` each (services: `pop3`, `pop3s`; port 0: any free one).',
  },
  clearLogin: {
    name: 'serve.clear_login',
    kind: 'choice',
    fallback: 'loopback',
    variable: 'POSTINO_SERVE_CLEAR_LOGIN',
    about: 'From where a log-in without TLS is taken: `loopback` (this machine) or `anywhere`.',
    choices: ['loopback', 'anywhere'],
  },
  sessions: {
    name: 'serve.sessions',
    kind: 'number',
    fallback: 4096,
    variable: 'POSTINO_SERVE_SESSIONS',
    about: 'How many connections there may be at one time to one listener.',
    least: 1,
    most: 1_000_000,
  },
  sessionsPerAddress: {
    name: 'serve.sessions_per_address',
    kind: 'number',
    fallback: 256,
    variable: 'POSTINO_SERVE_SESSIONS_PER_ADDRESS',
    about: 'How many of them may come from one address.',
    least: 1,
    most: 1_000_000,
  },
  certificate: {
    name: 'tls.certificate',
    kind: 'text',
    fallback: undefined,
    variable: 'POSTINO_TLS_CERTIFICATE',
    about:
      'The file (PEM) with the certificate and its chain; without it, `serve` makes its own in `tls/` in the data folder.',
  },
  key: {
    name: 'tls.key',
    kind: 'text',
    fallback: undefined,
    variable: 'POSTINO_TLS_KEY',
    about: 'The file (PEM) with the key of `tls.certificate`.',
  },
  every: {
    name: 'fetch.every',
    kind: 'duration',
    fallback: '15m',
    variable: 'POSTINO_FETCH_EVERY',
    about: 'How often `serve` fetches from each remote account: `90s`, `15m`, `2h`, `1d`; `0`: never.',
  },
  parallel: {
    name: 'fetch.parallel',
    kind: 'number',
    fallback: 8,
    variable: 'POSTINO_FETCH_PARALLEL',
    about: 'How many accounts are fetched at once.',
    least: 1,
    most: 64,
  },
}
