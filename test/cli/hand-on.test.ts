import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { HostilePop3 } from '../faults/hostile-pop3.ts'
import { ImapTarget } from '../faults/imap-target.ts'
import { type Postino, postino } from './postino.ts'

const letter = (uniqueId: string): { uniqueId: string; octets: Buffer } => ({
  uniqueId,
  octets: Buffer.from(`Subject: ${uniqueId}\r\n\r\nbody\r\n`),
})

/** mario, whose account is at a POP3 server with these messages. */
async function house(t: TestContext, ...uniqueIds: string[]): Promise<Postino & { readonly server: HostilePop3 }> {
  const server = await HostilePop3.start(uniqueIds.map(letter))
  t.after(() => server.close())
  const program = await postino(t)
  await program.run(['user', 'add', 'mario', '--password-stdin'], { input: 'a password\n' })
  const place = ['--server', `127.0.0.1:${server.port}`, '--tls', 'none', '--user', 'mario', '--no-check']
  const added = await program.run(['account', 'add', 'mario@example.it', ...place, '--password-stdin'], {
    input: 'x\n',
  })
  assert.equal(added.code, 0, added.stderr)
  return { ...program, server }
}

async function imap(t: TestContext): Promise<ImapTarget> {
  const target = await ImapTarget.start()
  t.after(() => target.down())
  return target
}

test('a place is tried before it is saved, and its password is nowhere to be seen', async (t) => {
  const { run, json } = await house(t, 'old')
  const target = await imap(t)
  const words = ['account', 'set', 'mario@example.it', '--hand-on', target.url()]
  const wrong = await run(words, { env: { POSTINO_HAND_ON_PASSWORDS: 'opensesame' } })
  assert.notEqual(wrong.code, 0)
  assert.match(wrong.stderr, /refused to log in mario: NO/)
  assert.doesNotMatch(wrong.stderr, /opensesame/)
  assert.equal((await json(['account', 'show', 'mario@example.it']))[0]?.['handOn'], undefined)
  const right = await run(words, { env: { POSTINO_HAND_ON_PASSWORDS: 'secret' } })
  assert.equal(right.code, 0, right.stderr)
  const shown = JSON.stringify(await json(['account', 'show', 'mario@example.it']))
  assert.ok(shown.includes(target.url().replace('imap://', '')))
  assert.doesNotMatch(shown, /secret/)
  const withPassword = await run([...words.slice(0, 4), 'imap://mario:secret@127.0.0.1/INBOX'])
  assert.equal(withPassword.code, 2)
  assert.match(withPassword.stderr, /a password in the URL is seen by everybody/)
})

test('what comes from then on is handed on; with --hand-on-all, what came before, too', async (t) => {
  const { run, server } = await house(t, 'old')
  const target = await imap(t)
  const env = { POSTINO_HAND_ON_PASSWORDS: 'secret' }
  assert.equal((await run(['fetch'])).code, 0)
  assert.equal((await run(['account', 'set', 'mario@example.it', '--hand-on', target.url()], { env })).code, 0)
  server.messages.push(letter('new'))
  const { stdout } = await run(['fetch'])
  assert.match(stdout, /1 handed on: imap:\/\/mario@127\.0\.0\.1/)
  assert.deepEqual(target.texts(), ['Subject: new\r\n\r\nbody\r\n'])
  const all = ['account', 'set', 'mario@example.it', '--hand-on', target.url(), '--hand-on-all']
  assert.equal((await run(all, { env })).code, 0)
  assert.equal((await run(['fetch'])).code, 0)
  assert.deepEqual(target.texts(), ['Subject: new\r\n\r\nbody\r\n', 'Subject: old\r\n\r\nbody\r\n'])
})

test('serve hands on what its schedule brings in, and what a command asks it to fetch', async (t) => {
  const { run, serve, server, data } = await house(t)
  const maildir = join(dirname(data), 'Maildir')
  const set = await run(['account', 'set', 'mario@example.it', '--hand-on', `maildir:${maildir}`, '--every', '0'])
  assert.equal(set.code, 0, set.stderr)
  const there = async (): Promise<number> =>
    existsSync(join(maildir, 'new')) ? (await readdir(join(maildir, 'new'))).length : 0
  const running = await serve()
  server.messages.push(letter('one'))
  const { stdout, code } = await run(['fetch'])
  assert.equal(code, 0)
  assert.match(stdout, /handed on: maildir:/)
  assert.equal(await there(), 1)
  server.messages.push(letter('two'))
  assert.equal((await run(['account', 'set', 'mario@example.it', '--every', '1s'])).code, 0)
  const deadline = performance.now() + 60_000
  while ((await there()) < 2 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(await there(), 2, running.stderr())
  await running.stop()
})
