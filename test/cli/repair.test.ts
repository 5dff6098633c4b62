import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { HostileImap } from '../faults/hostile-imap.ts'
import { HostilePop3, type RemoteMessage } from '../faults/hostile-pop3.ts'
import { type Postino, postino } from './postino.ts'

// A message that is damaged here, and still where it came from.

const texts = Array.from({ length: 4 }, (_, n) => `Subject: message ${n}\r\n\r\n${`Line of ${n}.\r\n`.repeat(30)}`)

/** Mario has fetched all there is; then the octets of messages 1 and 2 are damaged. */
async function damaged(
  t: TestContext,
  protocol: string,
  port: number,
  words: readonly string[] = [],
): Promise<Postino> {
  const own = await postino(t)
  const { run, data } = own
  assert.equal((await run(['user', 'add', 'mario', '--password-stdin'], { input: 'a password\n' })).code, 0)
  const place = ['--server', `127.0.0.1:${port}`, '--tls', 'none', '--protocol', protocol, '--no-check', ...words]
  const added = await run(['account', 'add', 'mario@example.it', ...place, '--password-stdin'], { input: 'secret\n' })
  assert.equal(added.code, 0, added.stderr)
  const fetched = await run(['fetch'])
  assert.equal(fetched.code, 0, fetched.stderr)
  const folder = join(data, 'users/mario/segments')
  const path = join(folder, (await readdir(folder))[0] ?? '')
  const octets = await readFile(path)
  for (const n of [1, 2]) octets[octets.indexOf(`Line of ${n}.`)] = 0x58
  await writeFile(path, octets)
  return own
}

async function subjects({ json, run }: Postino): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  for (const { id } of await json(['list'])) {
    const { code, stdout } = await run(['show', String(id), '--raw'])
    found.push(code === 0 && texts.includes(stdout) ? stdout.slice(9, 18) : undefined)
  }
  return found
}

const all = texts.map((_, n) => `message ${n}`)

test('by POP3: what is still there is fetched again, nothing is deleted, and nothing comes twice', async (t) => {
  const messages = texts.map((text, n): RemoteMessage => ({ uniqueId: `uid-${n}`, octets: Buffer.from(text) }))
  const server = await HostilePop3.start(messages)
  t.after(() => server.close())
  const own = await damaged(t, 'pop3', server.port)
  const told = await own.run(['check'])
  assert.equal(told.code, 1)
  assert.match(
    told.stderr,
    /`postino check --repair --user mario` fetches it again from mario@example\.it, if it is still there/,
  )
  assert.deepEqual(await subjects(own), [all[0], undefined, undefined, all[3]])
  // What is damaged has no subject to show.
  const names = async (): Promise<unknown> => (await own.json(['list'])).map((row) => ({ ...row, subject: '' }))
  const before = await names()

  // One of them has gone there: the other comes back all the same.
  server.messages = server.messages.filter(({ uniqueId }) => uniqueId !== 'uid-2')
  server.steps.length = 0
  const first = await own.run(['check', '--repair'])
  assert.equal(first.code, 1)
  assert.match(first.stdout, /message 2 is repaired: its octets came from mario@example\.it/)
  assert.match(first.stderr, /message 3 could not be repaired: not found: mario@example\.it/)
  assert.deepEqual(await subjects(own), [all[0], all[1], undefined, all[3]])
  assert.deepEqual(
    server.commands().filter((line) => /^(RETR|DELE)/.test(line)),
    ['RETR 2'],
  )

  // Other octets under that name are not taken for it.
  server.messages = [...server.messages, { uniqueId: 'uid-2', octets: Buffer.from('Subject: another\r\n\r\n') }]
  assert.equal((await own.run(['check', '--repair'])).code, 1)
  server.messages = messages
  assert.equal((await own.run(['check', '--repair'])).code, 0)
  assert.deepEqual(await subjects(own), all)
  assert.deepEqual(await names(), before)
  assert.equal((await own.run(['check'])).code, 0)
  const [again] = await own.json(['fetch'])
  assert.deepEqual([again?.['new'], again?.['skipped']], [0, 4])
  assert.deepEqual(
    (await readdir(join(own.data, 'locks'))).filter((name) => name === 'repair-work'),
    [],
  )
})

test('by IMAP the same; where the server cannot be reached, that is said, and all stays as it was', async (t) => {
  const server = await HostileImap.start()
  t.after(() => server.close())
  for (const text of texts) server.put('INBOX', text)
  const own = await damaged(t, 'imap', server.port)
  server.hostility = { greeting: '* BYE not now' }
  const away = await own.run(['check', '--repair'])
  assert.equal(away.code, 1)
  assert.match(away.stderr, /mario@example\.it: /)
  assert.deepEqual(await subjects(own), [all[0], undefined, undefined, all[3]])
  server.hostility = {}
  const repaired = await own.run(['check', '--repair'])
  assert.equal(repaired.code, 0, repaired.stderr)
  assert.deepEqual(await subjects(own), all)
  assert.equal(server.box('INBOX').messages.length, texts.length)
  const [again] = await own.json(['fetch'])
  assert.equal(again?.['new'], 0)
})
