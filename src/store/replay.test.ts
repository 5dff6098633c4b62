import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { MessageId } from '../ids.ts'
import { add, octetsOf, stage } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
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
