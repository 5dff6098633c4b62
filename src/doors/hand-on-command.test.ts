import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { add } from '../store/contract-mail.ts'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import { handOn, type HandOnOptions, type HandOnReport } from './hand-on.ts'

const octets = Buffer.from('Subject: x\n\nbare LF, NUL \0, è, no end')

async function setUp(t: TestContext): Promise<{
  folder: string
  mail: UserMail
  run: (command: string, more?: Partial<HandOnOptions>) => Promise<HandOnReport>
}> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-command-'))
  t.after(() => rm(folder, { recursive: true }))
  const mail = await new MemoryStore().open('mario')
  const origin = { account: 'pop3:m@x', uniqueId: 'u1', nth: 0 }
  await add(mail, octets, { origin, received: 1_600_000_000_000, flags: ['\\Seen'] })
  return {
    folder,
    mail,
    run: (command, more) =>
      handOn({
        mail,
        address: 'm@x',
        accounts: ['pop3:m@x'],
        // By what it is, the target is the same whatever it does.
        target: { kind: 'command', command: `cd '${folder}'\n${command}`, name: 'command:test' },
        since: 0,
        ...more,
      }),
  }
}

test('a command gets the octets, and may know what they are', async (t) => {
  const { folder, mail, run } = await setUp(t)
  const report = await run('cat >message; env | grep ^POSTINO_ | sort >environment')
  assert.deepEqual(report, { handed: 1, refused: 0, waiting: 0, problems: [], error: undefined })
  assert.deepEqual(await readFile(join(folder, 'message')), octets)
  const [message] = await mail.read((view) => view.messages())
  const environment = (await readFile(join(folder, 'environment'), 'utf8')).trim().split('\n')
  assert.deepEqual(
    environment.filter((line) => !/^POSTINO_(DEBUG|SEED)/.test(line)),
    [
      'POSTINO_ACCOUNT=m@x',
      'POSTINO_ATTEMPT=1',
      'POSTINO_FLAGS=\\Seen',
      `POSTINO_MESSAGE_ID=${message?.uniqueId}`,
      'POSTINO_RECEIVED=2020-09-13T12:26:40.000Z',
      `POSTINO_SHA256=${message?.hash}`,
      `POSTINO_SIZE=${octets.length}`,
    ],
  )
  assert.equal((await run('exit 1')).handed, 0)
})

for (const [command, says] of [
  [
    'echo first >&2; echo the disk is full >&2; exit 75',
    /wants the message later \(exit code 75\) and said: the disk is full/,
  ],
  ['exit 3', /the command failed \(exit code 3\)$/],
  ['kill -9 $$', /ended by SIGKILL/],
  ['./no-such-program', /exit code 127.*no-such-program/],
] as const) {
  test(`a command that does not take it is told, and the message is tried again: ${command}`, async (t) => {
    const { run } = await setUp(t)
    const { handed, refused, problems, error } = await run(command)
    assert.deepEqual([handed, refused, error], [0, 1, undefined])
    assert.match(problems[0] ?? '', says)
    assert.equal((await run('cat')).handed, 1)
  })
}

test('a command need not read what it takes, nor end what it starts', async (t) => {
  const { mail, run } = await setUp(t)
  const origin = { account: 'pop3:m@x', uniqueId: 'u2', nth: 0 }
  await add(mail, Buffer.alloc(3 << 20, 'large\r\n'), { origin })
  assert.equal((await run('sleep 5 & exit 0')).handed, 2)
})

test('a command that is told to stop is ended with all that it started, and the message is tried again', async (t) => {
  const { folder, run } = await setUp(t)
  const stop = new AbortController()
  const running = run('sh -c "echo up >up; sleep 60; echo late >late"', { signal: stop.signal })
  while ((await readFile(join(folder, 'up'), 'utf8').catch(() => '')) !== 'up\n')
    await new Promise((resolve) => setTimeout(resolve, 5))
  stop.abort()
  const { handed, error } = await running
  assert.deepEqual([handed, error?.message], [0, 'stopped'])
  const again = await run('cat')
  assert.equal(again.handed, 1)
  // Nobody can say what a command did before it was ended.
  assert.match(again.problems[0] ?? '', /sent again, and may arrive there twice/)
})
