import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { postino } from '../cli/postino.ts'
import { startDovecot } from './dovecot.ts'
import { available } from './run.ts'

const letter = (name: string): Buffer => Buffer.from(`From: anna@example.it\r\nSubject: ${name}\r\n\r\nCiao\r\n`)

/** Asks until it is so; the test has a time-out of its own. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100))
}

test(
  'an account by IMAP from the command line; while serve runs new mail comes at once (IDLE)',
  { timeout: 300_000 },
  async (t) => {
    if (!available('dovecot')) return t.skip('dovecot is not installed')
    const folder = await mkdtemp(join(tmpdir(), 'postino-serve-imap-'))
    const dovecot = await startDovecot({ folder, users: { mario: 'secret' }, protocols: ['imap'], tls: true })
    t.after(async () => {
      await dovecot.stop()
      await rm(folder, { recursive: true, force: true })
    })
    dovecot.fill('mario', [letter('one'), letter('two')])
    const env = { NODE_EXTRA_CA_CERTS: dovecot.certificate }
    const { run, json, serve } = await postino(t)
    const words = ['--protocol', 'imap', '--server', `127.0.0.1:${dovecot.ports['imaps']}`, '--tls', 'implicit']
    const account = [...words, '--login', 'mario', '--password-stdin', '--every', '1d']
    const added = await run(['account', 'add', 'mario@example.it', ...account], { input: 'secret\n', env })
    assert.equal(added.code, 0, added.stderr)
    const [first] = await json(['fetch'], { env })
    assert.deepEqual([first?.['new'], first?.['error']], [2, undefined])
    const [again] = await json(['fetch'], { env })
    assert.deepEqual([again?.['new'], again?.['skipped']], [0, 2])
    const serving = await serve(['--listen', 'pop3=127.0.0.1:0'], { env })
    const subjects = async (): Promise<string> => (await json(['list'])).map(({ subject }) => String(subject)).join(' ')
    // The first fetch of all accounts comes some seconds after the start; the one that matters is the next.
    await until(async () => ((await json(['account', 'show', 'mario@example.it']))[0]?.['next'] ?? '') !== '')
    dovecot.fill('mario', [letter('three')])
    await until(async () => (await subjects()) === 'one two three')
    assert.equal((await serving.stop()).code, 0)
  },
)
