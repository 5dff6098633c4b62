import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { Authenticator } from './authenticator.ts'
import { BearerTokens, type OAuthSettings } from './bearer.ts'
import type { LoggedIn } from './credentials.ts'
import { Directory } from './directory.ts'

interface Key {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

type Keys = readonly [Key, ...Key[]]

async function newKey(kid: string, alg = 'RS256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/** An issuer of tokens, as they are: HTTP, a configuration, and keys that change. */
class Issuer {
  readonly url: string
  keys: Keys
  asked = 0
  /** How often something was asked for that is not there. */
  missed = 0
  /** What the configuration says of the issuer's name. */
  name: string
  readonly close: () => void

  private constructor(url: string, keys: Keys, close: () => void) {
    this.url = this.name = url
    this.keys = keys
    this.close = close
  }

  static async start(t: TestContext, keys: Keys): Promise<Issuer> {
    const server = createServer((request, response) => {
      const { url } = request
      if (url === '/.well-known/openid-configuration')
        response.end(JSON.stringify({ issuer: issuer.name, jwks_uri: `${issuer.url}/keys` }))
      else if (url === '/keys') {
        issuer.asked++
        response.end(JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }))
      } else {
        issuer.missed++
        response.writeHead(404).end()
      }
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const close = (): void => {
      server.close()
      server.closeAllConnections()
    }
    t.after(close)
    const issuer = new Issuer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, keys, close)
    return issuer
  }

  get settings(): OAuthSettings {
    return { issuer: this.url, audience: 'postino' }
  }

  /** A token as it should be, but for what is given. */
  token(claims: JWTPayload = {}, { kid, privateKey, jwk }: Key = this.keys[0]): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const usual = { iss: this.url, aud: 'postino', exp: now + 300, email: 'mario@example.it' }
    return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: jwk.alg ?? '', kid }).sign(privateKey)
  }
}

const now = (): number => Math.floor(Date.now() / 1000)

test('a token holds by its signature, issuer, audience and time, and names the user', async (t) => {
  const issuer = await Issuer.start(t, [await newKey('one'), await newKey('two', 'ES256')])
  const tokens = new BearerTokens(issuer.settings)
  const name = async (claims?: JWTPayload, key?: Key): Promise<string | undefined> =>
    tokens.userOf(await issuer.token(claims, key))
  assert.equal(await name(), 'mario@example.it')
  assert.equal(await name({}, issuer.keys[1]), 'mario@example.it')
  assert.equal(await name({ aud: ['other', 'postino'] }), 'mario@example.it')
  assert.equal(await name({ exp: now() - 30 }), 'mario@example.it') // clocks differ
  for (const claims of [
    { aud: 'other' },
    { iss: 'https://example.org' },
    { exp: now() - 120 },
    { exp: undefined },
    { nbf: now() + 120 },
    { email: undefined },
    { email: '' },
    { email: 7 },
    { email_verified: false },
    { email_verified: 'false' },
    { email_verified: null },
  ])
    assert.equal(await name(claims as JWTPayload), undefined, JSON.stringify(claims))
  assert.equal(await name({ email_verified: 'true' } as JWTPayload), 'mario@example.it')
  const forged = await newKey('one')
  assert.equal(await name({}, forged), undefined)
  const good = await issuer.token()
  for (const text of ['', 'x', 'a.b.c', good.slice(0, -4), `${good}x`])
    assert.equal(await tokens.userOf(text), undefined)
})

test('RFC 8725 §2.1, §3.1: no token without a signature, and none signed with a secret', async (t) => {
  const issuer = await Issuer.start(t, [await newKey('one')])
  const tokens = new BearerTokens(issuer.settings)
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: issuer.url, aud: 'postino', exp: now() + 300, email: 'mario@example.it' }
  assert.equal(await tokens.userOf(`${part({ alg: 'none', kid: 'one' })}.${part(claims)}.`), undefined)
  const secret = new TextEncoder().encode(JSON.stringify(issuer.keys[0]?.jwk))
  const hmac = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret)
  assert.equal(await tokens.userOf(hmac), undefined)
})

