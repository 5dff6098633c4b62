import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { setImmediate as soon } from 'node:timers/promises'
import { Directory } from '../accounts/directory.ts'
import { octetsOf, stage } from '../store/contract-mail.ts'
import { DiskStore } from '../store/disk.ts'
import type { Staged } from '../store/store.ts'
import { Notes } from './notes.ts'
import { Output } from './output.ts'
import { Counters, metricsText } from './serve-counters.ts'
import { LogLines } from './serve-log.ts'
import { type SettleSettings, Settling, type SettlingOptions } from './serve-settling.ts'

const text = (number: number): string => `Subject: message ${number}\r\n\r\n${'The same line of text.\r\n'.repeat(200)}`
const count = 50

/** Mail of these users, written a moment ago and never settled, and what settles it however little it is. */
async function house(t: TestContext, users: readonly string[], more: Partial<SettlingOptions> = {}) {
  const data = await mkdtemp(join(tmpdir(), 'postino-settling-'))
  const directory = await Directory.open(data)
  const store = new DiskStore(data)
  for (const name of users) {
    await directory.addUser(name, undefined)
    const mail = await store.open(name)
    const staged: Staged[] = []
    for (let number = 0; number < count; number++) staged.push(await stage(mail, text(number)))
    await mail.change((draft) => {
      for (const one of staged) draft.add(one, { mailbox: draft.openMailbox('INBOX'), received: 0 })
    })
  }
  const stream = new PassThrough()
  let said = ''
  stream.on('data', (octets) => (said += String(octets)))
  const output = { output: new Output(stream), notes: new Notes(stream as never, false) }
  const log = new LogLines({ data, json: false, quiet: false, ...output })
  const counters = new Counters()
  const settings: { -readonly [Key in keyof SettleSettings]: SettleSettings[Key] } = { enabled: true, hours: undefined }
  const settling = new Settling({
    data,
    directory,
    counters,
    log,
    settings: () => settings,
    onBattery: () => false,
    // However busy this machine is.
    others: () => 0,
    thresholds: { enough: 1, little: 1, old: 0, rest: -1000 },
    ...more,
  })
  t.after(async () => {
    await settling.stop()
    await store.close()
    directory.close()
    await rm(data, { recursive: true, force: true })
  })
  return {
    data,
    store,
    settling,
    settings,
    metrics: () => metricsText(counters.tally.all(), settling.gauges()),
    segments: (user: string) => readdir(join(data, 'users', user, 'segments')),
    said: async () => {
      log.flush()
      await soon()
      return said
    },
  }
}

const isSettled = (names: readonly string[]): boolean => names.some((name) => /-\d+\.zst$/.test(name))

test('what rests is settled, user by user, and reads as before; the log and the metrics tell', async (t) => {
  const { store, settling, segments, said, metrics } = await house(t, ['anna', 'mario'])
  await settling.look()
  for (const user of ['anna', 'mario']) assert.ok(isSettled(await segments(user)))
  assert.match(await said(), /settle anna: 50 messages, [\d.]+ kB, now [\d.]+ kB/)
  const mail = await store.open('mario')
  const ids = await mail.read((view) => view.messages().map(({ id }) => id))
  assert.equal(ids.length, count)
  for (const [number, id] of ids.entries()) assert.equal((await octetsOf(mail, id)).toString(), text(number))
  assert.deepEqual((await store.check('mario')).problems, [])
  assert.match(metrics(), /^postino_settle_messages_total 100$/m)
  const octets = (when: string): number =>
    Number(new RegExp(`^postino_settle_octets_${when}_total (\\d+)$`, 'm').exec(metrics())?.[1])
  assert.ok(octets('after') < octets('before') / 4, metrics())
  assert.match(metrics(), /^postino_settle_last_timestamp_seconds \d/m)
})

test('turned off, on battery, or at another time of day, nothing is settled; then it is', async (t) => {
  let battery = false
  // Tomorrow, for what was written a moment ago must be past.
  const clock = new Date(Date.now() + 86_400_000)
  clock.setHours(12, 0)
  const { settling, settings, segments } = await house(t, ['mario'], {
    onBattery: () => battery,
    now: () => clock.getTime(),
  })
  const stays = async (): Promise<void> => {
    await settling.look()
    assert.deepEqual(await segments('mario'), ['0000000001.zst'])
  }
  settings.enabled = false
  await stays()
  settings.enabled = true
  battery = true
  await stays()
  battery = false
  settings.hours = { from: 60, to: 360 }
  await stays()
  clock.setHours(3, 0)
  await settling.look()
  assert.ok(isSettled(await segments('mario')))
})

test('a user whose mail cannot be settled is a line in the log, and the next one has a turn', async (t) => {
  const { data, store, settling, segments, said } = await house(t, ['anna', 'mario'])
  await store.close()
  for (const more of ['-wal', '-shm']) await rm(join(data, 'users/anna', `index.sqlite${more}`), { force: true })
  await writeFile(join(data, 'users/anna/index.sqlite'), 'no database, but long enough to be taken for one'.repeat(100))
  await settling.look()
  assert.ok(isSettled(await segments('mario')))
  assert.match(await said(), /the mail of anna is not settled: .*check --rebuild/)
})

test('what becomes forbidden in the middle leaves off, and the next time it goes on', async (t) => {
  let asked = 0
  let battery = false
  const pulled = Promise.withResolvers<void>()
  const { store, settling, segments } = await house(t, ['anna', 'mario'], {
    onBattery: () => {
      // Asked at the look, and before the first user: the plug is pulled when her mail is begun.
      if (++asked === 2)
        setImmediate(() => {
          battery = true
          void settling.look().then(pulled.resolve)
        })
      return battery
    },
  })
  await settling.look()
  await pulled.promise
  assert.ok(!isSettled(await segments('mario')))
  for (const user of ['anna', 'mario']) assert.deepEqual((await store.check(user)).problems, [])
  battery = false
  await settling.look()
  for (const user of ['anna', 'mario']) {
    assert.ok(isSettled(await segments(user)))
    assert.deepEqual((await store.check(user)).problems, [])
  }
})
