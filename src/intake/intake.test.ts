import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from '../store/memory.ts'
import type { Draft, UserMail } from '../store/store.ts'
import { Intake, type Outcome } from './intake.ts'

const origin = { account: 'pop3:a@b', uniqueId: 'u1', nth: 0, listed: 7 }

async function keep(
  intake: Intake,
  text: string,
  more: Partial<typeof origin> = {},
  mailbox = 'INBOX',
): Promise<Outcome> {
  const staging = intake.stage('wire')
  await staging.write(Buffer.from(text))
  return await intake.keep(await staging.finish(), { mailbox, received: 1, origin: { ...origin, ...more } })
}

test('a message is new once; the same by the same way is known, another by the same way is new', async () => {
  const mail = await new MemoryStore().open('mario')
  const intake = new Intake(mail)
  assert.equal(await keep(intake, 'one\r\n'), 'new')
  assert.equal(await keep(intake, 'one\r\n'), 'known')
  assert.equal(await keep(intake, 'two\r\n'), 'new')
  assert.equal(await keep(intake, 'one\r\n', { nth: 1 }), 'new')
  assert.equal(await keep(intake, 'one\r\n', { uniqueId: 'u2' }), 'new')
  assert.equal((await mail.read((view) => view.messages())).length, 4)
})

test('what is known stays known after it was removed, and is not brought back', async () => {
  const mail = await new MemoryStore().open('mario')
  const intake = new Intake(mail)
  await keep(intake, 'one\r\n')
  await mail.change((draft) => draft.remove(draft.view.messages()[0]?.id ?? assert.fail()))
  assert.equal(await keep(intake, 'one\r\n'), 'known')
  assert.deepEqual(await mail.read((view) => view.messages()), [])
})

test('the size that the other side lists is kept up to date', async () => {
  const mail = await new MemoryStore().open('mario')
  const intake = new Intake(mail)
  await keep(intake, 'one\r\n')
  await keep(intake, 'one\r\n', { listed: 9 })
  assert.deepEqual(
    (await mail.read((view) => view.ledger('pop3:a@b'))).map(({ listed }) => listed),
    [9],
  )
})

test('mail goes into the mailbox that is named, made for it', async () => {
  const mail = await new MemoryStore().open('mario')
  await keep(new Intake(mail), 'one\r\n', {}, 'Work/Bills')
  assert.equal(await mail.read((view) => view.mailbox('Work/Bills')?.messages), 1)
})

test('there is no room while too much waits to become durable, and room again when it is', async () => {
  const mail = await new MemoryStore().open('mario')
  const gate = Promise.withResolvers<void>()
  const slow: UserMail = {
    user: mail.user,
    modseq: () => mail.modseq(),
    read: (look) => mail.read(look),
    change: async <T>(work: (draft: Draft) => T): Promise<T> => {
      await gate.promise
      return await mail.change(work)
    },
    stage: (form) => mail.stage(form),
    bytes: (id) => mail.bytes(id),
    lend: (id, take) => mail.lend(id, take),
    close: () => mail.close(),
  }
  const intake = new Intake(slow)
  assert.equal(intake.room(), undefined)
  const keeping = keep(intake, 'x'.repeat(17 << 20))
  await new Promise((resolve) => setImmediate(resolve))
  const room = intake.room()
  assert.ok(room instanceof Promise)
  gate.resolve()
  await room
  assert.equal(await keeping, 'new')
  assert.equal(intake.room(), undefined)
})
