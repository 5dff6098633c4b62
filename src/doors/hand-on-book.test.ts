import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHandOnTarget } from '../accounts/hand-on-target.ts'
import type { MessageId } from '../ids.ts'
import { add } from '../store/contract-mail.ts'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import {
  countHanded,
  handOnAccount,
  type HandOnPlan,
  noteDone,
  noteHanded,
  noteUnderWay,
  planHandOn,
  type Route,
  wayIn,
} from './hand-on-book.ts'

const target = parseHandOnTarget('maildir:/mail')
const route: Route = { address: 'm@x', accounts: ['pop3:m@x', 'imap:m@x'], target, since: 0 }

async function fetched(mail: UserMail, uniqueId: string, account = 'pop3:m@x'): Promise<MessageId> {
  return await add(mail, `${account} ${uniqueId}\r\n`, { origin: { account, uniqueId, nth: 0 } })
}

async function plan(mail: UserMail, more: Partial<Route> = {}): Promise<HandOnPlan> {
  return await mail.read((view) => planHandOn(view, { ...route, ...more }))
}

const pending = ({ pending: messages }: HandOnPlan): number[] => messages.map(({ id }) => id)

test('what an account brought in by either protocol is to be handed on, in order of arrival; what came otherwise is not', async () => {
  const mail = await new MemoryStore().open('mario')
  const a = await fetched(mail, 'a', 'imap:m@x')
  await fetched(mail, 'b', 'pop3:other@x')
  await fetched(mail, 'c', 'import:INBOX')
  const d = await fetched(mail, 'd')
  assert.deepEqual(pending(await plan(mail)), [a, d])
})

test('a message is handed on once for each target, also when it came by two unique-ids', async () => {
  const mail = await new MemoryStore().open('mario')
  const id = await fetched(mail, 'a')
  const message = await mail.read((view) => view.message(id))
  assert.ok(message)
  await mail.change((draft) =>
    draft.know({ account: 'pop3:m@x', uniqueId: 'renamed', nth: 0 }, { ...message, message: id }),
  )
  assert.deepEqual(pending(await plan(mail)), [id])
  await mail.change((draft) => noteHanded(draft, handOnAccount('m@x', target), message))
  assert.deepEqual(pending(await plan(mail)), [])
  assert.equal(await mail.read((view) => countHanded(view, route)), 1)
  assert.deepEqual(pending(await plan(mail, { target: parseHandOnTarget('maildir:/other') })), [id])
})

test('only what came home since the target was added is to be handed on', async () => {
  let now = 1000
  const mail = await new MemoryStore({ now: () => now }).open('mario')
  await fetched(mail, 'a')
  now = 2000
  const b = await fetched(mail, 'b')
  assert.deepEqual(pending(await plan(mail, { since: 2000 })), [b])
})

test('what is done up to some message is not looked at again, unless older mail is wanted', async () => {
  let now = 1000
  const mail = await new MemoryStore({ now: () => now }).open('mario')
  const a = await fetched(mail, 'a')
  now = 2000
  const [b, c, d] = [await fetched(mail, 'b'), await fetched(mail, 'c'), await fetched(mail, 'd')]
  const later = { ...route, since: 1500 }
  const handed = async (...ids: MessageId[]): Promise<void> =>
    await mail.change((draft) => {
      for (const id of ids) noteHanded(draft, handOnAccount('m@x', target), draft.view.message(id) ?? assert.fail())
    })
  await handed(b, d)
  assert.equal((await plan(mail, later)).done, b)
  await handed(c)
  assert.equal((await plan(mail, later)).done, d)
  await mail.change((draft) => noteDone(draft, later, d))
  const e = await fetched(mail, 'e')
  const found = await plan(mail, later)
  assert.deepEqual([pending(found), found.noted, found.done, [...found.troubles]], [[e], d, d, []])
  assert.deepEqual(pending(await plan(mail)), [a, e])
})

test('what was removed here is not to be handed on', async () => {
  const mail = await new MemoryStore().open('mario')
  const id = await fetched(mail, 'a')
  await mail.change((draft) => draft.remove(id))
  assert.deepEqual(pending(await plan(mail)), [])
})

test('what is with somebody else too goes once: not while it is to go from there, and it is noted when it has', async () => {
  const mail = await new MemoryStore().open('mario')
  const id = await fetched(mail, 'a')
  const [entry] = await mail.read((view) => view.ledger('pop3:m@x'))
  assert.ok(entry)
  for (const [handed, settled] of [
    [false, []],
    [true, [id]],
  ] as const) {
    const found = await plan(mail, { elsewhere: new Map([[wayIn(entry), handed]]) })
    assert.deepEqual(pending(found), [])
    assert.deepEqual(
      found.settled.map((message) => message.id),
      settled,
    )
  }
})

test('what is under way to a target is seen by whoever goes there next, whosever it is', async () => {
  const mail = await new MemoryStore().open('mario')
  const id = await fetched(mail, 'a')
  const message = await mail.read((view) => view.message(id))
  assert.ok(message)
  const notes = await mail.change((draft) => noteUnderWay(draft, route, [message], 'a mark'))
  assert.deepEqual((await plan(mail, { address: 'other@x', accounts: ['pop3:other@x'] })).underWay, notes)
  assert.deepEqual(
    notes.map((note) => [note.id, note.mark, note.account]),
    [[id, 'a mark', handOnAccount('m@x', target)]],
  )
  assert.deepEqual((await plan(mail, { target: parseHandOnTarget('maildir:/other') })).underWay, [])
})
