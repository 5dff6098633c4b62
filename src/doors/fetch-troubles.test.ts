import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import { FetchTroubles } from './fetch-troubles.ts'

const account = 'imap:m@x'
const now = 1_700_000_000_000
const minute = 60_000

async function troublesOf(mail: UserMail, at = now): Promise<FetchTroubles> {
  return new FetchTroubles(await mail.read((view) => view.troubles(account)), mail, account, () => at)
}

test('what could not be fetched rests for a while where that is asked for, and comes last in any case', async () => {
  const mail = await new MemoryStore().open('mario')
  await (await troublesOf(mail)).note('a', 'the server says no', false)
  // The line broke: it may be the fault of none of them.
  await (await troublesOf(mail)).note('b', 'the connection was lost', true)
  const { resting, last } = (await troublesOf(mail)).marks(true)
  assert.deepEqual([...resting.keys()], ['a'])
  assert.match(resting.get('a') ?? '', /^it could not be fetched \(the server says no\); it is tried again after 2023-/)
  assert.deepEqual(
    [...last],
    [
      ['a', 1],
      ['b', 1],
    ],
  )
  assert.deepEqual((await troublesOf(mail)).marks(false).resting.size, 0)
  assert.deepEqual((await troublesOf(mail, now + 7 * minute)).marks(true).resting.size, 0)
})

test('what was noted by a clock that was wrong does not rest for years', async () => {
  const mail = await new MemoryStore().open('mario')
  await (await troublesOf(mail, now + 400 * 86_400_000)).note('a', 'no', false)
  assert.equal((await troublesOf(mail)).marks(true).resting.size, 0)
})

test('what is home, or there no more, is forgotten', async () => {
  const mail = await new MemoryStore().open('mario')
  for (const uniqueId of ['a', 'b', 'c']) await (await troublesOf(mail)).note(uniqueId, 'no', false)
  await (await troublesOf(mail)).clear('a')
  await (await troublesOf(mail)).clear('unknown')
  await (await troublesOf(mail)).clearWhere((uniqueId) => uniqueId === 'c')
  assert.deepEqual(await mail.read((view) => view.troubles(account).map(({ uniqueId }) => uniqueId)), ['b'])
})
