import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createPop3Server } from '../../src/library/server.ts'
import type { SessionLog } from '../../src/doors/serve-pop3.ts'
import { type Finished, type Postino, postino } from './postino.ts'

interface Provider {
  /** By unique-id. */
  readonly messages: Map<string, string>
  readonly sessions: SessionLog[]
  readonly port: number
  /** Refuses the log-in as long as it is true. */
  closed: boolean
}

function letter(name: string, lines = 1): string {
  return `From: anna@example.it\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\nSubject: ${name}\r\n\r\n${'Perché no?\r\n'.repeat(lines)}`
}

/** A provider with some mail. */
async function provider(t: TestContext, ...names: string[]): Promise<Provider> {
  const sessions: SessionLog[] = []
  const messages = new Map(names.map((name) => [`id-${name}`, letter(name)]))
  const server = createPop3Server({
    authenticate: (login, password) => (password === 'secret' && !made.closed ? login : undefined),
    openMaildrop: () => {
      const ids = [...messages.keys()]
      return {
        messages: ids.map((uniqueId) => ({ uniqueId, read: () => Buffer.from(messages.get(uniqueId) ?? '') })),
        remove: (numbers) => numbers.forEach((number) => messages.delete(ids[number - 1] ?? '')),
      }
    },
    log: (entry) => sessions.push(entry),
  })
  const { port } = await server.listen({ port: 0 })
  t.after(() => server.close())
  const made: Provider = { messages, sessions, port, closed: false }
  return made
}

async function withAccount(t: TestContext, at: Provider, ...words: string[]): Promise<Postino> {
  const made = await postino(t)
  const server = ['--server', `127.0.0.1:${at.port}`, '--tls', 'none', '--password-stdin']
  const { code, stderr } = await made.run(['account', 'add', 'mario@example.it', ...server, ...words], {
    input: 'secret\n',
  })
  assert.equal(code, 0, stderr)
  return made
}

async function ended(at: Provider, sessions: number): Promise<void> {
  while (at.sessions.length < sessions) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('fetch --dry-run says what would be fetched and deleted and why, and nothing is done', async (t) => {
  const at = await provider(t, 'one', 'two')
  const { run, json } = await withAccount(t, at, '--leave', 'delete', '--largest', '1KB')
  at.messages.set('id-large', letter('large', 200))
  const { code, stdout } = await run(['fetch', '--dry-run'])
  assert.equal(code, 0)
  assert.match(stdout, /^mario@example\.it: id-one \(\d+ B\) would be fetched: it is new$/m)
  assert.match(
    stdout,
    /^mario@example\.it: id-large \(2\.\d kB\) would wait: it has \d+ octets, and 1000 are the most$/m,
  )
  assert.match(stdout, /^mario@example\.it: 2 to fetch, 2 to delete, 1 to wait, 0 already here; nothing was done$/m)
  const [plan] = await json(['fetch', '--dry-run'])
  assert.deepEqual(
    (plan?.['plan'] as { what: string }[] | undefined)?.map(({ what }) => what),
    ['fetch', 'fetch', 'wait', 'delete', 'delete'],
  )
  assert.equal(at.messages.size, 3)
  assert.deepEqual(await json(['list']), [])
  assert.equal((await json(['account', 'list']))[0]?.['lastTry'], undefined)
})

test('of a large message the header comes, marked, and --message brings the whole', async (t) => {
  const at = await provider(t, 'one')
  at.messages.set('id-large', letter('large', 200))
  const { run, json } = await withAccount(t, at, '--largest', '1KB', '--beyond', 'header')
  const [report] = await json(['fetch'])
  assert.deepEqual([report?.['new'], report?.['waiting']], [1, 1])
  const listed = await run(['list'])
  assert.match(listed.stdout, /\[only the header\] large$/m)
  const id = (await json(['list'])).find(({ subject }) => subject === 'large')?.['id']
  assert.equal((await run(['fetch', '--message', '1'])).code, 2)
  const whole = await run(['fetch', '--message', String(id)])
  assert.equal(whole.code, 0, whole.stderr)
  const messages = await json(['list'])
  assert.equal(whole.stderr.includes(`it is message ${String(messages[1]?.['id'])} now: \`postino show`), true)
  assert.deepEqual(
    messages.map(({ subject }) => subject),
    ['one', 'large'],
  )
  assert.equal((await run(['show', '--raw', String(messages[1]?.['id'])])).stdout, letter('large', 200))
})

test('account set changes what is named, and takes it back; what changes the log-in is tried', async (t) => {
  const at = await provider(t, 'one')
  const { run, json } = await withAccount(t, at, '--every', '2h')
  await json(['account', 'set', 'mario@example.it', '--largest', '20MB', '--leave', 'newest:500', '--first', 'small'])
  const [changed] = await json(['account', 'show', 'mario@example.it'])
  assert.deepEqual(changed?.['options'], { every: 7_200_000, largest: 20_000_000, first: 'small' })
  assert.deepEqual(changed?.['leave'], { newest: 500 })
  await json(['account', 'set', 'mario@example.it', '--largest', 'usual', '--every', 'usual'])
  assert.deepEqual((await json(['account', 'show', 'mario@example.it']))[0]?.['options'], { first: 'small' })
  const wrong = await run(['account', 'set', 'mario@example.it', '--password-stdin'], { input: 'guess\n' })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /nothing was changed/)
  assert.equal((await run(['account', 'test'])).code, 0)
  for (const words of [
    ['--largest', 'much'],
    ['--every', '5 minutes'],
    ['--proxy', 'ftp://x'],
    ['--pin', 'abc'],
    ['--allow', 'X'],
  ])
    assert.equal((await run(['account', 'set', 'mario@example.it', ...words])).code, 2, words.join(' '))
})

