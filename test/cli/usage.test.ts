import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { mbox, postino } from './postino.ts'

test('wrong words end with 2 and one line that says what was meant', async (t) => {
  const { run } = await postino(t)
  const cases: [string[], RegExp][] = [
    [['lsit'], /unknown command 'lsit' \(Did you mean list\?\); `postino --help` lists what there is/],
    [['account', 'xyz'], /unknown command 'xyz'; `postino account --help` lists what there is/],
    [['list', '--limti', '3'], /unknown option '--limti' \(Did you mean --limit\?\)/],
    [['list', '--limit', 'three'], /--limit three: give a whole number/],
    [['show'], /missing required argument 'id'/],
    [['show', 'x'], /"x" is no message id/],
    [['export', 'x', '--format', 'zip'], /--format zip: give one of maildir, mbox, eml/],
    [['serve', '--listen', 'pop3'], /--listen pop3: it has not that form; expected SERVICE=ADDRESS:PORT/],
    [['serve', '--listen', 'imap=127.0.0.1:0'], /imap is not available yet/],
    [['serve', '--listen', 'pop4=127.0.0.1:0'], /"pop4" is no service \(pop3\?\)/],
    [['fetch', 'mario@example.it'], /there is no account mario@example\.it/],
    [['account', 'add', 'mario@example.it', '--protocol', 'smtp'], /give one of pop3, imap/],
    [
      ['account', 'add', 'mario@example.it', '--leave', 'never'],
      /--leave never: give forever, delete, a number of days/,
    ],
    [['account', 'add', 'mario@example.it', '--offline'], /give it with --server HOST/],
    [['user', 'add', 'Mario'], /"Mario" cannot be the name of a user/],
    [
      ['user', 'add', 'mario'],
      /no terminal to ask for the new password of mario: give it on stdin, with --password-stdin/,
    ],
    [
      ['--quiet', 'account', 'add', 'mario@libero.it', '--no-check'],
      /no terminal to ask for the password of mario@libero\.it at its provider: /,
    ],
  ]
  for (const [words, expected] of cases) {
    const { code, stdout, stderr } = await run(words)
    assert.equal(code, 2, words.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, expected)
    assert.match(stderr, /^postino: [^\n]*\n$/, 'one line')
  }
})

test('no command: the help, on stderr, and 2; --help and --version: on stdout, and 0', async (t) => {
  const { run } = await postino(t)
  const none = await run([])
  assert.equal(none.code, 2)
  assert.match(none.stderr, /Usage: postino/)
  const help = await run(['account', 'add', '--help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /^How to log in:\n(?: {2}.*\n)*? {2}--password-stdin/m)
  assert.match(help.stdout, /--json/)
  assert.match((await run(['--version'])).stdout, /^postino \d+\.\d+\.\d+\n$/)
})

test('a fault in the configuration ends with 2, and names the key and the file', async (t) => {
  const { run, data } = await postino(t)
  await mkdir(data, { recursive: true })
  const file = join(data, 'postino.toml')
  await writeFile(file, '[fetch]\nevry = "5m"\n')
  const unknown = await run(['fetch'])
  assert.equal(unknown.code, 2)
  assert(unknown.stderr.includes(`${file}: there is no key fetch.evry; did you mean fetch.every?`), unknown.stderr)
  await writeFile(file, '[fetch]\nevery = 5\n')
  assert.match((await run(['fetch'])).stderr, /fetch\.every in .*postino\.toml is 5; expected a duration/)
})

test('global options stand before or after the command', async (t) => {
  const { run } = await postino(t)
  await run(['user', 'add', 'mario', '--password-stdin'], { input: 'secret\n' })
  assert.equal((await run(['--json', 'user', 'list'])).stdout, (await run(['user', '--json', 'list'])).stdout)
  assert.match((await run(['user', 'list', '--json'])).stdout, /^\{"name":"mario"/)
})

test('a data folder that cannot be one is named, without a stack', async (t) => {
  const { run, data } = await postino(t)
  await mkdir(join(data, '..'), { recursive: true })
  await writeFile(data, 'a file')
  const { code, stderr } = await run(['user', 'list'])
  assert.equal(code, 1)
  assert.match(stderr, /^postino: [^\n]*data is not a folder[^\n]*\n$/)
})

test('a reader that goes away ends a long list quietly', async (t) => {
  const { run, data } = await postino(t)
  assert.equal((await run(['import', '-'], { input: mbox(1).replace(/^From .*\n/, '') })).code, 0)
  const source = join(data, 'many.mbox')
  await writeFile(source, mbox(2000))
  assert.equal((await run(['import', source])).code, 0)
  const child = spawn(process.execPath, ['bin/postino.js', '--data', data, 'list', '--json'], {
    cwd: new URL('../..', import.meta.url),
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(stderr, '')
  assert.equal(code, 0)
})
