import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Directory } from '../../src/accounts/directory.ts'
import { takeLock } from '../../src/accounts/lock.ts'
import { accountLockFile } from '../../src/cli/locks.ts'
import { createPop3Server } from '../../src/library/server.ts'
import { makeCertificate } from '../../src/net/certificate.ts'
import { type Finished, type Postino, postino, type RunOptions } from './postino.ts'

const address = 'mario@example.it'

interface Provider {
  readonly port: number
  password: string
  /** By unique-id. */
  readonly messages: Map<string, string>
}

async function provider(t: TestContext): Promise<Provider> {
  const messages = new Map<string, string>()
  const server = createPop3Server({
    authenticate: (login, password) => (password === made.password ? login : undefined),
    openMaildrop: () => ({
      messages: [...messages].map(([uniqueId, text]) => ({ uniqueId, read: () => Buffer.from(text) })),
      remove: () => undefined,
    }),
  })
  const { port } = await server.listen({ port: 0 })
  t.after(() => server.close())
  const made: Provider = { port, password: 'secret', messages }
  return made
}

function letter(name: string, to = address): string {
  return `Delivered-To: ${to}\r\nMessage-ID: <${name}@example.it>\r\nSubject: ${name}\r\n\r\nText.\r\n`
}

/** Adds the account; gives how that ended. */
function add({ run }: Postino, at: Provider, ...words: string[]): Promise<Finished> {
  const server = ['--server', `127.0.0.1:${at.port}`, '--tls', 'none']
  const password = words.includes('--password-command') ? [] : ['--password-stdin']
  return run(['account', 'add', address, ...server, ...password, ...words], { input: 'secret\n' })
}

/** Changes the account; fails where that does. */
async function set(made: Postino, words: readonly string[], options?: RunOptions): Promise<Record<string, unknown>> {
  const { code, stderr, stdout } = await made.run(['account', 'set', address, ...words, '--json'], options)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Record<string, unknown>
}

test('files are remembered by their whole path: serve may run elsewhere', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  const file = join(made.data, '..', 'own.pem')
  const { cert, key } = makeCertificate()
  await writeFile(file, cert + key)
  const near = relative(process.cwd(), file)
  const words = ['--trust', near, '--client-certificate', near, '--client-key', near]
  assert.equal((await add(made, at, ...words)).code, 0)
  const [shown] = await made.json(['account', 'show', address])
  assert.deepEqual(shown?.['options'], { trust: file, clientCertificate: { certificate: file, key: file } })
})

test('`usual` takes back what is said of the log-in and of what stays there, too', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  assert.equal((await add(made, at, '--login', 'somebody', '--leave', '30')).code, 0)
  assert.deepEqual((await set(made, ['--login', 'usual']))['login'], address)
  assert.deepEqual((await set(made, ['--leave', 'usual']))['leave'], 'forever')
  assert.deepEqual((await set(made, ['--tls', 'usual', '--no-check']))['tls'], 'implicit')
})

test('the other protocol of a provider that is known is at another server', async (t) => {
  const made = await postino(t)
  const words = ['--server', 'popmail.libero.it', '--password-stdin', '--no-check', '--offline']
  assert.equal((await made.run(['account', 'add', address, ...words], { input: 'x\n' })).code, 0)
  const { protocol, server, port } = await set(made, ['--protocol', 'imap', '--no-check'])
  assert.deepEqual([protocol, server, port], ['imap', 'imapmail.libero.it', 993])
})

test('a password on stdin takes the place of a command', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  assert.equal((await add(made, at, '--password-command', 'echo secret')).code, 0)
  at.password = 'another'
  const { options } = await set(made, ['--password-stdin'], { input: 'another\n' })
  assert.deepEqual(options, {})
  assert.equal((await made.run(['account', 'test'])).code, 0)
})

test('with another password, what went wrong before is forgotten', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  assert.equal((await add(made, at)).code, 0)
  const directory = await Directory.open(made.data)
  t.after(() => directory.close())
  await directory.keepState(address, { failures: 5, next: Date.now() + 1e7 })
  await set(made, ['--password-stdin'], { input: 'secret\n' })
  assert.deepEqual(directory.account(address)?.state, {})
})

test('the password of a place that nothing is handed on to any more is forgotten', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  const url = 'imaps://anna@imap.example.org/INBOX'
  const env = { POSTINO_HAND_ON_PASSWORDS: 'other secret' }
  assert.equal((await add(made, at)).code, 0)
  await set(made, ['--hand-on', url, '--no-check'], { env })
  const directory = await Directory.open(made.data)
  t.after(() => directory.close())
  const { handOnSecretName, parseHandOnTarget } = await import('../../src/accounts/hand-on-target.ts')
  const name = handOnSecretName(parseHandOnTarget(url))
  assert.notEqual(directory.namedSecret(address, name), undefined)
  await set(made, ['--hand-on', 'usual'])
  assert.equal(directory.namedSecret(address, name), undefined)
})

