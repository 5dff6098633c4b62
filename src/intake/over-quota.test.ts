import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import { Intake, type ToKeep } from './intake.ts'
import { mustFit, roomLeft } from './over-quota.ts'

async function withQuota(octets: number): Promise<{ mail: UserMail; intake: Intake }> {
  const mail = await new MemoryStore().open('mario')
  await mail.change((draft) => draft.setQuota(octets))
  return { mail, intake: new Intake(mail) }
}

async function toKeep(intake: Intake, text: string, uniqueId: string, replaces?: MessageId): Promise<ToKeep> {
  const staging = intake.stage('wire')
  await staging.write(Buffer.from(text))
  const origin = { account: 'pop3:a@b', uniqueId, nth: 0 }
  return { staged: await staging.finish(), delivery: { mailbox: 'INBOX', received: 1, origin, replaces } }
}

const isOver = (error: unknown): boolean => error instanceof StoreError && error.code === 'over-quota'

test('what just fits comes in, and one octet more does not; it says what there is and what to do', async () => {
  const { mail, intake } = await withQuota(14)
  await intake.keepAll([await toKeep(intake, 'a: b\r\n\r\n', '1')])
  assert.equal(await mail.read(roomLeft), 6)
  await assert.rejects(intake.keepAll([await toKeep(intake, 'a: bc\r\n', '2')]), (error) => {
    assert.ok(isOver(error))
    assert.equal(
      (error as Error).message,
      'there is no room for 7 octets more: mario has 8 of 14 octets that may be kept; delete some mail and empty the trash, or give more with `postino quota mario AMOUNT`',
    )
    return true
  })
  assert.deepEqual(await intake.keepAll([await toKeep(intake, 'a: b\r\n', '3')]), ['new'])
  assert.equal(await mail.read(roomLeft), 0)
})

test('of many that come together, the first that fit come in; what is known needs no room', async () => {
  const { mail, intake } = await withQuota(20)
  const all = await Promise.all(['1', '2', '3', '4'].map((id) => toKeep(intake, 'a: b\r\n\r\n', id)))
  await assert.rejects(intake.keepAll(all), isOver)
  assert.equal(await mail.read((view) => view.octets()), 16)
  assert.deepEqual(await intake.keepAll([await toKeep(intake, 'a: b\r\n\r\n', '1')]), ['known'])
  await mail.change((draft) => draft.remove(draft.view.messages()[0]?.id ?? assert.fail()))
  assert.deepEqual(await intake.keepAll([await toKeep(intake, 'a: b\r\n\r\n', '3')]), ['new'])
})

test('messages that are under way at once do not come in together where only one of them fits', async () => {
  const { mail, intake } = await withQuota(10)
  const both = [await toKeep(intake, 'a: b\r\n\r\n', '1'), await toKeep(intake, 'a: c\r\n\r\n', '2')]
  const ended = await Promise.allSettled(both.map((one) => intake.keepAll([one])))
  assert.deepEqual(ended.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  assert.equal(await mail.read((view) => view.octets()), 8)
})

test('a quota that is less than what is there takes nothing away, and lets nothing in', async () => {
  const { mail, intake } = await withQuota(100)
  await intake.keepAll([await toKeep(intake, 'a: b\r\n\r\n', '1')])
  await mail.change((draft) => draft.setQuota(5))
  assert.equal(await mail.read(roomLeft), 0)
  await assert.rejects(
    mail.read((view) => mustFit(view, 'mario', 1)),
    isOver,
  )
  assert.equal(await mail.read((view) => view.messages().length), 1)
})

test('a header that a hold is on stays when its message comes', async () => {
  const { mail, intake } = await withQuota(1000)
  await intake.keepAll([await toKeep(intake, 'a: b\r\n\r\n', 'header')])
  const header = await mail.read((view) => view.messages()[0]?.id)
  await mail.change((draft) => draft.placeHold({ message: header }, { why: 'w', by: 'b' }))
  assert.deepEqual(await intake.keepAll([await toKeep(intake, 'a: b\r\n\r\nc\r\n', 'whole', header)]), ['new'])
  assert.equal(await mail.read((view) => view.messages().length), 2)
})