test('another claim may name the user, and the keys may be in a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-bearer-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const issuer = await Issuer.start(t, [await newKey('one')])
  const jwks = join(folder, 'keys.json')
  await writeFile(jwks, JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }))
  const tokens = new BearerTokens({ ...issuer.settings, jwks, userClaim: 'preferred_username' })
  assert.equal(await tokens.userOf(await issuer.token({ preferred_username: 'mario' })), 'mario')
  assert.equal(await tokens.userOf(await issuer.token()), undefined)
  assert.equal(issuer.asked, 0)
})

test('an issuer that cannot be reached, or is another one, is no reason to let anybody in, nor to say that the token is wrong', async (t) => {
  const issuer = await Issuer.start(t, [await newKey('one')])
  const token = await issuer.token()
  issuer.name = 'http://127.0.0.1:1'
  await assert.rejects(new BearerTokens(issuer.settings).userOf(token), { reason: 'try-later' })
  const tokens = new BearerTokens({ ...issuer.settings, jwks: `${issuer.url}/none` })
  await assert.rejects(tokens.userOf(token), { reason: 'try-later' })
  const { missed } = issuer
  assert.ok(missed > 0)
  await assert.rejects(tokens.userOf(token), { reason: 'try-later' })
  assert.equal(issuer.missed, missed, 'it is not asked again and again')
  issuer.close()
  await assert.rejects(new BearerTokens(issuer.settings).userOf(token), { reason: 'try-later' })
})

test('keys are fetched once, and not again for each name of a key that somebody invents', async (t) => {
  const issuer = await Issuer.start(t, [await newKey('one')])
  const tokens = new BearerTokens(issuer.settings)
  await Promise.all(Array.from({ length: 5 }, async () => tokens.userOf(await issuer.token())))
  const other = await newKey('invented')
  for (let i = 0; i < 5; i++)
    assert.equal(await tokens.userOf(await issuer.token({}, { ...other, kid: `invented${i}` })), undefined)
  assert.equal(issuer.asked, 1)
})

test('only https, but for this machine itself', () => {
  const settings = (issuer: string, jwks?: string): OAuthSettings => ({ issuer, audience: 'postino', jwks })
  for (const wrong of ['http://example.org', 'example.org', 'ftp://example.org', 'http://127.0.0.1.example.org'])
    assert.throws(() => new BearerTokens(settings(wrong)), { name: 'MisuseError' }, wrong)
  assert.throws(() => new BearerTokens(settings('https://example.org', 'http://example.org/keys')), /oauth\.jwks/)
  for (const right of ['https://example.org', 'http://localhost:8080', 'http://[::1]:8080'])
    assert(new BearerTokens(settings(right)))
})

test('a token lets in whom it names, with a device or without a name, and nobody else', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'postino-bearer-'))
  const directory = await Directory.open(data)
  const issuer = await Issuer.start(t, [await newKey('one')])
  const authenticator = new Authenticator(directory, {
    oauth: issuer.settings,
    clock: { now: () => 0, sleep: () => Promise.resolve() },
  })
  t.after(async () => {
    authenticator.close()
    directory.close()
    await rm(data, { recursive: true, force: true })
  })
  for (const name of ['mario@example.it', 'anna@example.it']) await directory.addUser(name, undefined)
  assert.deepEqual(authenticator.mechanisms, ['OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN'])
  const token = await issuer.token({ email: 'Mario@Example.it' })
  const come = (login: string, text = token): Promise<LoggedIn | undefined> =>
    authenticator.authenticate({ by: 'bearer', login, token: text, mechanism: 'OAUTHBEARER' }, '192.0.2.1')
  const mario = { user: 'mario@example.it', device: undefined }
  assert.deepEqual(await come('mario@example.it'), mario)
  assert.deepEqual(await come(''), mario)
  assert.deepEqual(await come('mario+phone@example.it'), { user: 'mario@example.it', device: 'phone' })
  assert.equal(await come('anna@example.it'), undefined)
  assert.equal(await come('', await issuer.token({ email: 'mario+else@example.it' })), undefined)
  assert.equal(await come('anna@example.it+mario@example.it'), undefined)
  assert.equal(await come('', await issuer.token({ email: 'nobody@example.it' })), undefined)
  // Names that look alike may be two people's for the issuer; U+212A is a "k" in small letters.
  await directory.addUser('kurt@example.it', undefined)
  for (const email of ['\u212aurt@example.it', '\uff4burt@example.it']) {
    const alike = await issuer.token({ email })
    for (const login of ['', 'kurt@example.it', email]) assert.equal(await come(login, alike), undefined, email)
  }
})
