import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { type AccountSecret, secretOf, type SecretParts } from '../../src/accounts/account-secret.ts'
import type { AccountOptions } from '../../src/accounts/account-options.ts'
import { Directory } from '../../src/accounts/directory.ts'
import { consentByBrowser } from '../../src/accounts/oauth/by-browser.ts'
import { consentByDevice, type DeviceCode } from '../../src/accounts/oauth/by-device.ts'
import { ConsentNeeded } from '../../src/accounts/oauth/consent-needed.ts'
import { type Registration, registrationWith } from '../../src/accounts/oauth/registration.ts'
import { keepTokens, tokenSource } from '../../src/accounts/oauth/token-source.ts'
import { type Tokens, unsealTokens } from '../../src/accounts/oauth/tokens.ts'
import { Secrets } from '../../src/accounts/secrets.ts'
import { fetchPop3 } from '../../src/doors/fetch-pop3.ts'
import type { Remote } from '../../src/doors/fetching.ts'
import { MisuseError, PeerError, RefusedError, StoreError } from '../../src/errors.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { mbox, type Postino, postino } from '../cli/postino.ts'
import { audience, type Issuer, startIssuer } from './oauth-issuer.ts'

const address = 'mario@example.it'

function registration(
  issuer: Issuer,
  client: { id?: string; secret?: string; redirect?: string } = { id: 'postino' },
): Registration {
  return registrationWith(issuer.url, {}, { scopes: ['mail'], ...client })
}

/** Consent as a person gives it who has a browser on this machine. */
async function consented(issuer: Issuer, with_: Registration = registration(issuer)): Promise<Tokens> {
  return await consentByBrowser(with_, {
    login: address,
    show: (url) => void issuer.browse(url).catch(() => undefined),
  })
}