test('what cannot be is told before anything is done: two ways to log in, a mailbox without a name, users who are not there', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  await made.run(['user', 'add', 'mario', '--password-stdin'], { input: 'x\n' })
  for (const [words, told] of [
    [['--auth', 'oauth', '--keyring'], /--auth oauth/],
    [['--auth', 'oauth', '--password-command', 'echo x'], /--auth oauth/],
    [['--mailbox', 'a//b'], /a\/\/b/],
    [['--split', 'anna@example.it=anna', '--split-otherwise', 'mario'], /no user "anna".*mario/],
    [['--split', 'anna@example.it=mario', '--split-otherwise', 'rest'], /no user "rest"/],
  ] as const) {
    const added = await add(made, at, ...words)
    assert.equal(added.code, 2, words.join(' '))
    assert.match(added.stderr, told)
  }
  assert.deepEqual(await made.json(['account', 'list']), [])
  assert.equal((await add(made, at)).code, 0)
  const split = ['--split', 'anna@example.it=anna', '--split-otherwise', 'mario']
  assert.equal((await made.run(['account', 'set', address, ...split])).code, 2)
})

test('mail for a user who was removed goes to the one for the rest, or to the owner; a user never comes back so', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  for (const user of ['mario', 'anna', 'rest'])
    await made.run(['user', 'add', user, '--password-stdin'], { input: 'x\n' })
  // Fetched when told to, and not by `serve` meanwhile.
  const split = ['--split', 'anna@example.it=anna', '--split-otherwise', 'rest', '--user', 'mario', '--every', '0']
  assert.equal((await add(made, at, ...split)).code, 0)
  const subjects = async (user: string): Promise<unknown[]> =>
    (await made.json(['list', '--user', user])).map((one) => one['subject'])
  at.messages.set('1', letter('one', 'anna@example.it'))
  await made.run(['fetch'])
  assert.deepEqual(await subjects('anna'), ['one'])
  await made.run(['user', 'remove', 'anna', '--yes'])
  at.messages.set('2', letter('two', 'anna@example.it'))
  const [report] = await made.json(['fetch'])
  assert.equal(report?.['new'], 1)
  assert.match(String(report?.['problems']), /no user anna any more/)
  assert.deepEqual([await subjects('rest'), await subjects('mario')], [['two'], []])
  await made.run(['user', 'remove', 'rest', '--yes'])
  at.messages.set('3', letter('three', 'nobody@example.it'))
  const serving = await made.serve([])
  assert.equal((await made.json(['fetch']))[0]?.['new'], 1)
  assert.deepEqual(await subjects('mario'), ['three'])
  await serving.stop()
  await made.run(['user', 'add', 'anna', '--password-stdin'], { input: 'x\n' })
  assert.deepEqual(await subjects('anna'), [])
})

test('--message says so where the whole message is not there any more, and whose message is meant', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  await made.run(['user', 'add', 'mario', '--password-stdin'], { input: 'x\n' })
  assert.equal((await add(made, at, '--largest', '1B', '--beyond', 'header')).code, 0)
  at.messages.set('1', letter('one'))
  await made.run(['fetch'])
  const id = String((await made.json(['list']))[0]?.['id'])
  at.messages.clear()
  const gone = await made.run(['fetch', '--message', id])
  assert.equal(gone.code, 1)
  assert.match(gone.stderr, /not there any more/)
  await made.run(['user', 'add', 'anna', '--password-stdin'], { input: 'x\n' })
  const whose = await made.run(['fetch', '--message', id])
  assert.equal(whose.code, 2)
  assert.match(whose.stderr, /--user/)
  assert.equal((await made.run(['fetch', '--message', id, '--user', 'mario'])).code, 1)
  // Another than one of which only the header is here.
  const none = await made.run(['fetch', '--message', '99', '--user', 'mario'])
  assert.equal(none.code, 2)
  assert.match(none.stderr, /there is no such message/)
  at.messages.set('2', 'x')
  await made.run(['account', 'set', address, '--largest', 'usual', '--beyond', 'usual'])
  await made.run(['fetch'])
  const [whole] = (await made.json(['list', '--user', 'mario']))
    .map((one) => Number(one['id']))
    .toSorted((a, b) => b - a)
  assert.match((await made.run(['fetch', '--message', String(whole), '--user', 'mario'])).stderr, /is here whole/)
})

test('a user is not removed while an account of somebody else brings mail for them', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  for (const user of ['mario', 'anna']) await made.run(['user', 'add', user, '--password-stdin'], { input: 'x\n' })
  const split = ['--split', 'anna@example.it=anna', '--split-otherwise', 'mario', '--user', 'mario']
  assert.equal((await add(made, at, ...split)).code, 0)
  const lock = await takeLock(accountLockFile(made.data, address))
  assert.ok(lock)
  let ended = false
  const removing = made.run(['user', 'remove', 'anna', '--yes']).then((finished) => {
    ended = true
    return finished
  })
  await new Promise((resolve) => void setTimeout(resolve, 1500))
  assert.equal(ended, false)
  lock.release()
  assert.equal((await removing).code, 0)
})

test('a message that has had several names at its provider is one that is known', async (t) => {
  const [at, made] = [await provider(t), await postino(t)]
  assert.equal((await add(made, at)).code, 0)
  for (const id of ['a', 'b']) at.messages.set(id, letter(id))
  await made.run(['fetch'])
  at.messages.clear()
  for (const id of ['a', 'b']) at.messages.set(`new-${id}`, letter(id))
  assert.equal((await made.json(['fetch']))[0]?.['skipped'], 2)
  assert.equal((await made.json(['account', 'show', address]))[0]?.['known'], 2)
})
