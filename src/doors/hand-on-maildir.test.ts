import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseHandOnTarget } from '../accounts/hand-on-target.ts'
import { add } from '../store/contract-mail.ts'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import { planHandOn } from './hand-on-book.ts'
import { handOn, type HandOnReport } from './hand-on.ts'
import { noteUnderWay } from './hand-on-book.ts'

const accounts = ['pop3:m@x']

async function setUp(t: TestContext): Promise<{ folder: string; mail: UserMail; run: () => Promise<HandOnReport> }> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-maildir-'))
  t.after(() => rm(folder, { recursive: true }))
  const mail = await new MemoryStore().open('mario')
  const target = parseHandOnTarget(`maildir:${folder}/Maildir`)
  return {
    folder: join(folder, 'Maildir'),
    mail,
    run: () => handOn({ mail, address: 'm@x', accounts, target, since: 0, settle: 0 }),
  }
}

let count = 0
async function fetched(mail: UserMail, octets: string | Buffer, flags: string[] = []): Promise<void> {
  const origin = { account: 'pop3:m@x', uniqueId: `u${count++}`, nth: 0 }
  await add(mail, octets, { origin, flags, received: 1_600_000_000_000 })
}

async function files(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((path) => /\/./.test(path)).toSorted()
}

test('what is new goes to new, what has flags to cur with its letters; octets and date are kept', async (t) => {
  const { folder, mail, run } = await setUp(t)
  const octets = Buffer.from('Subject: x\n\nbare LF, NUL \0, è, no end')
  await fetched(mail, octets)
  await fetched(mail, 'Subject: seen\r\n\r\n', ['\\Seen', '\\Flagged'])
  assert.deepEqual(await run(), { handed: 2, refused: 0, waiting: 0, problems: [], error: undefined })
  const [seen = '', fresh = '', ...more] = await files(folder)
  assert.deepEqual(more, [])
  assert.match(seen, /^cur\/1600000000\.[0-9a-f]{24}\.postino,S=17:2,FS$/)
  assert.match(fresh, /^new\/1600000000\.[0-9a-f]{24}\.postino,S=\d+$/)
  assert.deepEqual(await readFile(join(folder, fresh)), octets)
  assert.equal((await stat(join(folder, fresh))).mtimeMs, 1_600_000_000_000)
  assert.deepEqual(await run(), { handed: 0, refused: 0, waiting: 0, problems: [], error: undefined })
})

test('equal messages are as many files', async (t) => {
  const { folder, mail, run } = await setUp(t)
  for (let times = 0; times < 3; times++) await fetched(mail, 'Subject: the same\r\n\r\n')
  assert.equal((await run()).handed, 3)
  assert.equal((await files(folder)).length, 3)
})

test('what was under way when Postino was killed is found, also where a mail program has moved it meanwhile', async (t) => {
  const { folder, mail, run } = await setUp(t)
  await fetched(mail, 'Subject: one\r\n\r\n')
  await fetched(mail, 'Subject: two\r\n\r\n')
  await run()
  const [one = '', two = ''] = await files(folder)
  // As after a crash behind the files and before the ledger: the ledger of another, empty mail does not have them.
  const again = await new MemoryStore().open('mario')
  const route = { address: 'm@x', accounts, target: parseHandOnTarget(`maildir:${folder}`), since: 0 }
  for (const message of await mail.read((view) => view.messages()))
    await add(again, Buffer.from(`Subject: ${message.id === 1 ? 'one' : 'two'}\r\n\r\n`), {
      uniqueId: message.uniqueId,
      received: message.received,
      origin: { account: 'pop3:m@x', uniqueId: `u${message.id}`, nth: 0 },
    })
  const messages = await again.read((view) => view.messages())
  await again.change((draft) => noteUnderWay(draft, route, messages, ''))
  await rename(join(folder, one), join(folder, `cur/${one.slice(4)}:2,RS`))
  assert.equal((await handOn({ ...route, mail: again, settle: 0 })).handed, 2)
  assert.deepEqual(await files(folder), [`cur/${one.slice(4)}:2,RS`, two])
  assert.deepEqual((await again.read((view) => planHandOn(view, route))).underWay, [])
})

test('what was under way and is not there is written', async (t) => {
  const { folder, mail } = await setUp(t)
  await fetched(mail, 'Subject: one\r\n\r\n')
  const route = { address: 'm@x', accounts, target: parseHandOnTarget(`maildir:${folder}`), since: 0 }
  const messages = await mail.read((view) => view.messages())
  await mail.change((draft) => noteUnderWay(draft, route, messages, ''))
  assert.equal((await handOn({ ...route, mail, settle: 0 })).handed, 1)
  assert.equal((await files(folder)).length, 1)
})

test('a Maildir that cannot be written is told, and left in peace until its time comes', async (t) => {
  const { mail } = await setUp(t)
  await fetched(mail, 'Subject: one\r\n\r\n')
  const target = parseHandOnTarget('maildir:/dev/null/Maildir')
  let now = 1_700_000_000_000
  const options = { mail, address: 'm@x', accounts, target, since: 0, backOff: true, now: () => now }
  const first = await handOn(options)
  assert.match(first.error?.message ?? '', /\/dev\/null\/Maildir/)
  assert.equal(first.waiting, 1)
  assert.deepEqual(await handOn(options), { handed: 0, refused: 0, waiting: 1, problems: [], error: undefined })
  now += 6 * 60_000
  assert.ok((await handOn(options)).error)
})