test('the authorization code, with PKCE, a state, and a redirect to this machine on any port', async (t) => {
  const issuer = await startIssuer(t)
  let shown: URL | undefined
  let ended = ''
  const tokens = await consentByBrowser(registration(issuer), {
    login: address,
    show: async (url) => {
      shown = new URL(url)
      ended = await issuer.browse(url)
    },
  })
  const asked = Object.fromEntries(shown?.searchParams ?? [])
  assert.equal(asked['code_challenge_method'], 'S256')
  assert.equal(asked['code_challenge']?.length, 43)
  assert.equal(asked['login_hint'], address)
  assert.match(asked['redirect_uri'] ?? '', /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(new URL(ended).searchParams.get('state'), asked['state'])
  assert.deepEqual(tokens.scopes, ['mail'])
  assert.deepEqual(tokens.client, { id: 'postino', secret: undefined })
  assert.ok(tokens.refresh !== undefined && tokens.expires !== undefined && tokens.expires > Date.now())
  assert.deepEqual(issuer.asked, ['authorization_code 200'])
})

test('a client with a secret shows it; a wrong one, or none, is told as a fault of the configuration', async (t) => {
  const issuer = await startIssuer(t)
  const redirect = 'http://localhost/back'
  const tokens = await consented(issuer, registration(issuer, { id: 'secretive', secret: 's3cret', redirect }))
  assert.ok(tokens.refresh)
  for (const secret of [{ secret: 'wrong' }, {}])
    await assert.rejects(consented(issuer, registration(issuer, { id: 'secretive', redirect, ...secret })), (error) => {
      assert.ok(error instanceof MisuseError, String(error))
      assert.match(error.message, /does not take the client id "secretive" or its secret \(it says: invalid_client/)
      assert.doesNotMatch(error.message, /wrong|s3cret/)
      return true
    })
})

test('whoever comes to the redirect with another state, or another path, is turned away, and the consent goes on', async (t) => {
  const issuer = await startIssuer(t)
  const statuses: number[] = []
  const tokens = await consentByBrowser(registration(issuer), {
    show: async (url) => {
      const back = new URL(url).searchParams.get('redirect_uri') ?? ''
      for (const path of ['/?code=stolen&state=guess', '/?error=access_denied', '/favicon.ico'])
        statuses.push((await fetch(`${back}${path}`)).status)
      await issuer.browse(url)
    },
  })
  assert.deepEqual(statuses, [400, 400, 404])
  assert.ok(tokens.refresh)
})

test('a person who refuses is told so, and one who is on another machine pastes the address', async (t) => {
  const issuer = await startIssuer(t)
  const refusing = consentByBrowser(registration(issuer), {
    show: (url) => void issuer.browse(url, { refuse: true }),
  })
  await assert.rejects(refusing, (error: unknown) => {
    assert.ok(error instanceof RefusedError, String(error))
    assert.match(error.message, /the consent was refused at http.* \(it says: access_denied/)
    return true
  })
  const shown = Promise.withResolvers<string>()
  async function* lines(): AsyncGenerator<string> {
    yield ''
    yield 'what?'
    const url = await shown.promise
    yield `${new URL(url).searchParams.get('redirect_uri')}/?code=stolen&state=guess`
    yield await issuer.browse(url, { elsewhere: true })
  }
  const pasting = consentByBrowser(registration(issuer), { show: (url) => shown.resolve(url), pasted: lines() })
  assert.ok((await pasting).refresh)
})

test('consent on another machine: a code to type in there, asked for until it is given', async (t) => {
  const issuer = await startIssuer(t)
  const shown: DeviceCode[] = []
  const waits: number[] = []
  const tokens = await consentByDevice(registration(issuer), {
    show: (device) => void shown.push(device),
    wait: async (time) => {
      waits.push(time)
      if (waits.length === 3) await issuer.browse(shown[0]?.url ?? '', { code: shown[0]?.code ?? '' })
    },
  })
  const { complete, code, expires } = shown[0] ?? assert.fail('no code was shown')
  assert.ok(complete?.includes(code))
  assert.ok(expires > Date.now())
  assert.ok(tokens.refresh)
  const grant = 'urn:ietf:params:oauth:grant-type:device_code'
  assert.deepEqual(issuer.asked, [`${grant} authorization_pending`, `${grant} authorization_pending`, `${grant} 200`])
  assert.deepEqual(waits, [5000, 5000, 5000])

  const refused = consentByDevice(registration(issuer), {
    show: async ({ url, code }) => void (await issuer.browse(url, { code, refuse: true })),
    wait: () => Promise.resolve(),
  })
  await assert.rejects(refused, { name: 'RefusedError', message: /consent was refused/ })
})

test('where anybody may register, no client id is needed (RFC 7591)', async (t) => {
  const open = await startIssuer(t, { registration: true })
  const tokens = await consented(open, registration(open, {}))
  assert.match(tokens.client.id, /^[\w-]{10,}$/)
  const closed = await startIssuer(t)
  await assert.rejects(consented(closed, registration(closed, {})), {
    name: 'MisuseError',
    message: /there is no client id for http:.*\[oauth_client\.http/,
  })
})

/** A data folder with an account that logs in by OAuth 2.0, and its tokens. */
async function account(
  t: TestContext,
  issuer: Issuer,
  place: Partial<Remote> = {},
  data?: string,
): Promise<SecretParts> {
  const folder = data ?? (await mkdtemp(join(tmpdir(), 'postino-oauth-')))
  const directory = await Directory.open(folder)
  t.after(async () => {
    directory.close()
    if (data === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  const client = '[oauth_client.test]\nid = "postino"\nscopes = ["mail"]\n'
  await writeFile(join(folder, 'postino.toml'), `${client}issuer = ${JSON.stringify(issuer.url)}\n`)
  await directory.addUser('mario', undefined)
  const options: AccountOptions = { auth: 'oauth', issuer: 'test' }
  const { host = 'pop.example.it', port = 995, tls = 'implicit' } = place
  const settings = {
    address,
    protocol: 'pop3',
    server: host,
    port,
    tls,
    login: address,
    leave: 'forever',
    options,
  } as const
  await directory.addAccount('mario', settings, new Uint8Array())
  return { data: folder, directory, secrets: new Secrets(folder) }
}

function stored({ directory, secrets }: SecretParts): Tokens {
  return unsealTokens(secrets, address, directory.secret(address) ?? new Uint8Array())
}

async function secret(parts: SecretParts): Promise<AccountSecret> {
  const found = parts.directory.account(address)
  assert.ok(found)
  return await secretOf(found, parts)
}

async function token(parts: SecretParts, refused?: string): Promise<string> {
  const found = await secret(parts)
  assert.ok('token' in found)
  return await found.token(refused)
}

test('a token is used until it is about to expire, or is refused; then it is refreshed, and what came is stored', async (t) => {
  const issuer = await startIssuer(t, { lifetime: 3600 })
  const parts = await account(t, issuer)
  await assert.rejects(token(parts), { name: 'RefusedError', message: /run: postino account login mario@example\.it$/ })
  const first = await consented(issuer)
  await keepTokens(parts, address, first)
  assert.equal(await token(parts), first.access)
  assert.deepEqual(issuer.asked.splice(0), ['authorization_code 200'])

  const refused = await token(parts, first.access)
  assert.notEqual(refused, first.access)
  const second = stored(parts)
  assert.equal(second.access, refused)
  assert.notEqual(second.refresh, first.refresh, 'the issuer gives a new one each time')
  assert.equal(second.consented, first.consented)
  assert.deepEqual(issuer.asked.splice(0), ['refresh_token 200'])
  assert.equal(await token(parts, first.access), refused, 'somebody else has refreshed it meanwhile')

  const later = tokenSource(
    parts,
    address,
    () => Promise.resolve(registration(issuer)),
    () => Date.now() + 3550_000,
  )
  assert.notEqual(await later(), refused)
  assert.deepEqual(issuer.asked.splice(0), ['refresh_token 200'])
})

test('processes that refresh at once refresh once, and none loses the token that came', async (t) => {
  const issuer = await startIssuer(t)
  const parts = await account(t, issuer)
  const first = await consented(issuer)
  await keepTokens(parts, address, first)
  const script = join(import.meta.dirname, 'oauth-refresher.ts')
  const run = (): Promise<string> =>
    promisify(execFile)(process.execPath, [script, parts.data, address, first.access]).then(({ stdout }) =>
      stdout.trim(),
    )
  const came = await Promise.all([run(), run(), run(), token(parts, first.access), token(parts, first.access)])
  assert.equal(new Set(came).size, 1)
  assert.notEqual(came[0], first.access)
  assert.deepEqual(issuer.asked, ['authorization_code 200', 'refresh_token 200'])
  assert.ok(await token(parts, came[0]), 'and it goes on')
})

test('a log-in that was taken back ends with what to do, and nothing is lost where the issuer is only away', async (t) => {
  const issuer = await startIssuer(t)
  const parts = await account(t, issuer)
  const first = await consented(issuer)
  await keepTokens(parts, address, first)
  await issuer.revoke(first.refresh ?? '')
  await assert.rejects(token(parts, first.access), (error: unknown) => {
    assert.ok(error instanceof ConsentNeeded)
    assert.equal(error.reason, 'bad-login')
    assert.match(
      error.message,
      /log-in of mario@example\.it at test has ended.*invalid_grant.*; run: postino account login mario/,
    )
    assert.ok(!error.message.includes(first.refresh ?? '') && error.cause === undefined)
    return true
  })
  const again = await consented(issuer)
  await keepTokens(parts, address, again)
  assert.ok(await token(parts, again.access))
  const kept = stored(parts)
  await issuer.close()
  await assert.rejects(token(parts, kept.access), (error) => {
    assert.ok(error instanceof PeerError && error.code === 'unreachable')
    // Not the mail server: nobody is to look for the fault there.
    assert.match(error.message, /^test gives no tokens: 127\.0\.0\.1:/)
    return true
  })
  assert.deepEqual(stored(parts), kept)
})

test('a token that could not be stored is not asked for, and what is stored goes on', async (t) => {
  const issuer = await startIssuer(t)
  const parts = await account(t, issuer)
  const first = await consented(issuer)
  await keepTokens(parts, address, first)
  const directory = {
    secret: (whose: string) => parts.directory.secret(whose),
    setSecret: () => Promise.reject(new StoreError('disk-full', 'the disk is full')),
    keepState: () => Promise.resolve(),
  }
  const source = tokenSource({ ...parts, directory }, address, () => Promise.resolve(registration(issuer)))
  await assert.rejects(source(first.access), { name: 'StoreError', code: 'disk-full' })
  assert.deepEqual(issuer.asked, ['authorization_code 200'])
  assert.notEqual(await token(parts, first.access), first.access)
})

test('an account that is removed while its token is refreshed comes to nothing', async (t) => {
  const issuer = await startIssuer(t)
  const parts = await account(t, issuer)
  const first = await consented(issuer)
  await keepTokens(parts, address, first)
  const source = await secret(parts)
  await parts.directory.removeAccount(address)
  await assert.rejects('token' in source ? source.token() : Promise.resolve(), { name: 'StoreError', code: 'missing' })
  await assert.rejects(keepTokens(parts, address, first), { name: 'StoreError', code: 'missing' })
})

/** A browser that logs in by itself, as what opens URLs; gives the environment for it. */
async function browser(at: string, issuer: Issuer): Promise<Record<string, string>> {
  const folder = join(at, 'bin')
  await mkdir(folder, { recursive: true })
  const module = join(import.meta.dirname, 'oauth-issuer.ts')
  const words = `import(${JSON.stringify(module)}).then(({ browse }) => browse(${JSON.stringify(issuer.url)}, process.argv[1]))`
  await writeFile(join(folder, 'xdg-open'), `#!/bin/sh\nexec '${process.execPath}' -e '${words}' "$1"\n`)
  await chmod(join(folder, 'xdg-open'), 0o755)
  return { PATH: `${folder}:${process.env['PATH']}`, DISPLAY: ':0' }
}

/** A provider: another postino, which takes the tokens of the issuer, with some messages. */
async function provider(t: TestContext, issuer: Issuer): Promise<{ remote: Postino; place: Partial<Remote> }> {
  const remote = await postino(t)
  await remote.run(['user', 'add', address, '--password-stdin'], { input: 'secret\n' })
  await writeFile(join(remote.data, 'mail.mbox'), mbox(3))
  await remote.run(['import', join(remote.data, 'mail.mbox')])
  const env = { POSTINO_OAUTH_ISSUER: issuer.url, POSTINO_OAUTH_AUDIENCE: audience }
  const serving = await remote.serve(undefined, { env })
  return { remote, place: { host: '127.0.0.1', port: serving.ports['pop3'] ?? 0, tls: 'none' } }
}

test(
  'from the consent in a browser to the mail: `account login`, fetch, the token expires, fetch again',
  { skip: process.platform !== 'linux' && 'the browser here is an xdg-open' },
  async (t) => {
    // Good for less than a minute: never twice.
    const issuer = await startIssuer(t, { lifetime: 50 })
    const { remote, place } = await provider(t, issuer)
    const local = await postino(t)
    const parts = await account(t, issuer, place, local.data)
    const env = await browser(local.data, issuer)
    const lines = await local.json(['account', 'login', address], { env })
    const [first, last] = [lines[0], lines.at(-1)]
    assert.match(String(first?.['url']), /^http:\/\/127\.0\.0\.1:\d+\/auth\?/)
    assert.deepEqual({ ...last, expires: '' }, { account: address, issuer: issuer.url, scopes: ['mail'], expires: '' })
    const text = JSON.stringify(lines)
    const { access, refresh = 'none' } = stored(parts)
    for (const hidden of [access, refresh]) assert.equal(text.includes(hidden), false)

    const store = new DiskStore(local.data)
    t.after(() => store.close())
    const remoteOf = async (): Promise<Remote> => ({
      account: `pop3:${address}`,
      host: '127.0.0.1',
      port: place.port ?? 0,
      tls: 'none',
      login: address,
      leave: 'forever',
      ...(await secret(parts)),
    })
    const fetched = await fetchPop3(await remoteOf(), await store.open('mario'))
    assert.equal(fetched.error, undefined)
    assert.equal(fetched.new, 3)
    assert.deepEqual(issuer.asked.splice(0), ['authorization_code 200', 'refresh_token 200'])
    const again = await fetchPop3(await remoteOf(), await store.open('mario'))
    assert.deepEqual([again.error, again.skipped], [undefined, 3])
    assert.deepEqual(issuer.asked.splice(0), ['refresh_token 200'])

    // One that seems good, and that the server refuses.
    await keepTokens(parts, address, {
      ...stored(parts),
      access: `${access.slice(0, -8)}AAAAAAAA`,
      expires: Date.now() + 3600_000,
    })
    const third = await fetchPop3(await remoteOf(), await store.open('mario'))
    assert.deepEqual([third.error, third.skipped], [undefined, 3])
    assert.deepEqual(issuer.asked.splice(0), ['refresh_token 200'])

    await issuer.revoke(stored(parts).refresh ?? '')
    const fourth = await fetchPop3(await remoteOf(), await store.open('mario'))
    assert.match(fourth.error?.message ?? '', /run: postino account login mario@example\.it/)
    assert.equal((await remote.run(['check'])).code, 0)
  },
)

test('`account login --device --json` prints the code as a line, and then that it is done', async (t) => {
  const issuer = await startIssuer(t)
  const local = await postino(t)
  const parts = await account(t, issuer, {}, local.data)
  const program = join(import.meta.dirname, '../../bin/postino.js')
  const words = ['--data', local.data, 'account', 'login', address, '--device', '--json']
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const lines: Record<string, unknown>[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Record<string, unknown>
    lines.push(said)
    if (lines.length === 1) await issuer.browse(String(said['url']), { code: String(said['code']) })
  }
  assert.match(String(lines[0]?.['code']), /^[A-Z]{4}-[A-Z]{4}$/)
  assert.equal(lines[0]?.['url'], `${issuer.url}/device`)
  assert.equal(lines[1]?.['account'], address)
  assert.equal(lines.length, 2)
  assert.ok(await token(parts))
})

test(
  'by the command line alone: account add, fetch, again when the token has expired, the end of the log-in, account login',
  { skip: process.platform !== 'linux' && 'the browser here is an xdg-open' },
  async (t) => {
    const issuer = await startIssuer(t, { lifetime: 50 })
    const { place } = await provider(t, issuer)
    const local = await postino(t)
    await mkdir(local.data, { recursive: true })
    const client = `[oauth_client.test]\nid = "postino"\nissuer = ${JSON.stringify(issuer.url)}\nscopes = ["mail"]\n`
    await writeFile(join(local.data, 'postino.toml'), client)
    const env = await browser(local.data, issuer)
    const at = ['--server', `127.0.0.1:${place.port}`, '--tls', 'none', '--auth', 'oauth', '--issuer', 'test']
    const added = await local.run(['account', 'add', address, ...at], { env })
    assert.equal(added.code, 0, added.stderr)
    assert.match(added.stderr, /http:\/\/127\.0\.0\.1:\d+\/auth\?/)
    assert.equal((await local.json(['fetch']))[0]?.['new'], 3)
    assert.equal((await local.json(['fetch']))[0]?.['skipped'], 3)
    assert.deepEqual(issuer.asked.splice(0), ['authorization_code 200', 'refresh_token 200', 'refresh_token 200'])

    const directory = await Directory.open(local.data)
    t.after(() => directory.close())
    const parts = { data: local.data, directory, secrets: new Secrets(local.data) }
    await issuer.revoke(stored(parts).refresh ?? '')
    const ended = await local.run(['fetch'])
    assert.equal(ended.code, 1)
    assert.match(ended.stderr, /^postino: mario@example\.it: .*; run: postino account login mario@example\.it$/m)
    assert.equal((await local.run(['account', 'login', address], { env })).code, 0)
    assert.equal((await local.json(['fetch']))[0]?.['skipped'], 3)
  },
)
