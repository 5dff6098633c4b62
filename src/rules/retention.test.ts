import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RetentionRule, StoredRule } from '../accounts/retention-rule.ts'
import type { MessageId } from '../ids.ts'
import { add } from '../store/contract-mail.ts'
import { MemoryStore } from '../store/memory.ts'
import type { Addition, UserMail } from '../store/store.ts'
import { applyRetention, type RetentionOptions, type RetentionReport, type RetentionStep } from './retention.ts'

const day = 86_400_000
const now = 1_800_000_000_000

function numbered(...rules: readonly RetentionRule[]): StoredRule[] {
  return rules.map((rule, place) => ({ id: place + 1, user: undefined, rule, created: 0 }))
}

/** Mario's mail, and how to put a message of some age into one of its mailboxes. */
async function box(): Promise<{
  mail: UserMail
  put: (days: number, mailbox?: string, addition?: Partial<Addition>, text?: string) => Promise<MessageId>
  where: () => Promise<Record<number, string>>
  apply: (rules: readonly StoredRule[], options?: Partial<RetentionOptions>) => Promise<RetentionReport>
}> {
  const mail = await new MemoryStore({ now: () => now }).open('mario')
  return {
    mail,
    put: async (days, mailbox = 'INBOX', addition = {}, text = 'Subject: x\r\n\r\n') => {
      const into = await mail.change((draft) => draft.openMailbox(mailbox))
      return await add(mail, text, { received: now - days * day, ...addition, mailbox: into })
    },
    where: () =>
      mail.read((view) => {
        const names = new Map(view.mailboxes().map(({ id, name }) => [id, name]))
        return Object.fromEntries(view.messages().map(({ id, mailbox }) => [id, names.get(mailbox) ?? '']))
      }),
    apply: (rules, options = {}) => applyRetention(mail, rules, { now, clockSteady: true, ...options }),
  }
}

test('by age: what was received more than so many days ago goes to the trash, and not what is a moment younger', async () => {
  const { put, where, apply } = await box()
  const [old, just, young] = [await put(30.001), await put(30), await put(1)]
  const report = await apply(numbered({ olderThan: 30, what: 'trash' }))
  assert.deepEqual(report, { trashed: 1, removed: 0, held: 0, waiting: [] })
  assert.deepEqual(await where(), { [old]: 'Trash', [just]: 'INBOX', [young]: 'INBOX' })
})

test('by size, counted on the wire; and what is in the trash already stays there for its days', async () => {
  const { mail, put, where, apply } = await box()
  const text = 'Subject: x\n\n12345\n'
  const octets = text.length + 3
  const [one, small, trashed] = [
    await put(1, 'INBOX', {}, text),
    await put(1, 'INBOX', {}, 'x\n'),
    await put(1, 'INBOX', {}, text),
  ]
  await mail.change((draft) => draft.trash(trashed))
  assert.equal((await apply(numbered({ largerThan: octets, what: 'remove' }))).removed, 0)
  assert.equal((await apply(numbered({ largerThan: octets - 1, what: 'remove' }))).removed, 1)
  assert.deepEqual(await where(), { [small]: 'INBOX', [trashed]: 'Trash' })
  assert.equal(await mail.read((view) => view.message(one)), undefined)
})

test('by mailbox: the one named, or all below it too, and none that is only spelt alike', async () => {
  const { put, where, apply } = await box()
  const [inbox, lists, below, alike] = [
    await put(9),
    await put(9, 'Lists'),
    await put(9, 'Lists/dev'),
    await put(9, 'Listserv'),
  ]
  await apply(numbered({ olderThan: 1, mailbox: 'Lists', what: 'trash' }))
  assert.deepEqual(await where(), { [inbox]: 'INBOX', [lists]: 'Trash', [below]: 'Lists/dev', [alike]: 'Listserv' })
  await apply(numbered({ olderThan: 1, mailbox: 'Lists', below: true, what: 'trash' }))
  assert.deepEqual(await where(), { [inbox]: 'INBOX', [lists]: 'Trash', [below]: 'Trash', [alike]: 'Listserv' })
})

test('by account: what it brought in, by either protocol, whole or only the header, wherever it is now', async () => {
  const { mail, put, where, apply } = await box()
  const from = (account: string, uniqueId: string): Partial<Addition> => ({ origin: { account, uniqueId, nth: 0 } })
  const [pop3, imap, header, other, none] = [
    await put(9, 'INBOX', from('pop3:a@x.it', '1')),
    await put(9, 'Work', from('imap:a@x.it', '1')),
    await put(9, 'INBOX', from('header:pop3:a@x.it', '2')),
    await put(9, 'INBOX', from('pop3:aa@x.it', '1')),
    await put(9),
  ]
  await apply(numbered({ olderThan: 1, account: 'a@x.it', what: 'trash' }))
  const all = await where()
  assert.deepEqual(
    [pop3, imap, header, other, none].map((id) => all[id]),
    ['Trash', 'Trash', 'Trash', 'INBOX', 'INBOX'],
  )
  const back = await mail.read((view) => view.message(imap)?.trashedFrom)
  assert.equal(back, await mail.read((view) => view.mailbox('Work')?.id))
})

