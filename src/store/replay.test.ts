import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { add, octetsOf, stage } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
import { segmentPath } from './layout.ts'
import { encodeRecord, recordSeal } from './record-frame.ts'
import type { SegmentRecord } from './segment.ts'
import type { UserMail } from './store.ts'

const texts = Array.from({ length: 4 }, (_, n) => `Subject: message ${n}\r\n\r\n${`Line of ${n}.\r\n`.repeat(200)}`)

interface House {
  readonly segments: string
  /** What runs while nobody has the folder open, and then the store as the next process opens it. */
  readonly spoil: (work: () => void) => Promise<{ store: DiskStore; mail: UserMail }>
}

/** Mario's mail: each text in a segment of its own, the first so many of them settled. */
async function house(t: TestContext, settled: number): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'postino-replay-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const first = new DiskStore(folder)
  const mail = await first.open('mario')
  for (const [n, text] of texts.entries()) {
    await add(mail, text)
    if (n < settled) assert.equal((await first.settle('mario', { all: true })).segments, 1)
  }
  return {
    segments: join(first.userFolder('mario'), 'segments'),
    async spoil(work) {
      await first.close()
      work()
      const store = new DiskStore(folder)
      t.after(() => store.close())
      return { store, mail: await store.open('mario') }
    },
  }
}

async function allIn(mail: UserMail): Promise<string[]> {
  const found: string[] = []
  for (const { id } of await mail.read((view) => view.messages())) found.push((await octetsOf(mail, id)).toString())
  return found
}

test('a settled segment of which the first record is damaged is made an index of once, and all that is in it is served', async (t) => {
  const { segments, spoil } = await house(t, 2)
  const { store } = await spoil(() => {
    const path = join(segments, '0000000001-1.zst')
    const octets = readFileSync(path)
    octets[40] = octets[40] === 0x58 ? 0x59 : 0x58
    writeFileSync(path, octets)
  })
  const { messages, damage } = await store.rebuild('mario')
  assert.equal(messages, texts.length)
  assert.equal(damage.length, 1, 'only that record')
  const before = readdirSync(segments)
  assert.deepEqual(await allIn(await store.open('mario')), texts)
  assert.deepEqual(readdirSync(segments), before)
  const { problems } = await store.check('mario')
  assert.deepEqual(
    problems.map(({ offset, remedy }) => [offset, remedy]),
    [[0, 'none']],
  )
})

for (const [how, name] of [
  ['as one that was never settled', '0000000001.zst'],
  ['as one that was settled more often', '0000000001-7.zst'],
] as const) {
  test(`the file of a settled segment that was named ${how} is taken under the name that it has`, async (t) => {
    const { segments, spoil } = await house(t, 2)
    const { store, mail } = await spoil(() => renameSync(join(segments, '0000000001-1.zst'), join(segments, name)))
    assert.deepEqual(await allIn(mail), texts)
    assert.deepEqual((await store.check('mario')).problems, [])
  })
}

test('what is no segment for its number, among segments, is left alone', async (t) => {
  const { segments, spoil } = await house(t, 1)
  const stray = join(segments, '0000000000-1.zst')
  const { store, mail } = await spoil(() => writeFileSync(stray, 'not ours'))
  assert.deepEqual(await allIn(mail), texts)
  assert.deepEqual((await store.check('mario')).problems, [])
  assert.equal(readFileSync(stray, 'latin1'), 'not ours')
})

test('octets that were written again behind a segment whose file is missing count for messages before it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postino-replay-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const first = new DiskStore(folder)
  const segments = join(first.userFolder('mario'), 'segments')
  const mail = await first.open('mario')
  const [text = '', other = ''] = texts
  // The second stands on the octets of the first.
  for (const some of [[text], [text, other], texts.slice(2, 3), texts.slice(3)]) {
    for (const one of some) await add(mail, one)
    assert.equal((await first.settle('mario', { all: true })).segments, 1)
  }
  for (const name of ['0000000001-1.zst', '0000000003-1.zst']) rmSync(join(segments, name))
  const staged = await stage(mail, text)
  try {
    await mail.change((draft) => draft.mend(staged))
  } finally {
    staged.discard()
  }
  await first.close()
  rmSync(join(first.userFolder('mario'), 'index.sqlite'))
  const second = new DiskStore(folder)
  t.after(() => second.close())
  await second.rebuild('mario')
  const found = await second.open('mario')
  assert.equal((await octetsOf(found, 2 as MessageId)).toString(), text)
})

