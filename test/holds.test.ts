import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HoldId, MessageId } from '../src/ids.ts'
import { add, octetsOf } from '../src/store/contract-mail.ts'
import { DiskStore } from '../src/store/disk.ts'

// What a legal hold is on is removed by nobody: `Draft.remove` asks, and this sees that nothing goes round it.

const source = join(import.meta.dirname, '../src')

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith('store/contract'))
  .map((path) => ({ path, text: readFileSync(join(source, path), 'utf8') }))

function filesWith(pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) => (pattern.test(text) ? [path] : [])).toSorted()
}

test('that a message is removed is written into the journal in one place, behind the question', () => {
  assert.deepEqual(filesWith(/\bt: 'remove',/), ['store/drafting.ts'])
  const { text = '' } = files.find(({ path }) => path === 'store/drafting.ts') ?? {}
  const [, body = ''] = /\n {2}remove\(id: MessageId\): boolean \{\n([^]*?)\n {2}\}\n/.exec(text) ?? []
  const asked = body.indexOf('if (id < this.#ours && this.#index.holdsOn(id).length > 0) return false')
  assert.ok(asked !== -1 && asked < body.indexOf(`t: 'remove'`), body)
})

test('messages leave the index only by such a record', () => {
  const inStore = filesWith(/delete from messages\b/).filter((path) => path.startsWith('store/'))
  assert.deepEqual(inStore, ['store/sqlite-index.ts'])
})

test('those who remove messages, and what they do where one stays', () => {
  assert.deepEqual(filesWith(/\bdraft\.remove\(/), [
    // The header that stood for a message stays beside it.
    'doors/fetch-deliveries.ts',
    'doors/fetch-pop3-keep.ts',
    // DELE only hides.
    'doors/serve-pop3-maildrops-removal.ts',
    'intake/intake.ts',
    // Both count it as held.
    'rules/retention.ts',
    'rules/trash.ts',
    // A damaged message that cannot be put right under its number stays as it is.
    'store/repair.ts',
  ])
})

test('those who remove a whole user, which the store refuses', () => {
  assert.deepEqual(filesWith(/\bstore\.remove\(/), ['cli/user.ts'])
})

test('settling, and making the index again, leave holds, the quota and the way out of the trash as they were', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'postino-holds-'))
  const store = new DiskStore(data)
  t.after(async () => {
    await store.close()
    await rm(data, { recursive: true })
  })
  const mail = await store.open('mario')
  const ids: MessageId[] = []
  for (let n = 0; n < 40; n++) {
    const origin = { account: n % 2 === 0 ? 'pop3:a' : 'pop3:b', uniqueId: String(n), nth: 0 }
    ids.push(await add(mail, `Subject: ${n}\r\n\r\n${'text '.repeat(n)}\r\n`, { origin }))
  }
  await mail.change((draft) => {
    draft.setQuota(1_000_000)
    draft.placeHold({ accounts: ['pop3:a'] }, { why: 'case 17', by: 'anna' })
    const over = draft.placeHold({}, { why: 'for a day', by: 'anna' })
    draft.releaseHold(over, { note: 'over', by: 'anna' })
    draft.move(ids[4] ?? assert.fail(), draft.openMailbox('Archive'))
    draft.trash(ids[4] ?? assert.fail())
  })
  const removed = await mail.change((draft) => ids.filter((id) => draft.remove(id)))
  assert.equal(removed.length, 20)
  const seen = (): Promise<unknown> =>
    store.open('mario').then((its) =>
      its.read((view) => ({
        messages: view.messages(),
        held: view.messages().map(({ id }) => view.holdsOn(id).length),
        holds: view.holds(),
        mailboxes: view.mailboxes(),
        amounts: [view.octets(), view.quota()],
      })),
    )
  const before = await seen()
  await store.settle('mario', { all: true })
  assert.deepEqual(await seen(), before)
  assert.deepEqual((await store.check('mario')).problems, [])
  await store.rebuild('mario')
  assert.deepEqual(await seen(), before)
  const again = await store.open('mario')
  for (const id of ids.filter((one) => !removed.includes(one)))
    assert.match((await octetsOf(again, id)).toString(), /^Subject: \d*[02468]\r\n/)
  assert.equal(
    (await again.change((draft) => ids.filter((id) => draft.view.message(id) && draft.remove(id)))).length,
    0,
  )
})

for (const [what, word] of [
  ['the record of a hold', '"t":"hold"'],
  ['the record of a release', '"t":"release"'],
  ['the record of a quota', '"t":"quota"'],
  ['the move into a mailbox that is held', '"t":"move"'],
] as const)
  test(`${what} is damaged: what the index knows still is in the segments again, and nothing is out of its hold`, async (t) => {
    const data = await mkdtemp(join(tmpdir(), 'postino-holds-'))
    t.after(() => rm(data, { recursive: true }))
    let store = new DiskStore(data)
    const mail = await store.open('mario')
    const ids: MessageId[] = []
    for (let n = 0; n < 5; n++) ids.push(await add(mail, `Subject: ${n}\r\n\r\n`))
    const [moved = assert.fail(), came = assert.fail()] = ids
    await mail.change((draft) => draft.setQuota(12_345))
    await mail.change((draft) => draft.placeHold({ mailbox: 'Case' }, { why: 'case 17', by: 'anna' }))
    await mail.change((draft) => draft.placeHold({}, { why: 'for a day', by: 'anna' }))
    await mail.change((draft) => draft.releaseHold(2 as HoldId, { note: 'over', by: 'luigi' }))
    await mail.change((draft) => draft.move(moved, draft.openMailbox('Case')))
    await mail.change((draft) => draft.move(moved, draft.openMailbox('INBOX')))
    await mail.change((draft) => draft.move(came, draft.openMailbox('Case/17')))
    const seen = async (): Promise<unknown> =>
      (await store.open('mario')).read((view) => ({
        held: ids.map((id) => view.holdsOn(id).map((hold) => hold.id)),
        holds: view.holds(),
        quota: view.quota(),
        octets: view.octets(),
      }))
    const before = await seen()
    await store.close()
    const segment = join(data, 'users/mario/segments/0000000001.zst')
    const octets = await readFile(segment)
    const at = octets.indexOf(word)
    assert.ok(at > 0)
    octets[at + word.length + 2] = (octets[at + word.length + 2] ?? 0) ^ 1
    await writeFile(segment, octets)
    store = new DiskStore(data)
    await store.rebuild('mario')
    assert.deepEqual(await seen(), before)
    const again = await store.open('mario')
    assert.deepEqual(await again.change((draft) => ids.filter((id) => !draft.remove(id))), [moved, came])
    await store.close()
  })