test('a password that a command prints', async (t) => {
  const at = await provider(t, 'one')
  const { run, data } = await postino(t)
  const server = ['--server', `127.0.0.1:${at.port}`, '--tls', 'none']
  const file = join(data, '..', 'password')
  await writeFile(file, 'secret\n')
  const added = await run(['account', 'add', 'mario@example.it', ...server, '--password-command', `cat '${file}'`])
  assert.equal(added.code, 0, added.stderr)
  assert.match((await run(['fetch'])).stdout, /1 new/)
  await writeFile(file, 'another\n')
  const wrong = await run(['fetch'])
  assert.equal(wrong.code, 1)
  assert.doesNotMatch(wrong.stderr, /another/)
})

test('fetch goes through the serve that runs: behind what is under way, never beside it', async (t) => {
  const at = await provider(t, 'one', 'two')
  const made = await withAccount(t, at, '--every', '0')
  const serving = await made.serve(['--listen', 'metrics=127.0.0.1:0'])
  const before = at.sessions.length
  const both: Finished[] = await Promise.all([
    made.run(['fetch', '--json']),
    made.run(['fetch', '--json', 'mario@example.it']),
  ])
  const reports = both.map(({ stdout }) => JSON.parse(stdout) as { new: number; skipped: number })
  assert.deepEqual(
    reports.map((report) => report.new).toSorted((a, b) => a - b),
    [0, 2],
  )
  await ended(at, before + 2)
  // The maildrop is locked while a session is on (RFC 1939 §4): a second one beside it would have been told so.
  assert.ok(
    at.sessions.slice(before).every(({ end }) => end === 'quit'),
    JSON.stringify(at.sessions),
  )
  at.messages.set('id-three', letter('three'))
  const words = await made.run(['fetch'])
  assert.match(words.stdout, /^mario@example\.it: 1 new, 2 already here/)
  // It was serve that fetched: its log says so.
  while (!/fetch mario@example\.it: 1 new/.test(serving.stderr()))
    await new Promise((resolve) => setTimeout(resolve, 20))
  const dry = await made.run(['fetch', '--dry-run'])
  assert.match(dry.stdout, /0 to fetch, 0 to delete, 3 already here/)
  await serving.stop()
  assert.equal((await made.run(['fetch'])).code, 0)
})

