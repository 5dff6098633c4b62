/** What the value of a key must be, in words for a person. */
export type Kind = 'text' | 'texts' | 'duration' | 'number' | 'choice' | 'flag'

/** One key of the configuration: in postino.toml, in the environment and in docs/configuration.md. */
export interface Key {
  /** With its table: `serve.listen`. */
  readonly name: string
  readonly kind: Kind
  /** As it would stand in postino.toml; undefined where there is none. */
  readonly fallback: string | number | boolean | readonly string[] | undefined
  readonly variable: string
  /** One line for docs/configuration.md. */
  readonly about: string
  readonly choices?: readonly string[]
  /** Of a number; of a duration, milliseconds. */
  readonly least?: number
  readonly most?: number
}

type KeyWord =
  | 'listen'
  | 'workers'
  | 'clearLogin'
  | 'sessions'
  | 'sessionsPerAddress'
  | 'sessionsPerUser'
  | 'patience'
  | 'patienceBefore'
  | 'proxyFrom'
  | 'downgrade'
  | 'language'
  | 'certificate'
  | 'key'
  | 'issuer'
  | 'audience'
  | 'jwks'
  | 'userClaim'
  | 'every'
  | 'parallel'
  | 'settleEnabled'
  | 'settleHours'
  | 'checkEvery'
  | 'checkRate'

/** Every key there is. */
export const keys: Readonly<Record<KeyWord, Key>> = {
  listen: {
    name: 'serve.listen',
    kind: 'texts',
    fallback: ['pop3=127.0.0.1:1110', 'pop3s=127.0.0.1:1995'],
    variable: 'POSTINO_SERVE_LISTEN',
    about:
      'What `serve` offers, and where: `SERVICE=ADDRESS:PORT` each (services: `pop3`, `pop3s`, `metrics`; port 0: any free one).',
  },
  workers: {
    name: 'serve.workers',
    kind: 'number',
    fallback: 0,
    variable: 'POSTINO_SERVE_WORKERS',
    about:
      'How many processes serve connections, beside the one that watches over them; `0`: one process does everything.',
    least: 0,
    most: 128,
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
    about:
      'How many connections there may be at one time; where all places are taken, the oldest that has not logged in goes.',
    least: 1,
    most: 1_000_000,
  },
  sessionsPerAddress: {
    name: 'serve.sessions_per_address',
    kind: 'number',
    fallback: 256,
    variable: 'POSTINO_SERVE_SESSIONS_PER_ADDRESS',
    about: 'How many of them may come from one address (of IPv6: one /64).',
    least: 1,
    most: 1_000_000,
  },
  sessionsPerUser: {
    name: 'serve.sessions_per_user',
    kind: 'number',
    fallback: 20,
    variable: 'POSTINO_SERVE_SESSIONS_PER_USER',
    about: 'How many sessions one user may have at one time, each with another device.',
    least: 1,
    most: 1_000_000,
  },
  patience: {
    name: 'serve.patience',
    kind: 'duration',
    fallback: '10m',
    variable: 'POSTINO_SERVE_PATIENCE',
    about: 'How long a client may be silent once it has logged in; at least `10m` (RFC 1939).',
    least: 600_000,
  },
  patienceBefore: {
    name: 'serve.patience_before',
    kind: 'duration',
    fallback: '1m',
    variable: 'POSTINO_SERVE_PATIENCE_BEFORE',
    about: 'How long a client may be silent before that.',
    least: 1000,
  },
  proxyFrom: {
    name: 'serve.proxy_from',
    kind: 'texts',
    fallback: [],
    variable: 'POSTINO_SERVE_PROXY_FROM',
    about:
      "The addresses of proxies (`10.0.0.7`, `10.0.0.0/8`): theirs must begin with HAProxy's PROXY header, and whom it names counts.",
  },
  downgrade: {
    name: 'serve.downgrade',
    kind: 'choice',
    fallback: 'international',
    variable: 'POSTINO_SERVE_DOWNGRADE',
    about:
      'What a client that did not ask for UTF8 gets: `international` messages in a form that it can read (RFC 6858), or `never` anything but the message as it came.',
    choices: ['international', 'never'],
  },
  language: {
    name: 'serve.language',
    kind: 'choice',
    fallback: 'en',
    variable: 'POSTINO_SERVE_LANGUAGE',
    about: 'The language of the replies until a client asks for another.',
    choices: ['en', 'it', 'de', 'fr', 'es'],
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
  issuer: {
    name: 'oauth.issuer',
    kind: 'text',
    fallback: undefined,
    variable: 'POSTINO_OAUTH_ISSUER',
    about: 'Whose tokens are taken by OAUTHBEARER and XOAUTH2: the URL that stands in them as `iss`; without it, none.',
  },
  audience: {
    name: 'oauth.audience',
    kind: 'text',
    fallback: undefined,
    variable: 'POSTINO_OAUTH_AUDIENCE',
    about: 'What must stand in a token as `aud`; it goes together with `oauth.issuer`.',
  },
  jwks: {
    name: 'oauth.jwks',
    kind: 'text',
    fallback: undefined,
    variable: 'POSTINO_OAUTH_JWKS',
    about: "Where the issuer's keys are: an https URL, or a file; without it, the issuer is asked.",
  },
  userClaim: {
    name: 'oauth.user_claim',
    kind: 'text',
    fallback: 'email',
    variable: 'POSTINO_OAUTH_USER_CLAIM',
    about: 'The claim of a token that names the user.',
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
    fallback: 24,
    variable: 'POSTINO_FETCH_PARALLEL',
    about: 'How many accounts are fetched at once.',
    least: 1,
    most: 256,
  },
  settleEnabled: {
    name: 'settle.enabled',
    kind: 'flag',
    fallback: true,
    variable: 'POSTINO_SETTLE_ENABLED',
    about: 'Whether `serve` [settles](settling.md) mail in idle time, though never on battery: `true` or `false`.',
  },
  settleHours: {
    name: 'settle.hours',
    kind: 'text',
    fallback: undefined,
    variable: 'POSTINO_SETTLE_HOURS',
    about: 'At what time of day it may: `01:00-06:00`, or over midnight `22:30-05:00`; without it, at any.',
  },
  checkEvery: {
    name: 'check.every',
    kind: 'duration',
    fallback: '30d',
    variable: 'POSTINO_CHECK_EVERY',
    about: "How often `serve` [checks](check.md) each user's mail, every octet of it; `0`: never.",
  },
  checkRate: {
    name: 'check.rate',
    kind: 'number',
    fallback: 10,
    variable: 'POSTINO_CHECK_RATE',
    about: 'How fast it reads at the most, in MB (10⁶ octets) a second; while there is other work it waits.',
    least: 1,
    most: 100_000,
  },
}
