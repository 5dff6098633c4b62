import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { postino, type Postino } from './cli/postino.ts'
import { generateMessages } from './corpus/generate.ts'
import { type Dovecot, startDovecot } from './peers/dovecot.ts'
import { readMaildir } from './peers/maildir.ts'
import { runMpop } from './peers/mpop.ts'
import { readWithCurl, readWithPoplib } from './peers/readers.ts'
import { available } from './peers/run.ts'

// The main job as a user does it: a mailbox on a real Dovecot is brought home and read back by real mail programs.

const noDovecot = !available('dovecot') && 'dovecot is not installed'

/** Messages that Dovecot hands on as they are: it mends line ends and NUL. */
const originals: readonly Buffer[] = [
  ...generateMessages({ seed: 3, count: 60, profile: 'realistic' }),
  ...generateMessages({ seed: 3, count: 60, profile: 'small' }),
  ...generateMessages({ seed: 3, count: 60, profile: 'odd' }),
]
  .map((octets) => Buffer.from(octets))
  .filter((message) => {
    const text = message.toString('latin1')
    return text.endsWith('\r\n') && !text.includes('\0') && !/\r(?!\n)|(?<!\r)\n/.test(text)
  })

const inOrder = (messages: readonly Buffer[]): string[] =>
  messages.map((message) => message.toString('latin1')).toSorted()

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-whole-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

async function dovecotWith(t: TestContext, messages: readonly Buffer[]): Promise<Dovecot> {
  const dovecot = await startDovecot({ folder: await folderOf(t), users: { mario: 'secret' } })
  t.after(() => dovecot.stop())
  dovecot.fill('mario', messages)
  return dovecot
}

async function addAccount(home: Postino, dovecot: Dovecot, leave: string): Promise<void> {
  const server = `127.0.0.1:${dovecot.ports['pop3']}`
  const settings = ['--server', server, '--tls', 'none', '--login', 'mario', '--leave', leave, '--password-stdin']
  const { code, stderr } = await home.run(['account', 'add', 'mario@example.test', ...settings], { input: 'secret\n' })
  assert.equal(code, 0, stderr)
}

async function exported(home: Postino, folder: string): Promise<Buffer[]> {
  assert.equal((await home.run(['export', folder, '--format', 'eml'])).code, 0)
  const names = (await readdir(folder)).filter((name) => name.endsWith('.eml')).toSorted()
  return await Promise.all(names.map((name) => readFile(join(folder, name))))
}

test('from Dovecot home, and out again to curl, poplib and mpop: byte for byte', { skip: noDovecot }, async (t) => {
  assert.ok(originals.length > 120)
  const dovecot = await dovecotWith(t, originals)
  const home = await postino(t)
  await home.run(['user', 'add', 'mario', '--password-stdin'], { input: 'hers\n' })
  await addAccount(home, dovecot, 'forever')

  const [first] = await home.json(['fetch'])
  assert.deepEqual(
    { ...first, seconds: 0 },
    {
      account: 'mario@example.test',
      new: originals.length,
      skipped: 0,
      failed: 0,
      deleted: 0,
      octets: originals.reduce((sum, message) => sum + message.length, 0),
      seconds: 0,
    },
  )
  const [again] = await home.json(['fetch'])
  assert.deepEqual([again?.['new'], again?.['skipped']], [0, originals.length])
  assert.equal(dovecot.tally('mario').messages, originals.length)

  assert.deepEqual(inOrder(await exported(home, join(await folderOf(t), 'eml'))), inOrder(originals))

  const serving = await home.serve()
  const maildrop = { host: '127.0.0.1', port: serving.ports['pop3'] ?? 0, login: 'mario', password: 'hers' }
  if (available('curl')) assert.deepEqual(inOrder(await readWithCurl(maildrop)), inOrder(originals), 'curl')
  else t.diagnostic('curl is not installed: skipped')
  if (available('python3')) assert.deepEqual(inOrder(await readWithPoplib(maildrop)), inOrder(originals), 'poplib')
  else t.diagnostic('python3 is not installed: skipped')
  if (available('mpop')) {
    const folder = await folderOf(t)
    await runMpop({ ...maildrop, folder })
    const unix = originals.map((message) => Buffer.from(message.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'))
    assert.deepEqual(inOrder(readMaildir(join(folder, 'Maildir'))), inOrder(unix), 'mpop')
  } else t.diagnostic('mpop is not installed: skipped')
  assert.equal((await serving.stop()).code, 0)
  assert.equal((await home.run(['check'])).code, 0)
})

test('--leave delete: the maildrop on Dovecot is empty, and every message is home', { skip: noDovecot }, async (t) => {
  const dovecot = await dovecotWith(t, originals)
  const home = await postino(t)
  await addAccount(home, dovecot, 'delete')
  const [report] = await home.json(['fetch'])
  assert.deepEqual([report?.['new'], report?.['deleted'], report?.['failed']], [originals.length, originals.length, 0])
  assert.equal(dovecot.tally('mario').messages, 0)
  assert.deepEqual(inOrder(await exported(home, join(await folderOf(t), 'eml'))), inOrder(originals))
  const [again] = await home.json(['fetch'])
  assert.deepEqual([again?.['new'], again?.['skipped'], again?.['deleted']], [0, 0, 0])
})