test('what is flagged stays, unless the rule says otherwise', async () => {
  const { mail, put, apply } = await box()
  const id = await put(9)
  await mail.change((draft) => draft.setFlags(id, ['\\Seen', '\\Flagged']))
  assert.equal((await apply(numbered({ olderThan: 1, what: 'trash' }))).trashed, 0)
  assert.equal((await apply(numbered({ olderThan: 1, evenFlagged: true, what: 'trash' }))).trashed, 1)
})

test('the first rule that fits counts', async () => {
  const { put, where, apply } = await box()
  const [old, older] = [await put(9), await put(90)]
  const rules = numbered(
    { olderThan: 30, what: 'trash' },
    { olderThan: 5, what: 'remove' },
    { olderThan: 80, what: 'remove' },
  )
  assert.deepEqual(await apply(rules), { trashed: 1, removed: 1, held: 0, waiting: [] })
  assert.deepEqual(await where(), { [older]: 'Trash' })
  assert.notEqual(old, older)
})

test('dry run: each message that would go, and why; nothing is done', async () => {
  const { mail, put, where, apply } = await box()
  const [old, held, young] = [await put(40), await put(50, 'Case'), await put(1)]
  await mail.change((draft) => draft.placeHold({ mailbox: 'Case' }, { why: 'case 17', by: 'anna' }))
  const before = await mail.read((view) => view.modseq)
  const steps: RetentionStep[] = []
  const report = await apply(numbered({ olderThan: 30, what: 'remove' }), {
    dryRun: true,
    onStep: (step) => void steps.push(step),
  })
  assert.deepEqual(report, { trashed: 0, removed: 1, held: 1, waiting: [] })
  assert.deepEqual(
    steps.map(({ id, mailbox, what, why }) => [id, mailbox, what, why]),
    [
      [old, 'INBOX', 'remove', 'rule 1: it was received 40 days ago'],
      [held, 'Case', 'held', 'rule 1: it was received 50 days ago; but the hold 1 is on it (case 17)'],
    ],
  )
  assert.equal(await mail.read((view) => view.modseq), before)
  assert.deepEqual(Object.keys(await where()).map(Number), [old, held, young])
})

test('where the clock is not to be believed nothing goes for its age; by size alone it does', async () => {
  const { put, where, apply } = await box()
  const [old, large] = [await put(400), await put(1, 'INBOX', {}, 'x'.repeat(100))]
  const rules = numbered(
    { olderThan: 30, what: 'remove' },
    { olderThan: 1, largerThan: 50, what: 'remove' },
    { largerThan: 50, what: 'trash' },
  )
  const report = await apply(rules, { clockSteady: false })
  assert.deepEqual(
    { ...report, waiting: report.waiting.map(({ id }) => id) },
    {
      trashed: 1,
      removed: 0,
      held: 0,
      waiting: [1, 2],
    },
  )
  assert.deepEqual(await where(), { [old]: 'INBOX', [large]: 'Trash' })
})

test('more messages than one transaction takes, and others that come in between', async () => {
  const { mail, put, apply } = await box()
  const first = await put(9)
  const { hash, size } = (await mail.read((view) => view.message(first))) ?? assert.fail()
  const staging = mail.stage()
  void staging.write(Buffer.from('Subject: x\r\n\r\n'))
  const staged = await staging.finish()
  assert.deepEqual([staged.hash, staged.size], [hash, size])
  await mail.change((draft) => {
    const mailbox = draft.openMailbox('INBOX')
    for (let n = 0; n < 2500; n++) draft.add(staged, { mailbox, received: now - (n % 2 === 0 ? 9 : 1) * day })
  })
  const modseq = await mail.read((view) => view.modseq)
  const report = await apply(numbered({ olderThan: 5, what: 'trash' }))
  assert.equal(report.trashed, 1251)
  assert.equal(await mail.read((view) => view.mailbox('Trash')?.messages), 1251)
  assert.ok((await mail.read((view) => view.modseq)) - modseq > 1, 'it was one transaction')
  assert.equal((await apply(numbered({ olderThan: 5, what: 'trash' }))).trashed, 0)
})

test('somebody who flags a message in the last moment keeps it', async () => {
  const { mail, put, apply } = await box()
  const id = await put(9)
  const change = mail.change.bind(mail)
  // What another process did between the look and the change.
  mail.change = async (work) => {
    mail.change = change
    await change((draft) => draft.setFlags(id, ['\\Flagged']))
    return await change(work)
  }
  assert.equal((await apply(numbered({ olderThan: 1, what: 'remove' }))).removed, 0)
  assert.ok(await mail.read((view) => view.message(id)))
})

test('a run that is stopped leaves off between two transactions', async () => {
  const { put, apply, where } = await box()
  const id = await put(9)
  const signal = AbortSignal.abort()
  assert.equal((await apply(numbered({ olderThan: 1, what: 'remove' }), { signal })).removed, 0)
  assert.deepEqual(await where(), { [id]: 'INBOX' })
})
