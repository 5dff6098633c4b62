import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { S3Server } from '../s3-server.ts'
import { house, mbox, pop3 } from './postino.ts'

const python = spawnSync('python3', ['--version']).status === 0

test('backup while serve runs, list, check, and restore to a point in time', async (t) => {
  const { data, run, json, serve } = await house(t)
  const target = join(dirname(data), 'backups')
  const into = join(dirname(data), 'into')
  const serving = await serve()
  const [first = {}] = await json(['backup', target])
  assert.deepEqual([first['backup'], first['users'], first['messages'], first['problems']], [1, 1, 2, []])
  await writeFile(join(data, 'more.mbox'), mbox(3))
  assert.equal((await run(['import', join(data, 'more.mbox')])).code, 0)
  const second = await run(['backup', target, '--keep', '5'])
  assert.match(second.stdout, /^backup 2 in \S+: 3 messages of 1 user, [\d.]+ kB; [\d.]+ kB of it new, in /)
  const [ok = ''] = await pop3(serving.ports['pop3'] ?? 0, ['QUIT'])
  assert.match(ok, /^\+OK/)
  await serving.stop()

  const list = await json(['backup', target, '--list'])
  assert.deepEqual(
    list.map(({ backup, messages }) => [backup, messages]),
    [
      [1, 2],
      [2, 3],
    ],
  )
  assert.match(
    (await run(['backup', target, '--list'])).stdout,
    /^1 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}1 user {2}2 messages/,
  )
  assert.match(
    (await run(['backup', '--check', target])).stdout,
    /^backup 1: .*: all in order\nbackup 2: .*: all in order\n$/,
  )

  const then = String(list[0]?.['time'])
  const restored = await run(['restore', target, '--at', then, '--into', into])
  assert.equal(restored.code, 0, restored.stderr)
  assert.match(restored.stdout, /^restored backup 1 into \S+: 2 messages of 1 user, .*; all verified\n$/)
  assert.equal((await run(['--data', into, 'list'])).stdout.split('\n').length, 3)
  assert.equal((await run(['--data', into, 'check'])).code, 0)

  const again = await run(['restore', target, '--into', into])
  assert.equal(again.code, 2)
  assert.match(again.stderr, /is not empty, and nothing is written over: .*--into/)
})

test('restore of one message, and of a user, into mail that is in use', async (t) => {
  const { data, run, json } = await house(t)
  const target = join(dirname(data), 'backups')
  await run(['user', 'add', 'anna', '--password-stdin'], { input: 'hers\n' })
  await run(['import', join(data, 'mail.mbox'), '--user', 'anna'])
  await run(['backup', target])
  await run(['user', 'remove', 'anna', '--yes'])
  const [anna = {}] = await json(['restore', target, '--user', 'anna'])
  assert.deepEqual([anna['user'], anna['restored'], anna['problems']], ['anna', 2, []])
  assert.deepEqual(
    (await json(['user', 'list'])).map(({ name, password }) => [name, password]),
    [
      ['anna', true],
      ['mario', true],
    ],
  )
  const twice = await run(['restore', target, '--user', 'mario', '--message', '1', '--message', '2'])
  assert.equal(twice.stdout, 'mario: restored 0 messages, 2 messages already here; all verified\n')
  const missing = await run(['restore', target, '--user', 'mario', '--message', '9'])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /the backup has no message 9 of mario/)
})

test('what cannot be meant is refused, with what to do', async (t) => {
  const { data, run } = await house(t)
  const target = join(dirname(data), 'backups')
  const refused = async (words: readonly string[], message: RegExp, code = 2): Promise<void> => {
    const ended = await run(words)
    assert.equal(ended.code, code, ended.stderr)
    assert.match(ended.stderr, message)
  }
  await refused(['backup', join(data, 'backups')], /are in one another/)
  await refused(['backup', join(dirname(data), 'not', 'there')], /is the disk mounted\?/, 1)
  await refused(['backup', 'sftp://host/x'], /rsync carries a folder/)
  await refused(['backup', 's3://mail'], /AWS_ACCESS_KEY_ID/)
  await refused(['backup', target, '--keep', '0'], /at least the newest/)
  await refused(['restore', target], /is not there: is the disk mounted\?/, 1)
  await mkdir(target)
  await refused(['restore', target], /there is no backup in/, 1)
  // Somebody has it checked each night, in the wrong place.
  await refused(['backup', target, '--check'], /there is no backup in/, 1)
  await refused(['backup', target, '--list'], /there is no backup in/, 0)
  await refused(['backup', target, '--list', '--check'], /give one of them/)
  await refused(['backup', join(data, 'mail.mbox')], /mail\.mbox is not a folder/)
  assert.equal((await run(['backup', target])).code, 0)
  await refused(['restore', target, '--backup', '7'], /there is no backup 7/)
  await refused(['restore', target, '--at', '2001-01-01'], /no backup is that old/)
  await refused(['restore', target, '--at', 'yesterday'], /write it so/)
  await refused(['restore', target, '--at', '2026-02-30'], /write it so/)
  await refused(['restore', target, '--user', 'carla'], /has no user "carla"; it has: mario/)
  await refused(
    ['--data', join(dirname(data), 'fresh'), 'restore', target, '--message', '1'],
    /no mail that single messages/,
  )
  await run(['user', 'add', 'anna', '--password-stdin'], { input: 'hers\n' })
  await run(['import', join(data, 'mail.mbox'), '--user', 'anna'])
  await run(['backup', target])
  await refused(['restore', target, '--message', '1'], /say whose messages .* --user NAME; the backup has: anna, mario/)
  await mkdir(join(dirname(data), 'empty'))
  await refused(['--data', join(dirname(data), 'empty'), 'backup', target], /nothing in \S+ to make a backup of/)
})

test('backup to S3 and back, from the command line', async (t) => {
  const { data, run } = await house(t)
  await using server = await S3Server.start()
  const env = server.environment
  const made = await run(['backup', 's3://mail/home', '--read-back'], { env })
  assert.equal(made.code, 0, made.stderr)
  const into = join(dirname(data), 'into')
  const { code, stderr } = await run(['restore', 's3://mail/home', '--into', into], { env })
  assert.equal(code, 0, stderr)
  assert.equal((await run(['--data', into, 'list'])).stdout, (await run(['list'])).stdout)
})

test(
  'docs/backup.md: the few lines of Python restore a backup without Postino',
  { skip: !python && 'there is no python3' },
  async (t) => {
    const { data, run } = await house(t)
    const target = join(dirname(data), 'backups')
    await run(['backup', target])
    await writeFile(join(data, 'more.mbox'), mbox(3))
    await run(['import', join(data, 'more.mbox')])
    await run(['backup', target])
    const page = readFileSync(join(import.meta.dirname, '../../docs/backup.md'), 'utf8')
    const [, program = ''] = /```python\n([^`]*)```/.exec(page) ?? []
    const into = join(dirname(data), 'into')
    const { status, stderr } = spawnSync('python3', ['-c', program, target, '2', into], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    rmSync(data, { recursive: true })
    const rebuilt = await run(['--data', into, 'check', '--rebuild'])
    assert.equal(rebuilt.code, 0, rebuilt.stderr)
    assert.match(rebuilt.stdout, /^mario: 3 messages/)
  },
)
