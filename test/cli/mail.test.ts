import assert from 'node:assert/strict'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { mbox, postino } from './postino.ts'

test('import makes a user where there is none, says so, and adds nothing the second time', async (t) => {
  const { run, json } = await postino(t)
  const input = 'Subject: one\n\none\n'
  const first = await run(['import', '-', '--json'], { input })
  assert.equal(first.code, 0)
  assert.match(first.stderr, /made the user \S+, without a password so far/)
  assert.deepEqual(
    (({ new: fresh, known }) => [fresh, known])(JSON.parse(first.stdout) as Record<string, unknown>),
    [1, 0],
  )
  assert.deepEqual(
    (({ new: fresh, known }) => [fresh, known])((await json(['import', '-'], { input }))[0] ?? {}),
    [0, 1],
  )
  const missing = await run(['import', '/nowhere/mail.mbox'])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /^postino: \/nowhere\/mail\.mbox was not imported/m)
})

test('where there is no user, reading commands find nothing and make nobody', async (t) => {
  const { run, json } = await postino(t)
  for (const words of [['list'], ['search', 'x'], ['check']]) {
    const { code, stdout } = await run(words)
    assert.deepEqual([code, stdout], [0, ''], words.join(' '))
  }
  assert.equal((await run(['show', '1'])).code, 1)
  assert.deepEqual(await json(['user', 'list']), [])
})

test('with several users --user is needed', async (t) => {
  const { run } = await postino(t)
  for (const name of ['anna', 'mario']) await run(['user', 'add', name, '--password-stdin'], { input: 'secret\n' })
  const { code, stderr } = await run(['list'])
  assert.equal(code, 2)
  assert.match(stderr, /--user NAME; there are: anna, mario/)
  assert.equal((await run(['list', '--user', 'mario'])).code, 0)
  assert.equal((await run(['list', '--user', 'luigi'])).code, 2)
})

test('list, show, search and export: the octets come back as they were, and nothing steers the terminal', async (t) => {
  const { run, json, data } = await postino(t)
  const octets =
    'From: =?utf-8?q?Anna=1B[31m?= <anna@example.it>\nSubject: red \u001b]0;title\u0007 \u202etxt\n\nperch\u00e9 \u001b[2J no\r\nbare\n'
  await run(['import', '-'], { input: octets })
  await writeFile(join(data, 'mail.mbox'), mbox(4))
  await run(['import', join(data, 'mail.mbox'), '--mailbox', 'Old'])
  const all = await json(['list'])
  assert.deepEqual(
    all.map(({ id, mailbox }) => [id, mailbox]),
    [
      [1, 'INBOX'],
      [2, 'Old'],
      [3, 'Old'],
      [4, 'Old'],
      [5, 'Old'],
    ],
  )
  assert.deepEqual(
    (await json(['list', '--limit', '2'])).map(({ subject }) => subject),
    ['Message 3', 'Message 4'],
  )
  assert.deepEqual(
    (await json(['list', '--mailbox', 'Old', '--limit', '1'])).map(({ id }) => id),
    [5],
  )
  assert.equal((await run(['list', '--mailbox', 'New'])).code, 2)
  for (const words of [['list'], ['show', '1'], ['search', 'perche no'], ['list', '--json'], ['show', '1', '--json']]) {
    const { code, stdout } = await run(words)
    assert.equal(code, 0, words.join(' '))
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    assert.doesNotMatch(stdout, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/, words.join(' '))
    assert.match(stdout, words[0] === 'search' ? /perché/ : /red/)
  }
  assert.equal((await run(['show', '1', '--raw'])).stdout, octets)
  const none = await run(['show', '99'])
  assert.equal(none.code, 1)
  assert.match(none.stderr, /has no message 99/)
  const out = join(data, 'out')
  assert.equal((await json(['export', out, '--format', 'eml', '--mailbox', 'INBOX']))[0]?.['messages'], 1)
  const files = (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.eml'))
  assert.equal(files.length, 1)
  assert.equal(await readFile(join(out, files[0] ?? ''), 'utf8'), octets)
})

test('a search index that had to be made anew is said so, once; after check --rebuild there is none of the old', async (t) => {
  const { run, json, data } = await postino(t)
  await writeFile(join(data, '..', 'mail.mbox'), mbox(3))
  await run(['import', join(data, '..', 'mail.mbox')])
  assert.equal((await run(['search', 'perche'])).stderr.split('\n').length, 2)
  const [{ user = '' } = {}] = await json(['check'])
  const folder = join(data, 'users', String(user))
  await writeFile(join(folder, 'search.sqlite'), 'no database, but long enough to be mistaken for one'.repeat(100))
  const remade = await run(['search', 'perche'])
  assert.equal(remade.stdout.trimEnd().split('\n').length, 3)
  assert.equal(remade.stderr.match(/the search index was made anew: it was damaged/g)?.length, 1)
  assert.equal((await run(['search', 'perche'])).stderr.match(/made anew/), null)

  const files = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('search'))
  assert.notDeepEqual(await files(), [])
  assert.equal((await run(['check', '--rebuild'])).code, 0)
  assert.deepEqual(await files(), [])
  assert.equal((await json(['search', 'perche'])).length, 3)
})

test('no sentence of what was done is said twice', async (t) => {
  const { run, data } = await postino(t)
  await writeFile(join(data, '..', 'mail.mbox'), mbox(3))
  const first = await run(['import', join(data, '..', 'mail.mbox')])
  assert.match(first.stdout, /^imported 3 messages for \S+; \d+ B in [\d.]+ m?s\n$/)
  assert.match(first.stderr, /^made the user [^\n]*\nimporting for \S+ …\n$/)
  const second = await run(['export', join(data, '..', 'out')])
  assert.match(second.stdout, /^exported 3 messages to /)
  assert.match(second.stderr, /^exporting the mail of \S+ …\n$/)
})

test('check names a flipped octet; a lost index is said what to do about, and rebuilt', async (t) => {
  const { run, json, data } = await postino(t)
  await writeFile(join(data, '..', 'mail.mbox'), mbox(6))
  await run(['import', join(data, '..', 'mail.mbox')])
  const sound = await run(['check', '--json'])
  assert.equal(sound.code, 0)
  const [{ user = '' } = {}] = await json(['check'])
  const folder = join(data, 'users', String(user))
  await rm(join(folder, 'index.sqlite'))
  for (const more of ['-wal', '-shm']) await rm(join(folder, `index.sqlite${more}`), { force: true })
  const lost = await run(['list'])
  if (lost.code !== 0) assert.match(lost.stderr, /^postino: [^\n]*check --rebuild[^\n]*\n$/)
  assert.equal((await run(['check', '--rebuild'])).code, 0)
  assert.equal((await json(['list'])).length, 6)
  const [segment = ''] = await readdir(join(folder, 'segments'))
  const path = join(folder, 'segments', segment)
  const octets = await readFile(path)
  const middle = Math.floor(octets.length / 2)
  octets[middle] = (octets[middle] ?? 0) ^ 0x10
  await writeFile(path, octets)
  const damaged = await run(['check', '--json'])
  assert.equal(damaged.code, 1)
  assert(damaged.stderr.includes(path), damaged.stderr)
  assert.match(damaged.stdout, /"problems":\["/)
})
