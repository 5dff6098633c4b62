import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Directory } from '../../src/accounts/directory.ts'
import { Secrets } from '../../src/accounts/secrets.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { folderOf } from '../folder-of.ts'
import { postino } from './postino.ts'

const rc = `set daemon 300
defaults protocol pop3, timeout 60
poll pop.example.it user "mario" with password "s3cret" is luigi here options keep ssl
poll pop.other.example user "mario@other.example" there with password "s3cret" nokeep mda "procmail"
`
const ids = 'mario@pop.example.it uid1\nmario@pop.example.it uid2\n'

/** Every file of a folder with what is in it and when it was changed. */
function seen(folder: string): unknown[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const stat = statSync(join(folder, name))
      return [name, stat.mtimeMs, stat.isFile() ? readFileSync(join(folder, name), 'latin1') : '']
    })
}

test('accounts move in, with whose they are, what stays, and what was fetched; no secret is shown', async (t) => {
  const { run, json, data } = await postino(t)
  const home = folderOf(t, { '.fetchmailrc': rc, '.fetchids': ids })
  const before = seen(home)
  for (const name of ['mario', 'luigi']) await run(['user', 'add', name, '--password-stdin'], { input: 'x\n' })
  const { code, stdout, stderr } = await run(['migrate', join(home, '.fetchmailrc'), '--user', 'mario'])
  assert.equal(code, 0, stderr)
  assert.equal(
    stdout,
    `mario@example.it: added for mario; from fetchmail: pop3 pop.example.it:995, left at the server; 2 messages that it had will not come again
mario@other.example: added for mario; from fetchmail: pop3 pop.other.example:110 (tls: starttls), deleted once home; nothing is known of what it had
`,
  )
  assert.match(stderr, /\.fetchmailrc:2: timeout is not taken over/)
  assert.match(stderr, /\.fetchmailrc:4: mda is not taken over: .*docs\/hand-on\.md/)
  assert.doesNotMatch(stdout + stderr, /s3cret/)
  assert.equal(readFileSync(join(data, 'postino.sqlite')).includes('s3cret'), false)
  const accounts = await json(['account', 'list'])
  assert.deepEqual(
    accounts.map(({ address, leave, login, tls }) => [address, leave, login, tls]),
    [
      ['mario@example.it', 'forever', 'mario', 'implicit'],
      ['mario@other.example', 'delete', 'mario@other.example', 'starttls'],
    ],
  )
  assert.deepEqual(seen(home), before)
})

test('moving in again changes nothing, but adds what the old program has fetched since', async (t) => {
  const { run, json, data } = await postino(t)
  await run(['user', 'add', 'luigi', '--password-stdin'], { input: 'x\n' })
  const home = folderOf(t, { '.fetchmailrc': rc, '.fetchids': ids })
  const first = await json(['migrate', home])
  assert.deepEqual(
    first.map(({ account, from, user, known, added, password }) => [account, from, user, known, added, password]),
    [
      ['mario@example.it', 'fetchmail', 'luigi', 2, true, true],
      ['mario@other.example', 'fetchmail', 'luigi', 0, true, true],
    ],
  )
  const accounts = await json(['account', 'list'])
  const second = await run(['migrate', home])
  assert.equal(second.code, 0)
  assert.match(
    second.stdout,
    /^mario@example\.it: is here already for luigi, and stays as it is; .*; 2 messages that it had/m,
  )
  assert.deepEqual(await json(['account', 'list']), accounts)
  appendFileSync(join(home, '.fetchids'), 'mario@pop.example.it uid3\n')
  assert.deepEqual(
    (await json(['migrate', home])).map(({ known }) => known),
    [3, 0],
  )
  const store = new DiskStore(data)
  t.after(() => store.close())
  const ledger = await (await store.open('luigi')).read((view) => view.ledger('pop3:mario@example.it'))
  assert.deepEqual(new Set(ledger.map(({ uniqueId }) => uniqueId)), new Set(['uid1', 'uid2', 'uid3']))
  assert.equal(ledger.length, 3)
  assert.equal((await run(['check'])).code, 0)
})

test('--dry-run says the same, and writes nothing at all', async (t) => {
  const { run, data } = await postino(t)
  const home = folderOf(t, { '.fetchmailrc': rc, '.fetchids': ids })
  const { code, stdout } = await run(['migrate', home, '--dry-run'])
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^mario@example\.it: would be added; from fetchmail: pop3 pop\.example\.it:995, left at the server; 2 messages/,
  )
  assert.equal(existsSync(data), false)
})

test('what has a fault is named and left out, the rest moves in, and the exit code says so', async (t) => {
  const { run, json } = await postino(t)
  const home = folderOf(t, {
    '.mpoprc': 'account a\nhost h.example\nuser a\npasswort s3cret\naccount b\nhost h.example\nuser b\npassword x\n',
  })
  const { code, stdout, stderr } = await run(['migrate', join(home, '.mpoprc')])
  assert.equal(code, 1)
  assert.match(stdout, /^b@h\.example: added for \w+; from mpop/)
  assert.match(stderr, /^postino: .*\.mpoprc:4: this line begins with no command of mpop$/m)
  assert.doesNotMatch(stderr, /s3cret/)
  assert.deepEqual(
    (await json(['account', 'list'])).map(({ address }) => address),
    ['b@h.example'],
  )
})

