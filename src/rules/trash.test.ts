import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageId } from '../ids.ts'
import { add } from '../store/contract-mail.ts'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import { emptyTrash, purgeTrash, putIntoTrash, restoreFromTrash, trashOf } from './trash.ts'

const day = 86_400_000

async function box(): Promise<{
  clock: { now: number }
  mail: UserMail
  put: (mailbox: string) => Promise<MessageId>
}> {
  const clock = { now: 1_800_000_000_000 }
  const mail = await new MemoryStore({ now: () => clock.now }).open('mario')
  const put = async (mailbox: string): Promise<MessageId> => {
    const into = await mail.change((draft) => draft.openMailbox(mailbox))
    return await add(mail, `Subject: in ${mailbox}\r\n\r\n`, { mailbox: into, received: clock.now })
  }
  return { clock, mail, put }
}

test('what was deleted comes back to where it was, as it was', async () => {
  const { mail, put } = await box()
  const [inbox, list] = [await put('INBOX'), await put('Lists/dev')]
  await mail.change((draft) => draft.setFlags(list, ['\\Seen']))
  assert.deepEqual(await putIntoTrash(mail, [list, inbox]), [
    { id: list, to: 'Trash' },
    { id: inbox, to: 'Trash' },
  ])
  const all = await mail.read(trashOf)
  assert.deepEqual(
    all.map(({ message, from, held }) => [message.id, from, held]),
    [
      [inbox, 'INBOX', false],
      [list, 'Lists/dev', false],
    ],
  )
  assert.deepEqual(await restoreFromTrash(mail, [inbox, list]), [
    { id: inbox, to: 'INBOX' },
    { id: list, to: 'Lists/dev' },
  ])
  const back = await mail.read((view) => view.message(list))
  assert.deepEqual([back?.trashed, back?.trashedFrom, back?.flags], [undefined, undefined, ['\\Seen']])
  assert.deepEqual(await mail.read(trashOf), [])
})

test('what cannot be moved is said, each with its reason', async () => {
  const { mail, put } = await box()
  const [plain, held, trashed] = [await put('INBOX'), await put('INBOX'), await put('INBOX')]
  await mail.change((draft) => draft.placeHold({ message: held }, { why: 'w', by: 'b' }))
  await mail.change((draft) => draft.trash(trashed))
  const ids = [99 as MessageId, plain, held, trashed]
  assert.deepEqual(await putIntoTrash(mail, ids), [
    { id: 99, to: undefined, why: 'no such message' },
    { id: plain, to: 'Trash' },
    { id: held, to: undefined, why: 'held' },
    { id: trashed, to: undefined, why: 'in the trash already' },
  ])
  assert.deepEqual(
    (await restoreFromTrash(mail, ids)).map(({ to, why }) => to ?? why),
    ['no such message', 'INBOX', 'not in the trash', 'INBOX'],
  )
})

test('the trash is purged of what has been in it for its days, and neither purging nor emptying takes what is held', async () => {
  const { clock, mail, put } = await box()
  const [old, held, young] = [await put('INBOX'), await put('INBOX'), await put('INBOX')]
  await putIntoTrash(mail, [old, held])
  await mail.change((draft) => draft.placeHold({ message: held }, { why: 'w', by: 'b' }))
  clock.now += 30 * day
  await putIntoTrash(mail, [young])
  assert.deepEqual(await purgeTrash(mail, 30, clock.now), { removed: 0, held: 0 })
  assert.deepEqual(await purgeTrash(mail, 30, clock.now + 1), { removed: 1, held: 1 })
  assert.deepEqual(await emptyTrash(mail), { removed: 1, held: 1 })
  assert.deepEqual(
    (await mail.read(trashOf)).map(({ message, held: is }) => [message.id, is]),
    [[held, true]],
  )
})

test('what was put into the trash while the clock was decades behind has its days all the same', async () => {
  const { clock, mail, put } = await box()
  const id = await put('INBOX')
  const { now } = clock
  clock.now = 0
  await putIntoTrash(mail, [id])
  clock.now = now + 29 * day
  assert.deepEqual(await purgeTrash(mail, 30, clock.now), { removed: 0, held: 0 })
  assert.deepEqual(await purgeTrash(mail, 30, now + 30 * day + 1), { removed: 1, held: 0 })
})

test('what is in the mailbox Trash by somebody’s hand is not ours to take', async () => {
  const { clock, mail, put } = await box()
  const id = await put('Trash')
  assert.deepEqual(await purgeTrash(mail, 0, clock.now + day), { removed: 0, held: 0 })
  assert.deepEqual(await emptyTrash(mail), { removed: 0, held: 0 })
  assert.ok(await mail.read((view) => view.message(id)))
})
