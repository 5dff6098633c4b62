import assert from 'node:assert/strict'
import { MisuseError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { add, type It, stage } from './contract-mail.ts'
import { maildropForm, type MaildropRows, type UserMail, type View } from './store.ts'

function uniqueIdsOf({ uniqueIds, uniqueIdEnds }: MaildropRows): string[] {
  const all = Buffer.from(uniqueIds).toString('latin1')
  return [...uniqueIdEnds].map((end, place) => all.slice(place === 0 ? 0 : uniqueIdEnds[place - 1], end))
}

const ids = (mail: UserMail, device?: string): Promise<number[]> => mail.read((view) => [...view.maildrop(device).ids])

/** What every store must do for POP3: maildrops, devices, the trash. */
export function maildropContract(it: It): void {
  it('a new maildrop is empty', async (mail) => {
    const drop = await mail.read((view) => view.maildrop())
    assert.deepEqual([drop.count, drop.ids.length, drop.uniqueIds.length], [0, 0, 0])
  })

  it('the maildrop is INBOX without what is hidden', async (mail) => {
    const all = [await add(mail, '1\r\n'), await add(mail, '2\r\n'), await add(mail, '3\r\n')] as const
    await mail.change((draft) => {
      draft.hide(all[0], true)
      draft.move(all[1], draft.openMailbox('Archive/2026'))
    })
    assert.deepEqual(await ids(mail), [all[2]])
    assert.deepEqual(await mail.read((view) => view.hidden()), [all[0]])
    await mail.change((draft) => draft.hide(all[0], false))
    assert.deepEqual(await ids(mail), [all[0], all[2]])
    assert.equal(await mail.read((view) => view.mailbox('Archive/2026')?.messages), 1)
    assert.equal(await mail.read((view) => view.mailbox('inbox')?.messages), 2)
  })

  it('its columns say of each message what it is', async (mail) => {
    const bodies = ['a: b\r\n\r\nc\r\n', 'a: b\n\n.c\n', 'From: è@x.it\r\n\r\nc']
    for (const body of bodies) await add(mail, body)
    const { drop, messages } = await mail.read((view) => ({ drop: view.maildrop(), messages: view.messages() }))
    assert.equal(drop.count, 3)
    assert.deepEqual([...drop.octets], [11, 12, 20])
    const { lf, international, noDots } = maildropForm
    assert.deepEqual([...drop.forms], [noDots, lf, international | noDots])
    assert.deepEqual([...drop.surrogates], [[3, 83]])
    assert.deepEqual(
      uniqueIdsOf(drop),
      messages.map(({ uniqueId }) => uniqueId),
    )
  })

  it('a maildrop of many messages has them all, in their order, also where INBOX is the lesser part', async (mail) => {
    const staged = await stage(mail, 'x\r\n')
    const count = 9000
    await mail.change((draft) => {
      const inbox = draft.openMailbox('INBOX')
      for (let n = 0; n < count; n++) draft.add(staged, { mailbox: inbox, received: n })
      for (let n = 1; n <= count; n += 3) draft.hide(n as MessageId, true)
    })
    const expected = Array.from({ length: count }, (_, n) => n + 1).filter((n) => n % 3 !== 1)
    const whole = await mail.read((view) => view.maildrop())
    assert.deepEqual([...whole.ids], expected)
    assert.equal(new Set(uniqueIdsOf(whole)).size, expected.length)
    assert.equal(
      whole.octets.reduce((sum, octets) => sum + octets, 0),
      3 * expected.length,
    )
    const few = new Set(expected.filter((n) => n % 10 === 0))
    await mail.change((draft) => {
      const other = draft.openMailbox('Other')
      const inbox = draft.openMailbox('INBOX')
      for (const n of expected) if (!few.has(n)) draft.move(n as MessageId, other)
      // Back again, it has the newest UID, but is where it arrived.
      draft.move(30 as MessageId, other)
      draft.move(30 as MessageId, inbox)
    })
    assert.deepEqual(await ids(mail), [...few])
    staged.discard()
  })

  it('a device has a maildrop of its own, with all there is or with what is new', async (mail) => {
    const [first, second] = [await add(mail, '1\r\n'), await add(mail, '2\r\n')]
    await mail.change((draft) => {
      draft.hide(first, true)
      draft.openDevice('phone', 'all')
      draft.openDevice('tablet', 'new')
    })
    const third = await add(mail, '3\r\n')
    assert.deepEqual(await ids(mail, 'phone'), [first, second, third])
    assert.deepEqual(await ids(mail, 'tablet'), [third])
    await mail.change((draft) => draft.hide(second, true, 'phone'))
    assert.deepEqual(await ids(mail, 'phone'), [first, third])
    assert.deepEqual(await ids(mail, 'tablet'), [third])
    assert.deepEqual(await ids(mail), [second, third])
    assert.deepEqual(await mail.read((view) => view.hidden('phone')), [second])
    await mail.change((draft) => {
      draft.hide(second, false, 'phone')
      draft.hide(third, true, 'tablet')
      // Opened again, it stays as it is.
      draft.openDevice('tablet', 'all')
    })
    assert.deepEqual(await ids(mail, 'phone'), [first, second, third])
    assert.deepEqual(await ids(mail, 'tablet'), [])
    await mail.change((draft) => draft.remove(first))
    assert.deepEqual(await ids(mail, 'phone'), [second, third])
  })

  it('devices can be listed and removed; a removed one begins anew', async (mail) => {
    const id = await add(mail, '1\r\n')
    await mail.change((draft) => {
      draft.openDevice('tablet', 'all')
      draft.openDevice('phone', 'new')
      draft.hide(id, true, 'tablet')
    })
    const list = (): Promise<unknown[]> =>
      mail.read((view) => view.devices().map(({ name, since, hidden }) => [name, since, hidden]))
    assert.deepEqual(await list(), [
      ['phone', id + 1, 0],
      ['tablet', 1, 1],
    ])
    await mail.change((draft) => draft.remove(id))
    assert.deepEqual(await list(), [
      ['phone', id + 1, 0],
      ['tablet', 1, 0],
    ])
    const second = await add(mail, '2\r\n')
    await mail.change((draft) => draft.hide(second, true, 'tablet'))
    await mail.change((draft) => draft.removeDevice('tablet'))
    assert.equal(await mail.read((view) => view.hasDevice('tablet')), false)
    await mail.change((draft) => draft.openDevice('tablet', 'all'))
    assert.deepEqual(await ids(mail, 'tablet'), [second])
  })

  it('what a device cannot be called, and a device that is not there, is said', async (mail) => {
    const id = await add(mail, '1\r\n')
    for (const name of ['', 'a b', 'téléphone', '+x', '../x', 'x'.repeat(33), 'a\0'])
      await assert.rejects(
        mail.change((draft) => draft.openDevice(name, 'all')),
        MisuseError,
        name,
      )
    for (const name of ['a', 'iPhone-13', 'tablet_2.1']) await mail.change((draft) => draft.openDevice(name, 'all'))
    const looks: ((view: View) => unknown)[] = [(view) => view.maildrop('nobody'), (view) => view.hidden('nobody')]
    for (const look of looks) await assert.rejects(mail.read(look), MisuseError)
    await assert.rejects(
      mail.change((draft) => draft.hide(id, true, 'nobody')),
      MisuseError,
    )
    await mail.change((draft) => draft.removeDevice('nobody'))
  })

  it('what POP3 puts into the trash is noted with its time, until it is moved again', async (mail) => {
    const all = [await add(mail, '1\r\n'), await add(mail, '2\r\n'), await add(mail, '3\r\n')] as const
    const before = Date.now()
    await mail.change((draft) => {
      draft.trash(all[0])
      draft.trash(all[1])
      draft.move(all[2], draft.openMailbox('Trash'))
    })
    const after = Date.now() + 1
    assert.deepEqual(await mail.read((view) => view.trashed(after)), [all[0], all[1]])
    assert.deepEqual(await mail.read((view) => view.trashed(before)), [])
    assert.deepEqual(await ids(mail), [])
    const noted = await mail.read((view) => view.message(all[0])?.trashed)
    assert.ok(noted !== undefined && noted >= before && noted < after)
    await mail.change((draft) => {
      draft.move(all[0], draft.openMailbox('INBOX'))
      // Put there by hand, it stays there.
      draft.move(all[1], draft.openMailbox('Trash'))
    })
    assert.deepEqual(await mail.read((view) => view.trashed(after)), [])
    assert.deepEqual(await ids(mail), [all[0]])
    assert.equal(await mail.read((view) => view.mailbox('Trash')?.messages), 2)
  })

  it('a maildrop can leave out what was stored long ago', async (mail) => {
    const id = await add(mail, '1\r\n', { received: 5 })
    const stored = (await mail.read((view) => view.message(id)?.stored)) ?? 0
    assert.ok(Math.abs(stored - Date.now()) < 60_000)
    assert.deepEqual(await mail.read((view) => [...view.maildrop(undefined, stored).ids]), [id])
    assert.deepEqual(await mail.read((view) => [...view.maildrop(undefined, stored + 1).ids]), [])
  })
}