test('what is the matter with many lines of a file is told once', async (t) => {
  const { run } = await postino(t)
  const home = folderOf(t, {
    '.mpoprc': 'account a\nhost h.example\nuser a\npassword x\n',
    '.mpop_uidls/a_at_h.example': 'one\ntwo\nthree\n',
  })
  const { code, stderr } = await run(['migrate', home])
  assert.equal(code, 1)
  assert.match(stderr, /^postino: .*a_at_h\.example:1: a unique-id stands here .* \(and so 2 more lines\)$/m)
  assert.equal(stderr.match(/unique-id stands here/g)?.length, 1)
})

test('an account without a password is made, and told what it lacks', async (t) => {
  const { run, json } = await postino(t)
  const home = folderOf(t, {
    rc: '[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = 9\nusername = mario@example.it\n',
  })
  const [moved] = await json(['migrate', join(home, 'rc')])
  assert.deepEqual([moved?.['account'], moved?.['added'], moved?.['password']], ['mario@example.it', true, false])
  const { code, stderr } = await run(['account', 'test'])
  assert.equal(code, 1)
  assert.match(
    stderr,
    /there is no password of mario@example\.it yet; `postino account set mario@example\.it --password-stdin`/,
  )
})

test('on a terminal, a password that stands nowhere is asked for', async (t) => {
  if (!/util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? ''))
    return t.skip('script (util-linux) is not installed')
  const { json, data } = await postino(t)
  const home = folderOf(t, { rc: 'account a\nhost h.example\nuser mario@example.it\n' })
  const words = [
    process.execPath,
    join(import.meta.dirname, '../../bin/postino.js'),
    '--data',
    data,
    'migrate',
    join(home, 'rc'),
  ]
  const { stdout } = spawnSync('script', ['-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {
    encoding: 'utf8',
    input: 'typed s3cret\n',
    env: { ...process.env, SHELL: '/bin/sh', NODE_OPTIONS: '' },
  })
  assert.match(stdout, /password of mario@example\.it at its provider \(empty: later\):/)
  assert.doesNotMatch(stdout, /has no password yet/)
  assert.equal((await json(['account', 'list'])).length, 1)
  const directory = await Directory.open(data)
  t.after(() => directory.close())
  const sealed = directory.secret('mario@example.it') ?? new Uint8Array()
  assert.equal(new Secrets(data).unseal('mario@example.it', sealed), 'typed s3cret')
})

test('a mailbox for several people is split among users, who are made where they are not here', async (t) => {
  const { run, json } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'x\n' })
  const home = folderOf(t, {
    rc: 'poll isp.example proto pop3 localdomains example.it user box pass x is info=anna Mario=mario Bad=Not/A here',
  })
  const { code, stderr } = await run(['migrate', join(home, 'rc')])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /made the user anna, without a password so far/)
  assert.match(stderr, /rc:1: "Not\/A" cannot be a user here .*; mail for bad@example\.it goes to mario/)
  const users = await json(['user', 'list'])
  assert.deepEqual(
    users.map(({ name }) => name),
    ['anna', 'mario'],
  )
  const [account] = await json(['account', 'show', 'box@isp.example'])
  assert.deepEqual((account?.['options'] as { split?: unknown } | undefined)?.split, {
    users: { 'info@example.it': 'anna', 'mario@example.it': 'mario', 'bad@example.it': 'mario' },
    otherwise: 'mario',
  })
})

test('without --user, mail goes to the user of the local name it went to before', async (t) => {
  const { run, json } = await postino(t)
  for (const name of ['mario', 'luigi']) await run(['user', 'add', name, '--password-stdin'], { input: 'x\n' })
  const home = folderOf(t, { rc: 'poll h.example proto pop3 user a pass x is luigi here' })
  assert.deepEqual(
    (await json(['migrate', join(home, 'rc')])).map(({ user }) => user),
    ['luigi'],
  )
  const nobody = folderOf(t, { rc: 'poll h.example proto pop3 user b pass x is carla here' })
  const { code, stderr } = await run(['migrate', join(nobody, 'rc')])
  assert.equal(code, 2)
  assert.match(stderr, /say for whom with --user NAME; there are: luigi, mario/)
})

test('the same mailbox in two programs is one account, which knows what both had', async (t) => {
  const { run, json } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'x\n' })
  const home = folderOf(t, {
    '.fetchmailrc': 'poll h.example proto pop3 user mario pass x keep',
    '.fetchids': 'mario@h.example one\n',
    '.mpoprc': 'account a\nhost H.example\nuser mario\npassword y\nkeep on\n',
    '.mpop_uidls/mario_at_H.example': ' 1 H.example mario\ntwo\n',
  })
  const moved = await json(['migrate', home])
  assert.deepEqual(
    moved.map(({ account, from }) => [account, from]),
    [['mario@h.example', 'fetchmail']],
  )
  assert.equal((await json(['account', 'list'])).length, 1)
})

test('what is no configuration is wrong usage', async (t) => {
  const { run } = await postino(t)
  const home = folderOf(t, { x: 'hello\n', '.fetchids': ids })
  mkdirSync(join(home, 'empty'))
  const says = async (words: readonly string[], message: RegExp): Promise<void> => {
    const { code, stderr } = await run(['migrate', ...words])
    assert.equal(code, 2)
    assert.match(stderr, message)
  }
  await says([join(home, 'x')], /x is none of: the configuration of fetchmail/)
  await says([join(home, 'empty')], /empty is none of/)
  await says([join(home, 'gone')], /gone: there is no such file or folder/)
  await says([join(home, '.fetchids')], /that is a list of what was fetched; give the configuration beside it/)
  await says([join(home, 'x'), '--from', 'pine'], /--from pine: give one of fetchmail, getmail, mpop, thunderbird/)
})
