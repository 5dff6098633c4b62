import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { Directory } from '../accounts/directory.ts'
import { add } from '../store/contract-mail.ts'
import { DiskStore } from '../store/disk.ts'
import type { UserMail } from '../store/store.ts'
import { Notes } from './notes.ts'
import { Output } from './output.ts'
import { LogLines } from './serve-log.ts'
import { Mails } from './serve-mails.ts'
import { Purging } from './serve-purging.ts'

const [hour, day] = [3_600_000, 86_400_000]

interface Bin {
  readonly clock: { now: number }
  readonly directory: Directory
  readonly mail: UserMail
  readonly purging: Purging
  /** Puts a message into the trash. */
  readonly drop: (text: string) => Promise<void>
  /** How many messages are in it. */
  readonly count: () => Promise<number>
  /** Lets time pass, by the timers alone. */
  readonly wait: (milliseconds: number) => Promise<void>
  readonly said: () => Promise<string>
}

/** Mario's trash, from which everything goes after ten days; `serve` has just begun. */
async function bin(t: TestContext): Promise<Bin> {
  const data = await mkdtemp(join(tmpdir(), 'postino-purging-'))
  await mkdir(join(data, 'users'))
  const directory = await Directory.open(data)
  for (const name of ['mario', 'nobody']) await directory.addUser(name, undefined)
  await directory.setSettings('mario', { dele: 'trash', trashDays: 10 })
  const clock = { now: Date.now() }
  const now = (): number => clock.now
  const store = new DiskStore(data, { now })
  const mails = new Mails(store, directory)
  const mail = await mails.borrow('mario')
  const stream = new PassThrough()
  let said = ''
  stream.on('data', (text) => (said += text))
  const output = { output: new Output(stream), notes: new Notes(stream as never, false) }
  const log = new LogLines({ data, json: false, quiet: false, ...output })
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const purging = new Purging({ data, directory, mails, log, now })
  purging.start()
  t.after(async () => {
    await purging.stop()
    t.mock.timers.reset()
    await mails.close()
    await store.close()
    directory.close()
    await rm(data, { recursive: true, force: true })
  })
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
  return {
    clock,
    directory,
    mail,
    purging,
    drop: async (text) => {
      const id = await add(mail, text, { received: clock.now })
      await mail.change((draft) => draft.trash(id))
    },
    count: () => mail.read((view) => view.trashed(Infinity).length),
    wait: async (milliseconds) => {
      t.mock.timers.tick(milliseconds)
      await purging.idle()
    },
    said: async () => {
      log.flush()
      await turn()
      return said
    },
  }
}

test('the trash is emptied by itself of what has been in it for the user’s days, and the log says so', async (t) => {
  const { clock, purging, drop, count, wait, said } = await bin(t)
  await drop('Subject: old\r\n\r\n')
  clock.now += 20 * day
  await drop('Subject: new\r\n\r\n')
  await wait(60_000)
  await wait(hour)
  await purging.stop()
  assert.equal(await count(), 1)
  assert.match(await said(), /purge mario: 1 message of the trash\n$/)
})

test('a clock that was wrong for a while, at the start or later, costs no mail', async (t) => {
  const { clock, purging, drop, count, wait } = await bin(t)
  await drop('Subject: new\r\n\r\n')
  for (const wrong of [1000, 0, 1000, -1000, 0, 1000]) {
    clock.now += wrong * day
    await wait(hour)
    clock.now -= wrong * day
  }
  await purging.stop()
  assert.equal(await count(), 1)
})

test('users who cannot be read are a line in the log, and looked at again', async (t) => {
  const { clock, directory, drop, purging, count, wait, said } = await bin(t)
  await drop('Subject: old\r\n\r\n')
  clock.now += 20 * day
  await wait(60_000)
  const broken = t.mock.method(directory, 'users', () => {
    throw new Error('the disk cannot be read')
  })
  await wait(hour)
  broken.mock.restore()
  assert.match(await said(), /the trash was not emptied: .*the disk cannot be read/)
  await wait(hour)
  await purging.stop()
  assert.equal(await count(), 0)
})

test('a clock that stays ahead costs no mail for a week; that is said once, and rules wait as the trash does', async (t) => {
  const { clock, directory, mail, purging, drop, count, wait, said } = await bin(t)
  await drop('Subject: in the trash\r\n\r\n')
  await add(mail, 'Subject: kept\r\n\r\n', { received: clock.now })
  await directory.rules.add(undefined, { olderThan: 5, what: 'remove' })
  await wait(60_000)
  // Time passes for the timers, but neither for the clock nor for what tells how long the machine has been up.
  clock.now += 400 * day
  for (let looks = 0; looks < 30; looks++) await wait(hour)
  assert.equal(await count(), 1)
  assert.equal(await mail.read((view) => view.messages().length), 2)
  assert.equal((await said()).match(/the clock jumped ahead/g)?.length, 1)
  // Put right again: it was no time at all.
  clock.now -= 400 * day
  for (let looks = 0; looks < 30; looks++) await wait(hour)
  await purging.stop()
  assert.equal(await mail.read((view) => view.messages().length), 2)
})

test('rules are applied at the second look, and then once a day; what is held stays', async (t) => {
  const { clock, directory, mail, purging, wait, said } = await bin(t)
  await directory.rules.add('mario', { olderThan: 30, what: 'trash' })
  const old = { received: clock.now - 40 * day }
  const [first, held] = [await add(mail, 'Subject: 1\r\n\r\n', old), await add(mail, 'Subject: 2\r\n\r\n', old)]
  await mail.change((draft) => draft.placeHold({ message: held }, { why: 'w', by: 'b' }))
  const trashed = (): Promise<readonly number[]> => mail.read((view) => view.trashed(Infinity))
  await wait(60_000)
  assert.deepEqual(await trashed(), [])
  await wait(hour)
  assert.deepEqual(await trashed(), [first])
  assert.match(await said(), /retention mario: 1 message to the trash, 1 held\n$/)
  const second = await add(mail, 'Subject: 3\r\n\r\n', old)
  for (let looks = 0; looks < 23; looks++) await wait(hour)
  assert.deepEqual(await trashed(), [first])
  await wait(hour)
  assert.deepEqual(await trashed(), [first, second])
  await purging.stop()
})
