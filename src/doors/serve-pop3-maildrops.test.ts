import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type UserSettings, usualSettings } from '../accounts/settings.ts'
import { RefusedError, StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { form } from '../pop3/maildrop.ts'
import { english } from '../pop3/texts-en.ts'
import { add } from '../store/contract-mail.ts'
import { MemoryLeases } from '../store/leases.ts'
import { MemoryStore } from '../store/memory.ts'
import { maildropForm, type UserMail } from '../store/store.ts'
import { MaildropRefused, type OpenMaildrop } from './open-maildrop.ts'
import { purgeTrash } from '../rules/trash.ts'
import { resetMaildrop } from './serve-pop3-maildrops-removal.ts'
import { Maildrops } from './serve-pop3-maildrops.ts'

const day = 86_400_000

interface House {
  readonly clock: { now: number }
  readonly settings: { -readonly [Key in keyof UserSettings]: UserSettings[Key] }
  readonly maildrops: Maildrops
  readonly leases: MemoryLeases
  readonly mail: UserMail
  /** Who has mail borrowed now. */
  readonly borrowed: string[]
  readonly add: (text: string) => Promise<MessageId>
  /** Logs in, as `mario` or `mario+device`. */
  readonly enter: (device?: string, address?: string) => Promise<OpenMaildrop>
  /** Logs in and out; gives the subjects, in their order. */
  readonly look: (device?: string) => Promise<string[]>
  /** Logs in, deletes these, and quits. */
  readonly dele: (numbers: readonly number[], device?: string) => Promise<void>
}

async function house(t: TestContext, { sessionsPerUser }: { sessionsPerUser?: number } = {}): Promise<House> {
  const clock = { now: 1_700_000_000_000 }
  const now = (): number => clock.now
  const settings = { ...usualSettings }
  const store = new MemoryStore({ now })
  const mail = await store.open('mario')
  const borrowed: string[] = []
  const leases = new MemoryLeases({ now })
  const maildrops = new Maildrops({
    mails: {
      borrow: async (user) => {
        if (user === 'ghost') throw new StoreError('no-such-user', 'there is no user ghost any more')
        borrowed.push(user)
        return await store.open(user)
      },
      giveBack: ({ user }) => void borrowed.splice(borrowed.indexOf(user), 1),
    },
    settings: () => settings,
    leases,
    sessionsPerUser,
    now,
  })
  t.after(() => maildrops.close())
  const enter: House['enter'] = (device, address = '10.0.0.1') => maildrops.open({ user: 'mario', device, address })
  return {
    clock,
    settings,
    maildrops,
    leases,
    mail,
    borrowed,
    enter,
    add: (text) => add(mail, text, { received: 1 }),
    look: async (device) => {
      const open = await enter(device)
      const texts: string[] = []
      for (let number = 1; number <= open.maildrop.count; number++) texts.push(await text(open, number))
      open.close()
      return texts
    },
    dele: async (numbers, device) => {
      const open = await enter(device)
      assert.equal(await open.update(numbers), numbers.length)
      open.close()
    },
  }
}

async function text(open: OpenMaildrop, number: number): Promise<string> {
  let found = ''
  await open.read(number, (parts) => void (found += Buffer.concat(parts).toString()))
  return found
}

const refused =
  (reason: RefusedError['reason'], said: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof RefusedError)
    assert.equal(error.reason, reason)
    assert.match(error instanceof MaildropRefused ? error.say(english) : error.message, said)
    return true
  }

test('the bits of a message are those of the engine', () => {
  assert.deepEqual(maildropForm, form)
})

test('a second log-in hears from where and for how long the maildrop is in use, until it is closed', async (t) => {
  const { enter, clock, borrowed } = await house(t)
  const first = await enter()
  clock.now += 7000
  await assert.rejects(enter(), refused('in-use', /from 10\.0\.0\.1 for 7 seconds/))
  assert.deepEqual(borrowed, ['mario'])
  first.close()
  assert.deepEqual(borrowed, [])
  const second = await enter()
  second.close()
})

test('a maildrop that cannot be opened is not locked', async (t) => {
  const { maildrops } = await house(t)
  const ghost = { user: 'ghost', device: undefined, address: '10.0.0.1' }
  for (let n = 0; n < 2; n++) await assert.rejects(maildrops.open(ghost), { code: 'no-such-user' })
})

test('a session whose process stood still has lost its maildrop, and changes nothing', async (t) => {
  const { enter, leases, add, look } = await house(t)
  await add('a\r\n')
  const lost = await enter()
  leases.releaseAllOf()
  const taken = await enter(undefined, '10.0.0.2')
  await assert.rejects(lost.update([1]), refused('try-later', /nothing was removed/))
  lost.close()
  await assert.rejects(enter(), refused('in-use', /from 10\.0\.0\.2/))
  taken.close()
  assert.deepEqual(await look(), ['a\r\n'])
})