interface Two {
  readonly folder: string
  /** The file that was there before, and the one that was made of it. */
  readonly before: string
  readonly after: string
  /** What must be served. */
  readonly living: readonly string[]
}

/** Mario's mail as a settling leaves it that was stopped before it removed the file before: the first one of a segment, or the second. */
async function two(t: TestContext, settled: 1 | 2): Promise<Two> {
  const folder = mkdtempSync(join(tmpdir(), 'postino-replay-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const store = new DiskStore(folder)
  const mail = await store.open('mario')
  const path = (generation: number): string => segmentPath(store.userFolder('mario'), 1, generation)
  for (const text of texts) await add(mail, text)
  if (settled === 2) {
    await store.settle('mario', { all: true })
    await mail.change((draft) => [2, 3, 4].map((id) => draft.remove(id as MessageId)))
  }
  const [before, after] = [path(settled - 1), path(settled)]
  const octets = readFileSync(before)
  assert.equal((await store.settle('mario', { all: settled === 1 })).segments, 1)
  assert.equal(existsSync(before), false)
  await store.close()
  writeFileSync(before, octets)
  return { folder, before, after, living: settled === 1 ? texts : texts.slice(0, 1) }
}

const half = (octets: Buffer): Buffer => octets.subarray(0, octets.length >> 1)
const spoilt: readonly (readonly [string, (octets: Buffer) => Buffer])[] = [
  ['cut off', half],
  ['without its last octet', (octets) => octets.subarray(0, -1)],
  ['empty', () => Buffer.alloc(0)],
]

for (const settled of [1, 2] as const) {
  for (const [how, spoil] of spoilt) {
    for (const index of ['gone', 'there']) {
      test(`settled ${settled} times, a file that is ${how} does not count beside the one that it was made of: the index is ${index}`, async (t) => {
        const { folder, before, after, living } = await two(t, settled)
        writeFileSync(after, spoil(readFileSync(after)))
        const store = new DiskStore(folder)
        t.after(() => store.close())
        if (index === 'gone') rmSync(join(store.userFolder('mario'), 'index.sqlite'))
        else {
          // Settling leaves both where they are.
          await store.settle('mario')
          assert.ok(existsSync(before) && existsSync(after))
        }
        const { damage, messages, notes = [] } = await store.rebuild('mario')
        assert.deepEqual([damage, messages], [[], living.length])
        assert.match(
          notes.join(),
          new RegExp(`${basename(after)} is not whole: .* kept as .*${basename(after)}\\.damaged`),
        )
        assert.deepEqual(await allIn(await store.open('mario')), living)
        assert.deepEqual((await store.check('mario')).problems, [])
        await store.settle('mario')
        assert.deepEqual(await allIn(await store.open('mario')), living)
      })
    }
  }

  test(`settled ${settled} times, a file that is whole counts, and the one that it was made of leaves`, async (t) => {
    const { folder, before, after, living } = await two(t, settled)
    const store = new DiskStore(folder)
    t.after(() => store.close())
    rmSync(join(store.userFolder('mario'), 'index.sqlite'))
    assert.deepEqual(await store.rebuild('mario'), { messages: living.length, damage: [], setAside: undefined })
    await store.settle('mario')
    assert.deepEqual([existsSync(before), existsSync(after)], [false, true])
    assert.deepEqual(await allIn(await store.open('mario')), living)
  })
}

test('what only the index knows beside a file that is cut off is not written again: the file that it was made of has it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postino-replay-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const first = new DiskStore(folder)
  const mail = await first.open('mario')
  // So large that its octets stand in the file before its record.
  const text = `Subject: large\r\n\r\n${'Line of it.\r\n'.repeat(700_000)}`
  const id = await add(mail, text)
  await mail.change((draft) => draft.placeHold({}, { why: 'a case', by: 'a judge' }))
  const [before, after] = [0, 1].map((settled) => segmentPath(first.userFolder('mario'), 1, settled)) as [
    string,
    string,
  ]
  const octets = readFileSync(before)
  assert.equal((await first.settle('mario', { all: true })).segments, 1)
  await first.close()
  writeFileSync(before, octets)
  writeFileSync(after, readFileSync(after).subarray(0, -1))
  const store = new DiskStore(folder)
  t.after(() => store.close())
  assert.deepEqual((await store.rebuild('mario')).damage, [])
  const found = await store.open('mario')
  assert.deepEqual(await found.read((view) => view.messages().map((message) => message.id)), [id])
  assert.deepEqual(await allIn(found), [text])
})

test('what was in a file that is cut off is not said to be lost where there is damage elsewhere, too', async (t) => {
  const { folder, after, living } = await two(t, 1)
  const first = new DiskStore(folder)
  const mail = await first.open('mario')
  for (const text of ['Subject: other\r\n\r\n', 'Subject: last\r\n\r\n']) await add(mail, text)
  await first.close()
  writeFileSync(after, half(readFileSync(after)))
  const open = segmentPath(first.userFolder('mario'), 2)
  const octets = readFileSync(open)
  octets.write('X', octets.indexOf('"message"'))
  writeFileSync(open, octets)
  const store = new DiskStore(folder)
  t.after(() => store.close())
  const { rescue, messages } = await store.rebuild('mario')
  assert.deepEqual([rescue, messages], [{ messages: 1, lost: [] }, living.length + 2])
})

test('where of two files none is whole, the later one counts', async (t) => {
  const { folder, before, after } = await two(t, 2)
  for (const path of [before, after]) writeFileSync(path, half(readFileSync(path)))
  const store = new DiskStore(folder)
  t.after(() => store.close())
  rmSync(join(store.userFolder('mario'), 'index.sqlite'))
  const { damage } = await store.rebuild('mario')
  assert.ok(damage.some(({ path }) => path === after))
  assert.ok(existsSync(before) && existsSync(after))
})

for (const name of ['0000000001-02.zst', '0000000001-0.zst', '0000000001-01.zst.new', '0000000000-1.zst.new']) {
  test(`${name} is no segment, and is left alone`, async (t) => {
    const { segments, spoil } = await house(t, 1)
    const stray = join(segments, name)
    const { store, mail } = await spoil(() => writeFileSync(stray, 'not ours'))
    assert.deepEqual(await allIn(mail), texts)
    await store.settle('mario')
    assert.deepEqual((await store.check('mario')).problems, [])
    await store.rebuild('mario')
    assert.deepEqual(await allIn(await store.open('mario')), texts)
    assert.equal(readFileSync(stray, 'latin1'), 'not ours')
  })
}

test('a message that was written upon octets which have left is not taken in until the index is made again, and is told then', async (t) => {
  const { segments, spoil } = await house(t, 2)
  const hash = createHash('sha256').update('never here').digest('hex')
  const account = 'pop3:mario@example.it'
  const entry = { account, uniqueId: 'u', nth: 0, hash, size: 10, stored: 0 }
  const message = { mailbox: 1, hash, size: 10, octets: 10, lineEnds: 'crlf', received: 0, stored: 0, flags: [] }
  const added = { ...message, modseq: 901, id: 9, uid: 9, uniqueId: 'ninth', body: false }
  const records = [
    { t: 'know', modseq: 900, ...entry },
    { t: 'message', ...added },
    { t: 'commit', modseq: 901 },
  ]
  const last = readFileSync(join(segments, '0000000003.zst'))
  const seal = recordSeal(last)
  await assert.rejects(
    spoil(() =>
      writeFileSync(
        join(segments, '0000000003.zst'),
        Buffer.concat([last, ...records.map((record) => encodeRecord(record as SegmentRecord, seal))]),
      ),
    ),
    (error) => error instanceof StoreError && error.code === 'damaged' && error.message.includes('check --rebuild'),
  )
  const store = new DiskStore(join(segments, '../../..'))
  t.after(() => store.close())
  const { damage, messages } = await store.rebuild('mario')
  assert.equal(messages, texts.length)
  assert.deepEqual(
    damage.map(({ what }) => what),
    ['message 9 has its octets in a place that is damaged'],
  )
  const mail = await store.open('mario')
  assert.deepEqual(await allIn(mail), texts)
  assert.equal((await mail.read((view) => view.ledger(account))).length, 1)
})