test('how it goes is told: in account show and in the metrics, with what is in quarantine and why', async (t) => {
  const at = await provider(t, 'one')
  const made = await withAccount(t, at, '--every', '1h')
  const serving = await made.serve(['--listen', 'metrics=127.0.0.1:0'])
  const metrics = async (): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${serving.ports['metrics']}/metrics`)).text()
  await made.run(['fetch'])
  assert.match(await metrics(), /^postino_account_failures\{account="mario@example\.it"\} 0$/m)
  at.closed = true
  assert.equal((await made.run(['fetch'])).code, 1)
  const [shown] = await made.json(['account', 'show', 'mario@example.it'])
  assert.equal(shown?.['failures'], 1)
  assert.equal(typeof shown?.['lastSuccess'], 'string')
  assert.match(String(shown?.['lastError']), /check the login and the password/)
  const next = Date.parse(String(shown?.['next']))
  assert.ok(next > Date.now() + 40 * 60_000 && next < Date.now() + 80 * 60_000, String(shown?.['next']))
  const text = await metrics()
  assert.match(text, /^postino_account_failures\{account="mario@example\.it"\} 1$/m)
  assert.match(text, /^postino_account_quarantined_messages\{account="mario@example\.it"\} 0$/m)
  assert.match(text, /^postino_account_last_success_timestamp_seconds\{account="mario@example\.it"\} \d+/m)
  assert.match(text, /^postino_account_next_timestamp_seconds\{account="mario@example\.it"\} \d+/m)
  const words = await made.run(['account', 'show', 'mario@example.it'])
  for (const line of [
    /^failures +1 one after the other$/m,
    /^next try +\d{4}-/m,
    /^in quarantine +nothing$/m,
    /^stays there +everything$/m,
  ])
    assert.match(words.stdout, line)
  await serving.stop()
})

test('a mailbox for several people: each user gets what is theirs', async (t) => {
  const at = await provider(t)
  for (const [name, to] of [
    ['a', 'anna@example.it'],
    ['b', 'info@example.it'],
    ['c', 'nobody@example.it'],
  ] as const)
    at.messages.set(`id-${name}`, `Delivered-To: ${to}\r\n${letter(name)}`)
  const made = await postino(t)
  for (const user of ['anna', 'luigi', 'rest'])
    await made.run(['user', 'add', user, '--password-stdin'], { input: 'x\n' })
  const words = ['--server', `127.0.0.1:${at.port}`, '--tls', 'none', '--password-stdin', '--user', 'rest']
  const split = ['--split', 'anna@example.it=anna', '--split', 'info@example.it=luigi', '--split-otherwise', 'rest']
  const added = await made.run(['account', 'add', 'all@example.it', ...words, ...split], { input: 'secret\n' })
  assert.equal(added.code, 0, added.stderr)
  assert.equal((await made.json(['fetch']))[0]?.['new'], 3)
  for (const [user, subject] of [
    ['anna', 'a'],
    ['luigi', 'b'],
    ['rest', 'c'],
  ] as const)
    assert.deepEqual(
      (await made.json(['list', '--user', user])).map((one) => one['subject']),
      [subject],
    )
  assert.equal((await made.json(['fetch']))[0]?.['skipped'], 3)
})

test('new mail is handed on, once, with fetch and while serve runs, and how that stands is shown', async (t) => {
  const at = await provider(t, 'old')
  const made = await withAccount(t, at, '--every', '0')
  await made.run(['fetch'])
  const there = join(made.data, '..', 'There')
  const { code, stderr } = await made.run(['account', 'set', 'mario@example.it', '--hand-on', `maildir:${there}`])
  assert.equal(code, 0, stderr)
  at.messages.set('id-new', letter('new'))
  const files = async (): Promise<number> => (await readdir(join(there, 'new')).catch(() => [])).length
  const fetched = await made.run(['fetch'])
  assert.match(fetched.stdout, /1 new, 1 already here.*\n.*1 handed on: maildir:/)
  assert.equal(await files(), 1)
  assert.match((await made.run(['account', 'show', 'mario@example.it'])).stdout, /1 handed on, 0 waiting, 0 not taken/)
  const serving = await made.serve(['--listen', 'metrics=127.0.0.1:0'])
  at.messages.set('id-newer', letter('newer'))
  const [line] = await made.json(['fetch'])
  assert.equal((line?.['handOn'] as { handed: number }[] | undefined)?.[0]?.handed, 1)
  assert.equal(await files(), 2)
  await serving.stop()
  const wrong = await made.run([
    'account',
    'set',
    'mario@example.it',
    '--hand-on',
    'imaps://mario:secret@imap.example.it/INBOX',
  ])
  assert.equal(wrong.code, 2)
  assert.doesNotMatch(wrong.stderr, /secret/)
})