test('whoever stood still while he waited for others who write has lost his maildrop as well', async (t) => {
  const { leases, mail, settings, add, look } = await house(t)
  await add('a\r\n')
  const gate = Promise.withResolvers<void>()
  const slow: UserMail = Object.assign(Object.create(mail) as UserMail, {
    modseq: () => mail.modseq(),
    read: mail.read.bind(mail),
    change: async (work: Parameters<UserMail['change']>[0]) => {
      await gate.promise
      return await mail.change(work)
    },
  })
  const mails = { borrow: async () => slow, giveBack: () => undefined }
  const maildrops = new Maildrops({ mails, settings: () => settings, leases })
  t.after(() => maildrops.close())
  const open = await maildrops.open({ user: 'mario', device: undefined, address: '10.0.0.1' })
  const updated = open.update([1])
  leases.releaseAllOf()
  gate.resolve()
  await assert.rejects(updated, refused('try-later', /nothing was removed/))
  assert.deepEqual(await look(), ['a\r\n'])
})

test('a log-in that failed does not make the next one wait', async (t) => {
  const { enter, settings, mail } = await house(t)
  settings.loginDelay = 60
  await mail.change((draft) => {
    for (let n = 0; n < 50; n++) draft.openDevice(`d${n}`, 'all')
  })
  await assert.rejects(enter('phone'), refused('no', /50 devices/))
  await mail.change((draft) => draft.removeDevice('d1'))
  const open = await enter('phone')
  open.close()
})

test('what a device deleted is gone from it, also where another door had moved it and it came back', async (t) => {
  const { add, enter, look, mail } = await house(t)
  const id = await add('one\r\n')
  const open = await enter('phone')
  await mail.change((draft) => draft.trash(id))
  assert.equal(await open.update([1]), 1)
  open.close()
  await resetMaildrop(mail)
  assert.deepEqual(await look(), ['one\r\n'])
  assert.deepEqual(await look('phone'), [])
})

test('RFC 2449 §8.1.1: a user who may not log in so soon again is told when', async (t) => {
  const { enter, clock, settings } = await house(t)
  settings.loginDelay = 60
  const first = await enter()
  assert.equal(first.policy.loginDelay, 60)
  first.close()
  clock.now += 15_000
  await assert.rejects(enter(), refused('login-delay', /45 seconds/))
  clock.now += 45_000
  const second = await enter()
  second.close()
})

test('a snapshot is not touched by what arrives, and the next log-in sees it', async (t) => {
  const { enter, add, look } = await house(t)
  await add('one\r\n')
  const open = await enter()
  await add('two\r\n')
  assert.equal(open.maildrop.count, 1)
  assert.equal(await text(open, 1), 'one\r\n')
  open.close()
  assert.deepEqual(await look(), ['one\r\n', 'two\r\n'])
})

test('a maildrop in which nothing changed is the same one, listings and all', async (t) => {
  const { enter, add } = await house(t)
  await add('one\r\n')
  const [first, second] = [await enter(), await enter('phone')]
  first.close()
  second.close()
  const again = await enter()
  const phone = await enter('phone')
  assert.equal(phone.maildrop, second.maildrop)
  assert.notEqual(phone.maildrop, again.maildrop)
  again.close()
  phone.close()
})

test('two devices of one user, one deleting, one leaving: each sees what it should', async (t) => {
  const { add, look, dele, enter } = await house(t)
  await add('one\r\n')
  await add('two\r\n')
  assert.deepEqual(await look('phone'), ['one\r\n', 'two\r\n'])
  await dele([1, 2], 'laptop')
  await add('three\r\n')
  assert.deepEqual(await look('phone'), ['one\r\n', 'two\r\n', 'three\r\n'])
  assert.deepEqual(await look('laptop'), ['three\r\n'])
  assert.deepEqual(await look(), ['one\r\n', 'two\r\n', 'three\r\n'])
  // They are open at the same time.
  const all = [await enter(), await enter('phone'), await enter('laptop')]
  for (const open of all) open.close()
})

test('a new device can begin with what is new', async (t) => {
  const { add, look, settings } = await house(t)
  await add('old\r\n')
  settings.newDevices = 'new'
  assert.deepEqual(await look('phone'), [])
  settings.newDevices = 'all'
  await add('new\r\n')
  assert.deepEqual(await look('phone'), ['new\r\n'])
})

