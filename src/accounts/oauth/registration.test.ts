import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { checkClients, configuredClient } from './clients.ts'
import { knownIssuers } from './issuers.ts'
import { registrationOf, registrationWith } from './registration.ts'

async function folder(t: TestContext, toml?: string): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'postino-registration-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  if (toml !== undefined) await writeFile(join(data, 'postino.toml'), toml)
  return data
}

test('what is known needs a client id only, and comes with none', () => {
  for (const [name, known] of Object.entries(knownIssuers)) {
    const { client, issuer, scopes, redirect } = registrationWith(name, { issuer: name }, {})
    assert.equal(client, undefined, name)
    assert.match(issuer, /^https:\/\//)
    assert.ok(scopes.length > 0)
    assert.ok(redirect === 'oob' || /^http:\/\/(?:127\.0\.0\.1|localhost)/.test(redirect))
    assert.ok(known.sources.length > 0, `${name} does not say where it is from`)
  }
  const { client } = registrationWith('google', {}, { id: 'mine', secret: 'hidden' })
  assert.deepEqual(client, { id: 'mine', secret: 'hidden' })
})

test("Microsoft's tenant stands in every URL", () => {
  const common = registrationWith('microsoft', {}, {})
  assert.equal(common.endpoints?.token, 'https://login.microsoftonline.com/common/oauth2/v2.0/token')
  const own = registrationWith('microsoft', {}, { tenant: 'example.it' })
  assert.deepEqual(Object.values({ issuer: own.issuer, ...own.endpoints }), [
    'https://login.microsoftonline.com/example.it/v2.0',
    'https://login.microsoftonline.com/example.it/oauth2/v2.0/authorize',
    'https://login.microsoftonline.com/example.it/oauth2/v2.0/token',
    'https://login.microsoftonline.com/example.it/oauth2/v2.0/devicecode',
  ])
})

test('the account before the configuration, the configuration before what is known', async (t) => {
  const data = await folder(
    t,
    '[oauth_client.google]\nid = "from the file"\nsecret = "s"\nscopes = ["a"]\ndays = 7\n[serve]\nworkers = 0\n',
  )
  const inFile = await registrationOf({ issuer: 'google' }, data, {})
  assert.deepEqual(inFile.client, { id: 'from the file', secret: 's' })
  assert.deepEqual(inFile.scopes, ['a'])
  assert.deepEqual(inFile.lasts, { days: 7, from: 'consent' })
  assert.equal(inFile.endpoints?.token, 'https://oauth2.googleapis.com/token')
  const environment = { POSTINO_OAUTH_CLIENT_GOOGLE_ID: 'from the environment' }
  assert.equal((await registrationOf({ issuer: 'google' }, data, environment)).client?.id, 'from the environment')
  const oauth = { clientId: 'own', scopes: ['b'], resource: 'https://pop.example.it' }
  const own = await registrationOf({ issuer: 'google', oauth, proxy: 'socks5://127.0.0.1:1080' }, data, {})
  // The secret is that of another client.
  assert.deepEqual(own.client, { id: 'own', secret: undefined })
  assert.deepEqual([own.scopes, own.resource, own.proxy], [['b'], oauth.resource, 'socks5://127.0.0.1:1080'])
})

test('an issuer of one’s own: by URL with the account, or by name in the configuration', async (t) => {
  const url = await registrationOf(
    { issuer: 'https://id.example.it', oauth: { scopes: ['mail'], clientId: 'mine' } },
    await folder(t),
    {},
  )
  assert.deepEqual([url.issuer, url.endpoints, url.client?.id], ['https://id.example.it', undefined, 'mine'])
  const toml = '[oauth_client.work]\nissuer = "https://id.example.it"\nscopes = ["mail"]\nid = "mine"\n'
  const named = await registrationOf({ issuer: 'work' }, await folder(t, toml), {})
  assert.deepEqual([named.name, named.issuer], ['work', 'https://id.example.it'])
  const endpoints = 'authorization_endpoint = "https://a.example.it/x"\ntoken_endpoint = "https://a.example.it/y"\n'
  const told = await registrationOf({ issuer: 'work' }, await folder(t, toml + endpoints), {})
  assert.deepEqual(told.endpoints, {
    authorization: 'https://a.example.it/x',
    token: 'https://a.example.it/y',
    device: undefined,
  })
})

test('what is missing, unknown, or would go in the clear, is told', async (t) => {
  const data = await folder(t)
  const wrong = (options: Parameters<typeof registrationOf>[0], message: RegExp): Promise<void> =>
    assert.rejects(registrationOf(options, data, {}), { name: 'MisuseError', message })
  await wrong({}, /no issuer is named: give google, microsoft/)
  await wrong({ issuer: 'goggle' }, /no issuer "goggle"; known are google, .*\[oauth_client\.goggle\]/)
  await wrong({ issuer: 'constructor' }, /no issuer "constructor"/)
  await wrong({ issuer: 'https://id.example.it' }, /no scopes are known.*\[oauth_client\."https:\/\/id\.example\.it"\]/)
  const oauth = { scopes: ['mail'] }
  await wrong({ issuer: 'http://id.example.it', oauth }, /in the clear: give an https URL/)
  await wrong({ issuer: 'work', oauth: { ...oauth, issuer: 'id.example.it' } }, /which is no URL/)
  const { issuer } = await registrationOf({ issuer: 'http://127.0.0.1:8080', oauth }, data, {})
  assert.equal(issuer, 'http://127.0.0.1:8080')
  const far = '[oauth_client.google]\nredirect = "http://example.it/back"\n'
  await assert.rejects(registrationOf({ issuer: 'google' }, await folder(t, far), {}), /give an https URL/)
})

test('a fault in the table names the key', async (t) => {
  for (const [toml, message] of [
    ['[oauth_client.google]\nclient_id = "x"', /no key oauth_client\.google\.client_id; there are id, secret/],
    ['[oauth_client.google]\nid = 3', /oauth_client\.google\.id is not a text that is not empty/],
    ['[oauth_client.google]\nscopes = "a b"', /oauth_client\.google\.scopes is not a list of texts/],
    ['[oauth_client.google]\ndays = 0', /oauth_client\.google\.days is not a number of days/],
    ['oauth_client = 3', /oauth_client is not a table, such as \[oauth_client\.google\]/],
    ['[oauth_client]\ngoogle = "x"', /oauth_client\.google is not a table/],
    ['[oauth_client.google\n', /postino\.toml: /],
  ] as const)
    await assert.rejects(configuredClient(await folder(t, toml), 'google', {}), { name: 'MisuseError', message })
  assert.throws(() => checkClients({ work: { nonsense: 'x' } }, 'postino.toml'), /oauth_client\.work\.nonsense/)
  assert.throws(() => checkClients(3, 'postino.toml'), /oauth_client is not a table/)
  checkClients({ work: { id: 'x' } }, 'postino.toml')
})
