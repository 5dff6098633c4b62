import assert from 'node:assert/strict'
import { MisuseError, StoreError } from '../errors.ts'
import type { Hash, HoldId, MessageId } from '../ids.ts'
import { add, type It, stage } from './contract-mail.ts'
import type { HoldScope, UserMail } from './store.ts'

const about = { why: 'case 17', by: 'anna' }

const hold = (mail: UserMail, scope: HoldScope): Promise<HoldId> =>
  mail.change((draft) => draft.placeHold(scope, about))

/** Which of these messages a hold keeps from being removed, found by trying. */
async function stay(mail: UserMail, ids: readonly MessageId[]): Promise<MessageId[]> {
  return await mail.change((draft) => ids.filter((id) => !draft.remove(id)))
}

/** What every store must do for who limits, deletes and holds: a quota, the way back out of the trash, legal holds. */
export function keepingContract(it: It): void {
  it('how much is kept is known exactly, whatever comes, moves and goes', async (mail) => {
    const ids = [await add(mail, 'Subject: a\n\na\n'), await add(mail, 'bb\r\n'), await add(mail, 'bb\r\n')] as const
    // On the wire each LF is CRLF, and equal octets are two messages.
    const amounts = (): Promise<unknown> =>
      mail.read((view) => [view.octets(), ...view.mailboxes().map(({ name, octets }) => `${name} ${octets}`)])
    assert.deepEqual(await amounts(), [25, 'INBOX 25'])
    await mail.change((draft) => draft.move(ids[0], draft.openMailbox('Archive')))
    assert.deepEqual(await amounts(), [25, 'INBOX 8', 'Archive 17'])
    await mail.change((draft) => {
      draft.trash(ids[1])
      draft.hide(ids[2], true)
    })
    assert.deepEqual(await amounts(), [25, 'INBOX 4', 'Archive 17', 'Trash 4'])
    await mail.change((draft) => draft.remove(ids[0]))
    assert.deepEqual(await amounts(), [8, 'INBOX 4', 'Archive 0', 'Trash 4'])
    await assert.rejects(
      mail.change((draft) => {
        draft.remove(ids[1])
        throw new MisuseError('state', 'on purpose')
      }),
      MisuseError,
    )
    assert.deepEqual(await amounts(), [8, 'INBOX 4', 'Archive 0', 'Trash 4'])
  })

  it('a quota is kept, changed and taken away', async (mail) => {
    const quota = (): Promise<number | undefined> => mail.read((view) => view.quota())
    assert.equal(await quota(), undefined)
    await mail.change((draft) => draft.setQuota(1000))
    assert.equal(await quota(), 1000)
    await assert.rejects(
      mail.change((draft) => {
        draft.setQuota(5)
        throw new MisuseError('state', 'on purpose')
      }),
      MisuseError,
    )
    assert.equal(await quota(), 1000)
    await mail.change((draft) => draft.setQuota(0))
    assert.equal(await quota(), 0)
    await mail.change((draft) => draft.setQuota(undefined))
    assert.equal(await quota(), undefined)
    for (const wrong of [-1, 1.5, Number.NaN, Infinity])
      await assert.rejects(
        mail.change((draft) => draft.setQuota(wrong)),
        MisuseError,
      )
  })

  it('where a message was before the trash is known, as long as it is there', async (mail) => {
    const id = await add(mail, '1\r\n')
    const from = (): Promise<unknown> => mail.read((view) => view.message(id)?.trashedFrom)
    const archive = await mail.change((draft) => {
      const mailbox = draft.openMailbox('Archive')
      draft.move(id, mailbox)
      return mailbox
    })
    assert.equal(await from(), undefined)
    await mail.change((draft) => draft.trash(id))
    assert.equal(await from(), archive)
    // Once more is no other place.
    await mail.change((draft) => draft.trash(id))
    assert.equal(await from(), archive)
    await mail.change((draft) => draft.move(id, archive))
    assert.equal(await from(), undefined)
  })

  it('what a hold is on is not removed: one message, a mailbox and all below, an account, all there is', async (mail) => {
    const origin = { account: 'pop3:a', uniqueId: 'u', nth: 0 }
    const ids = [
      await add(mail, '1\r\n'),
      await add(mail, '2\r\n'),
      await add(mail, '3\r\n'),
      await add(mail, '4\r\n', { origin }),
    ] as const
    await mail.change((draft) => {
      draft.move(ids[1], draft.openMailbox('Case/17'))
      draft.move(ids[2], draft.openMailbox('Cases'))
    })
    const scopes: readonly [HoldScope, MessageId[]][] = [
      [{ message: ids[0] }, [ids[0]]],
      [{ mailbox: 'Case' }, [ids[1]]],
      [{ mailbox: 'inbox' }, [ids[0], ids[3]]],
      [{ accounts: ['pop3:b', 'pop3:a'] }, [ids[3]]],
      [{}, [...ids]],
    ]
    for (const [scope, expected] of scopes) {
      const number = await hold(mail, scope)
      const held = await mail.read((view) => ids.filter((id) => view.holdsOn(id).length > 0))
      assert.deepEqual(held, expected)
      assert.deepEqual(await stay(mail, expected), expected)
      assert.equal(await mail.read((view) => view.messages().length), ids.length)
      await mail.change((draft) => draft.releaseHold(number, { note: 'over', by: 'anna' }))
    }
    assert.deepEqual(await stay(mail, ids), [])
    assert.equal(await mail.read((view) => view.messages().length), 0)
  })

  it('a hold takes what comes later, and keeps what it has wherever that goes', async (mail) => {
    const [first, second] = [await add(mail, '1\r\n'), await add(mail, '2\r\n')]
    const number = await hold(mail, { mailbox: 'Case' })
    await hold(mail, { accounts: ['pop3:a'] })
    await mail.change((draft) => draft.move(first, draft.openMailbox('Case/17')))
    // Out again, and into the trash.
    await mail.change((draft) => draft.move(first, draft.openMailbox('INBOX')))
    await mail.change((draft) => draft.trash(first))
    const came = await add(mail, '3\r\n', { origin: { account: 'pop3:a', uniqueId: 'u', nth: 0 } })
    const { hash, size } = await mail.read((view) => view.message(second) ?? { hash: '' as Hash, size: 0 })
    await mail.change((draft) =>
      draft.know({ account: 'pop3:a', uniqueId: 'v', nth: 0 }, { hash, size, message: second }),
    )
    assert.deepEqual(await stay(mail, [first, second, came]), [first, second, came])
    await mail.change((draft) => draft.releaseHold(number, { note: 'over', by: 'anna' }))
    assert.deepEqual(await stay(mail, [first, second, came]), [second, came])
  })

  it('what the same change has added and takes away again was never there for a hold', async (mail) => {
    await hold(mail, {})
    const staged = await stage(mail, '1\r\n')
    const gone = await mail.change((draft) =>
      draft.remove(draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 0 })),
    )
    staged.discard()
    assert.equal(gone, true)
    assert.equal(await mail.read((view) => view.messages().length), 0)
  })

  it('a hold says who, why and when, and is not forgotten when it is released', async (mail) => {
    const before = Date.now()
    const number = await hold(mail, { mailbox: 'Case' })
    const [placed] = await mail.read((view) => view.holds())
    assert.ok(placed !== undefined && placed.placed >= before && placed.placed <= Date.now())
    assert.deepEqual(
      { ...placed, placed: 0 },
      {
        id: 1,
        mailbox: 'Case',
        accounts: undefined,
        message: undefined,
        ...about,
        placed: 0,
        released: undefined,
      },
    )
    await mail.change((draft) => draft.releaseHold(number, { note: 'settled', by: 'luigi' }))
    const [released] = await mail.read((view) => view.holds())
    assert.ok(released?.released !== undefined && released.released.at >= placed.placed)
    assert.deepEqual({ ...released.released, at: 0 }, { note: 'settled', by: 'luigi', at: 0 })
    assert.equal(await hold(mail, {}), 2)
    assert.equal((await mail.read((view) => view.holds())).length, 2)
  })

  it('what cannot be held or released is said', async (mail) => {
    const id = await add(mail, '1\r\n')
    const number = await hold(mail, { message: id })
    await mail.change((draft) => draft.releaseHold(number, { note: 'over', by: 'anna' }))
    const still = await hold(mail, { message: id })
    const wrong: ((mail: UserMail) => Promise<unknown>)[] = [
      (its) => hold(its, { message: 99 as MessageId }),
      (its) => hold(its, { message: id, mailbox: 'INBOX' }),
      (its) => hold(its, { mailbox: 'a//b' }),
      (its) => its.change((draft) => draft.placeHold({}, { why: ' ', by: 'anna' })),
      (its) => its.change((draft) => draft.releaseHold(still, { note: '', by: 'anna' })),
      (its) => its.change((draft) => draft.releaseHold(number, { note: 'again', by: 'anna' })),
      (its) => its.change((draft) => draft.releaseHold(9 as HoldId, { note: 'none', by: 'anna' })),
    ]
    for (const one of wrong) await assert.rejects(one(mail), MisuseError)
    assert.equal((await mail.read((view) => view.holds())).length, 2)
  })

  it('a user whose mail is held is not removed', async (mail, store) => {
    const id = await add(mail, '1\r\n')
    const number = await hold(mail, { message: id })
    await assert.rejects(store.remove('mario'), (error) => error instanceof StoreError && error.code === 'held')
    const there = await store.open('mario')
    assert.equal(await there.read((view) => view.messages().length), 1)
    await there.change((draft) => draft.releaseHold(number, { note: 'over', by: 'anna' }))
    await store.remove('mario')
    assert.equal(await (await store.open('mario')).read((view) => view.messages().length), 0)
  })
}