test('a device has a name that can be one, and there are not more than fifty', async (t) => {
  const { enter, mail, borrowed } = await house(t)
  await assert.rejects(enter('a b'), refused('no', /name of a device/))
  await mail.change((draft) => {
    for (let n = 0; n < 50; n++) draft.openDevice(`d${n}`, 'all')
  })
  await assert.rejects(enter('one-more'), refused('no', /50 devices/))
  assert.deepEqual(borrowed, [])
  const known = await enter('d7')
  known.close()
})

test('there is a limit to a user’s sessions, and who names no device always has room', async (t) => {
  const { enter } = await house(t, { sessionsPerUser: 2 })
  const first = await enter('a')
  await enter('b')
  await assert.rejects(enter('c'), refused('try-later', /too many sessions/))
  await enter()
  first.close()
})

test('DELE hides unless the user chose otherwise: nothing is lost, and it can be brought back', async (t) => {
  const { add, look, dele, mail } = await house(t)
  await add('one\r\n')
  await add('two\r\n')
  await dele([1])
  assert.deepEqual(await look(), ['two\r\n'])
  assert.equal((await mail.read((view) => view.messages())).length, 2)
  await dele([1, 2], 'phone')
  assert.deepEqual(await resetMaildrop(mail), { shown: 1, fromTrash: 0 })
  assert.deepEqual(await look(), ['one\r\n', 'two\r\n'])
  assert.deepEqual(await look('phone'), [])
  assert.deepEqual(await resetMaildrop(mail, 'phone'), { shown: 2, fromTrash: 0 })
  assert.deepEqual(await look('phone'), ['one\r\n', 'two\r\n'])
})

test('DELE can mean the trash, which is purged after the user’s days; until then it can be brought back', async (t) => {
  const { add, look, dele, mail, settings, clock } = await house(t)
  settings.dele = 'trash'
  settings.trashDays = 10
  await add('one\r\n')
  await add('two\r\n')
  await add('three\r\n')
  await dele([1])
  clock.now += 5 * day
  await dele([1])
  assert.deepEqual(await look(), ['three\r\n'])
  assert.deepEqual(await look('phone'), ['three\r\n'])
  assert.equal(await mail.read((view) => view.mailbox('Trash')?.messages), 2)
  clock.now += 5 * day
  const purge = async (now: number): Promise<number> => (await purgeTrash(mail, settings.trashDays, now)).removed
  assert.equal(await purge(clock.now), 0)
  assert.equal(await purge(clock.now + 1), 1)
  assert.deepEqual(await resetMaildrop(mail), { shown: 0, fromTrash: 1 })
  assert.deepEqual(await look(), ['two\r\n', 'three\r\n'])
  assert.equal(await purge(clock.now + 100 * day), 0)
})

test('DELE can mean for good; but a device only ever deletes for itself', async (t) => {
  const { add, look, dele, mail, settings } = await house(t)
  settings.dele = 'expunge'
  await add('one\r\n')
  await add('two\r\n')
  await dele([1], 'phone')
  assert.equal((await mail.read((view) => view.messages())).length, 2)
  await dele([1])
  assert.equal((await mail.read((view) => view.messages())).length, 1)
  assert.deepEqual(await look(), ['two\r\n'])
})

test('what another door took away meanwhile counts as removed, and what it put elsewhere stays there', async (t) => {
  const { add, enter, mail, settings } = await house(t)
  settings.dele = 'expunge'
  const [gone, moved] = [await add('one\r\n'), await add('two\r\n')]
  await add('three\r\n')
  const open = await enter()
  await mail.change((draft) => {
    draft.remove(gone)
    draft.move(moved, draft.openMailbox('Archive'))
  })
  assert.equal(await open.update([1, 2, 3]), 3)
  open.close()
  assert.deepEqual(
    (await mail.read((view) => view.messages())).map(({ id }) => id),
    [moved],
  )
})

test('a log-out that deletes nothing writes nothing', async (t) => {
  const { add, enter, mail } = await house(t)
  await add('one\r\n')
  const before = mail.modseq()
  const open = await enter()
  assert.equal(await open.update([]), 0)
  open.close()
  assert.equal(mail.modseq(), before)
})

test('RFC 2449 §6.7: what has been here for the user’s days is in no maildrop any more, but is kept', async (t) => {
  const { add, look, enter, settings, clock, mail } = await house(t)
  await add('old\r\n')
  settings.expireDays = 3
  clock.now += 3 * day - 1
  await add('new\r\n')
  const open = await enter()
  assert.equal(open.policy.expire, 3)
  assert.equal(open.maildrop.count, 2)
  open.close()
  clock.now += 3_600_001
  assert.deepEqual(await look(), ['new\r\n'])
  assert.deepEqual(await look('phone'), ['new\r\n'])
  assert.equal((await mail.read((view) => view.messages())).length, 2)
  settings.expireDays = undefined
  assert.deepEqual(await look(), ['old\r\n', 'new\r\n'])
})
