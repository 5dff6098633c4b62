import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { takeLock } from '../../src/accounts/lock.ts'
import { accountLockFile } from '../../src/cli/locks.ts'
import { freePorts } from '../peers/dovecot.ts'
import { mbox, type Postino, postino, type Serving } from './postino.ts'

/** Another postino with some messages stands for the provider. */
async function provider(
  t: TestContext,
  messages: number,
): Promise<{ remote: Postino; serving: Serving; env: Record<string, string> }> {
  const remote = await postino(t)
  await remote.run(['user', 'add', 'mario@example.it', '--password-stdin'], { input: 'secret\n' })
  const file = join(remote.data, 'mail.mbox')
  await writeFile(file, mbox(messages))
  await remote.run(['import', file])
  const serving = await remote.serve()
  return { remote, serving, env: { NODE_EXTRA_CA_CERTS: join(remote.data, 'tls', 'certificate.pem') } }
}

test('an account is tried before it is kept, and nothing secret is shown or stored in the clear', async (t) => {
  const { serving } = await provider(t, 1)
  const { run, json, data } = await postino(t)
  const server = ['--server', `127.0.0.1:${serving.ports['pop3']}`, '--tls', 'none', '--password-stdin']
  const wrong = await run(['account', 'add', 'mario@example.it', ...server], { input: 'guess\n' })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /^postino: mario@example\.it: .*check the login and the password.*nothing was saved/m)
  assert.deepEqual(await json(['account', 'list']), [])
  assert.deepEqual(await json(['user', 'list']), [], 'no user is made for nothing')
  assert.match((await run(['user', 'list'])).stderr, /^there is no user yet: `postino user add NAME` adds one$/m)
  const nothing = await run(['account', 'list'])
  assert.deepEqual([nothing.stdout, nothing.code], ['', 0])
  assert.match(nothing.stderr, /^there is no account yet: `postino account add ADDRESS` adds one$/m)
  const right = await run(['account', 'add', 'Mario@Example.it', ...server], { input: 'secret\n' })
  assert.equal(right.code, 0, right.stderr)
  const again = await run(['account', 'add', 'mario@example.it', ...server], { input: 'secret\n' })
  assert.equal(again.code, 1)
  assert.match(again.stderr, /account remove mario@example\.it/)
  const [account] = await json(['account', 'list'])
  assert.equal(account?.['address'], 'mario@example.it')
  assert.equal(account?.['leave'], 'forever')
  assert.equal(JSON.stringify(account).includes('secret'), false)
  assert.equal((await readFile(join(data, 'postino.sqlite'))).includes('secret\n'), false)
  assert.deepEqual(await json(['account', 'test']), [{ account: 'mario@example.it', ok: true }])
  const unsaid = await run(['account', 'set', 'mario@example.it'])
  assert.equal(unsaid.code, 2)
  assert.match(unsaid.stderr, /^postino: say what to change: /)
  const set = await run(['account', 'set', 'mario@example.it', '--leave', '1'])
  assert.match(set.stdout, /^changed mario@example\.it\n(?:.*\n)*stays there +what came home less than 1 day ago\n/)
  assert.equal((await run(['account', 'remove', 'mario@example.it'])).code, 0)
  assert.equal((await run(['account', 'remove', 'mario@example.it'])).code, 2)
})

test('fetch brings what is new, once, over TLS; a removed and added account finds its ledger', async (t) => {
  const { serving, env } = await provider(t, 5)
  const { run, json } = await postino(t)
  const add = async (): Promise<unknown> => {
    const words = ['--server', `localhost:${serving.ports['pop3s']}`, '--password-stdin', '--leave', '30']
    return (await run(['account', 'add', 'mario@example.it', ...words], { input: 'secret\n', env })).code
  }
  assert.equal(await add(), 0)
  const [first] = await json(['fetch'], { env })
  assert.deepEqual(
    { ...first, octets: 0, seconds: 0 },
    {
      account: 'mario@example.it',
      new: 5,
      skipped: 0,
      failed: 0,
      deleted: 0,
      octets: 0,
      seconds: 0,
    },
  )
  const [second] = await json(['fetch', 'MARIO@example.it'], { env })
  assert.deepEqual([second?.['new'], second?.['skipped']], [0, 5])
  const third = await run(['fetch'], { env })
  assert.match(third.stdout, /^mario@example\.it: 0 new, 5 already here in \d[\d.]* m?s\n$/)
  assert.equal(third.stderr, 'fetching from mario@example.it …\n')
  await run(['account', 'remove', 'mario@example.it'])
  assert.equal(await add(), 0)
  assert.equal((await json(['fetch'], { env }))[0]?.['new'], 0)
  assert.equal((await json(['list'])).length, 5)
  const subjects = (await json(['search', 'perche', 'subject:message'])).map(({ subject }) => String(subject))
  assert.deepEqual(
    subjects.toSorted((a, b) => a.localeCompare(b)),
    ['Message 1', 'Message 2', 'Message 3', 'Message 4', 'Message 5'],
  )
  const [account] = await json(['account', 'list'])
  assert.equal(typeof account?.['lastSuccess'], 'string')
})

