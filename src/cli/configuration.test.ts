import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MisuseError } from '../errors.ts'
import { keys } from './configuration-keys.ts'
import { type Configuration, readConfiguration } from './configuration.ts'
import { dataFolder } from './data-folder.ts'

async function read(t: TestContext, toml: string, environment: NodeJS.ProcessEnv = {}): Promise<Configuration> {
  const data = await mkdtemp(join(tmpdir(), 'postino-configuration-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  if (toml !== '') await writeFile(join(data, 'postino.toml'), toml)
  return await readConfiguration(data, environment)
}

test('without a file, every key has its default', async (t) => {
  assert.deepEqual(await read(t, ''), {
    listen: [
      { service: 'pop3', host: '127.0.0.1', port: 1110 },
      { service: 'pop3s', host: '127.0.0.1', port: 1995 },
    ],
    workers: 0,
    clearLogin: 'loopback',
    sessions: 4096,
    sessionsPerAddress: 256,
    sessionsPerUser: 20,
    patience: { before: 60_000, after: 600_000 },
    proxyFrom: [],
    downgrade: 'international',
    language: 'en',
    certificate: undefined,
    oauth: undefined,
    fetchEvery: 15 * 60_000,
    fetchParallel: 24,
    settle: { enabled: true, hours: undefined },
    check: { every: 30 * 86_400_000, rate: 10e6 },
  })
})

test('the environment comes before the file, and the file before the defaults', async (t) => {
  const toml =
    'fetch.every = "2h"\nfetch.parallel = 3\n[serve]\nlisten = ["pop3s=[::1]:995"]\nclear_login = "anywhere"\n'
  const found = await read(t, toml, { POSTINO_FETCH_EVERY: '0', POSTINO_FETCH_PARALLEL: '' })
  assert.deepEqual(found.listen, [{ service: 'pop3s', host: '::1', port: 995 }])
  assert.equal(found.clearLogin, 'anywhere')
  assert.equal(found.fetchEvery, 0)
  assert.equal(found.fetchParallel, 3)
  const listening = await read(t, toml, { POSTINO_SERVE_LISTEN: 'pop3=127.0.0.1:1, pop3s=0.0.0.0:2' })
  assert.deepEqual(
    listening.listen.map(({ port }) => port),
    [1, 2],
  )
  assert.equal((await read(t, '[fetch]\nevery = 0')).fetchEvery, 0)
})

test('when mail is settled may be said by hours, or not at all', async (t) => {
  const toml = '[settle]\nenabled = false\nhours = "22:30-05:00"\n'
  assert.deepEqual((await read(t, toml)).settle, { enabled: false, hours: { from: 22 * 60 + 30, to: 5 * 60 } })
  assert.equal((await read(t, toml, { POSTINO_SETTLE_ENABLED: 'true' })).settle.enabled, true)
})

test('the files of the certificate are taken from the data folder, and go together', async (t) => {
  const found = await read(t, '[tls]\ncertificate = "own.pem"\nkey = "/etc/own.key"')
  assert.match(found.certificate?.certificate ?? '', /postino-configuration-\w+.own\.pem$/)
  assert.equal(found.certificate?.key, '/etc/own.key')
  await assert.rejects(read(t, '[tls]\nkey = "own.key"'), /go together/)
})

test('an issuer of tokens has an audience; its keys may be in a file beside the rest', async (t) => {
  const toml = '[oauth]\nissuer = "https://id.example.it"\naudience = "mail"\njwks = "keys.json"\n'
  const { oauth } = await read(t, toml)
  assert.match(oauth?.jwks ?? '', /postino-configuration-\w+.keys\.json$/)
  assert.equal(oauth?.userClaim, 'email')
  assert.equal(
    (await read(t, toml, { POSTINO_OAUTH_JWKS: 'https://id.example.it/jwks' })).oauth?.jwks,
    'https://id.example.it/jwks',
  )
  await assert.rejects(read(t, '[oauth]\nissuer = "https://id.example.it"'), /go together/)
})

test('a fault says which key, its value, where it stands and what is expected', async (t) => {
  const cases: [string, NodeJS.ProcessEnv, RegExp][] = [
    ['[fetch]\nevery = "5 minutes"', {}, /fetch\.every in .*postino\.toml is "5 minutes"; expected a duration/],
    ['[fetch]\nevery = 2026-01-01', {}, /fetch\.every in .* is 2026-01-01.*; expected a duration/],
    ['[fetch]\nevery = "40d"', {}, /expected a duration/],
    ['[fetch]\nparallel = 1.5', {}, /fetch\.parallel in .* is 1\.5; expected a whole number from 1 to 256/],
    ['[serve]\npatience = "5m"', {}, /serve\.patience in .* is "5m"; expected a duration, .* of at least 600 s/],
    ['[serve]\nproxy_from = ["10.0.0.0/33"]', {}, /serve\.proxy_from in .*: 10\.0\.0\.0\/33 is neither an address/],
    ['', { POSTINO_FETCH_PARALLEL: 'many' }, /POSTINO_FETCH_PARALLEL in the environment is "many"/],
    ['[settle]\nenabled = "yes"', {}, /settle\.enabled in .* is "yes"; expected true or false/],
    ['', { POSTINO_SETTLE_ENABLED: '1' }, /POSTINO_SETTLE_ENABLED in the environment is "1"; expected true or false/],
    ['[settle]\nhours = "at night"', {}, /settle\.hours in .* is "at night"; expected hours of the day/],
    ['[settle]\nhours = "01:00-25:00"', {}, /expected hours of the day, such as "01:00-06:00"/],
    ['[serve]\nclear_login = "never"', {}, /one of "loopback", "anywhere"/],
    ['[serve]\nlisten = "pop3=127.0.0.1:1"', {}, /expected a list of texts/],
    ['[serve]\nlisten = ["pop3=127.0.0.1:99999"]', {}, /serve\.listen in .* pop3=127\.0\.0\.1:99999: 99999 is no port/],
    ['[serv]\nlisten = []', {}, /there is no key serv\.listen; did you mean serve\.listen\?/],
    ['every = "5m"', {}, /there is no key every; did you mean fetch\.every\?/],
    ['serve = 3', {}, /there is no key serve/],
    ['[colours]\nred = 1', {}, /there is no key colours\.red; the keys are serve\.listen/],
    ['[fetch\nevery = 1', {}, /postino\.toml, line 1, column \d+: /],
  ]
  for (const [toml, environment, expected] of cases) {
    await assert.rejects(read(t, toml, environment), (error) => {
      assert(error instanceof MisuseError, toml)
      assert.match(error.message, expected)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
  }
})

test('docs/configuration.md says of every key what the program says', async () => {
  const text = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const rows = text.split('\n').filter((line) => /^\| `\w+\.\w+` \| `POSTINO_/.test(line))
  const shown = (fallback: unknown): string => {
    if (fallback === undefined) return '–'
    return `\`${JSON.stringify(fallback).replaceAll(',', ', ')}\``
  }
  assert.deepEqual(
    rows,
    Object.values(keys).map(
      ({ name, variable, fallback, about }) => `| \`${name}\` | \`${variable}\` | ${shown(fallback)} | ${about} |`,
    ),
  )
})

test('the data folder: --data, POSTINO_DATA, or where the system keeps such things', () => {
  assert.equal(dataFolder('/given', { POSTINO_DATA: '/named' }, 'linux'), '/given')
  assert.equal(dataFolder(undefined, { POSTINO_DATA: '/named' }, 'linux'), '/named')
  assert.equal(dataFolder(undefined, { XDG_DATA_HOME: '/xdg' }, 'linux'), '/xdg/postino')
  assert.match(dataFolder(undefined, { XDG_DATA_HOME: 'relative' }, 'linux'), /\.local\/share\/postino$/)
  assert.match(dataFolder(undefined, {}, 'darwin'), /Library\/Application Support\/Postino$/)
})