test('--leave delete empties the remote maildrop, and all is home', async (t) => {
  const { remote, serving } = await provider(t, 3)
  const { run, json } = await postino(t)
  const words = [
    '--server',
    `127.0.0.1:${serving.ports['pop3']}`,
    '--tls',
    'none',
    '--password-stdin',
    '--leave',
    'delete',
  ]
  await run(['account', 'add', 'mario@example.it', ...words], { input: 'secret\n' })
  const [report] = await json(['fetch'])
  assert.deepEqual([report?.['new'], report?.['deleted']], [3, 3])
  assert.equal((await json(['list'])).length, 3)
  const { pop3 } = await import('./postino.ts')
  const replies = await pop3(serving.ports['pop3'] ?? 0, ['USER mario@example.it', 'PASS secret', 'STAT', 'QUIT'])
  assert.equal(replies[3], '+OK 0 0')
  assert.equal((await remote.run(['check'])).code, 0)
})

test('a certificate that is not trusted, nobody listening, no such host: one line each, 1, and the others are fetched', async (t) => {
  const { serving } = await provider(t, 2)
  const { run, json } = await postino(t)
  const [free = 0] = await freePorts(1)
  const add = (address: string, server: string, ...more: string[]) =>
    run(
      [
        'account',
        'add',
        address,
        '--server',
        server,
        '--login',
        'mario@example.it',
        '--no-check',
        '--password-stdin',
        ...more,
      ],
      {
        input: 'secret\n',
      },
    )
  await add('tls@example.it', `127.0.0.1:${serving.ports['pop3s']}`)
  await add('nobody@example.it', `127.0.0.1:${free}`)
  await add('host@example.it', 'pop.example.invalid')
  await add('good@example.it', `127.0.0.1:${serving.ports['pop3']}`, '--tls', 'none')
  const { code, stdout, stderr } = await run(['fetch', '--json', '--quiet'])
  assert.equal(code, 1)
  const lines = stderr.trimEnd().split('\n').toSorted()
  assert.equal(lines.length, 3, stderr)
  assert.match(lines[0] ?? '', /^postino: host@example\.it: .*no host of the name pop\.example\.invalid/)
  assert.match(lines[1] ?? '', /^postino: nobody@example\.it: .*nothing listens there; check/)
  assert.match(lines[2] ?? '', /^postino: tls@example\.it: .*certificate is not trusted/)
  const reports = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(reports.length, 4)
  assert.equal(reports.find(({ account }) => account === 'good@example.it')?.['new'], 2)
  assert.equal(reports.filter(({ error }) => typeof error === 'string').length, 3)
  const states = await json(['account', 'list'])
  assert.equal(states.filter(({ lastError }) => typeof lastError === 'string').length, 3)
})

test('a maildrop that another session holds: 75', async (t) => {
  const { serving } = await provider(t, 1)
  const { run } = await postino(t)
  const port = serving.ports['pop3'] ?? 0
  const server = ['--server', `127.0.0.1:${port}`, '--tls', 'none', '--password-stdin', '--no-check']
  await run(['account', 'add', 'mario@example.it', ...server], { input: 'secret\n' })
  const { connect } = await import('node:net')
  const holder = connect(port, '127.0.0.1').setEncoding('latin1')
  t.after(() => holder.destroy())
  await new Promise<void>((resolve) => {
    let text = ''
    holder.on('data', (more: string) => {
      text += more
      if (text.split('\r\n').length === 2) holder.write('USER mario@example.it\r\nPASS secret\r\n')
      if (text.split('\r\n').length === 4) resolve()
    })
  })
  const { code, stderr } = await run(['fetch'])
  assert.equal(code, 75, stderr)
  assert.match(stderr, /^postino: mario@example\.it: .*try again/m)
})

test('a fetch that another process is at is waited for, by who fetches and by who tries the log-in', async (t) => {
  const { serving } = await provider(t, 1)
  const { run, data } = await postino(t)
  const server = ['--server', `127.0.0.1:${serving.ports['pop3']}`, '--tls', 'none', '--password-stdin']
  await run(['account', 'add', 'mario@example.it', ...server], { input: 'secret\n' })
  const lock = await takeLock(accountLockFile(data, 'mario@example.it'))
  assert(lock)
  let ended = 0
  const running = [
    ['fetch', '--json'],
    ['account', 'test'],
    ['account', 'set', 'mario@example.it', '--login', 'mario@example.it', '--password-stdin'],
  ].map(async (words) => {
    const finished = await run(words, { input: 'secret\n' })
    ended++
    return finished
  })
  await new Promise((resolve) => void setTimeout(resolve, 1500))
  assert.equal(ended, 0)
  lock.release()
  const all = await Promise.all(running)
  assert.deepEqual(
    all.map(({ code }) => code),
    [0, 0, 0],
  )
  assert.match(all[0]?.stdout ?? '', /"new":1/)
})

test('a key file that others may read, or that is gone, is named, and the account with it', async (t) => {
  const { serving } = await provider(t, 1)
  const { run, data } = await postino(t)
  const server = ['--server', `127.0.0.1:${serving.ports['pop3']}`, '--tls', 'none', '--password-stdin']
  await run(['account', 'add', 'mario@example.it', ...server], { input: 'secret\n' })
  const { chmod, rename } = await import('node:fs/promises')
  await chmod(join(data, 'secret.key'), 0o644)
  const open = await run(['fetch'])
  assert.equal(open.code, 1)
  assert.match(open.stderr, /^postino: mario@example\.it: .*secret\.key can be read by others.*chmod 600/m)
  await rename(join(data, 'secret.key'), join(data, 'elsewhere'))
  const gone = await run(['fetch'])
  assert.equal(gone.code, 1)
  assert.match(gone.stderr, /^postino: mario@example\.it: .*secret\.key is not there/m)
})
