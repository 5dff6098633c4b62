import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FetchOptions, FetchReport } from '../../src/doors/fetching.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { HostileBench, letter } from './hostile-bench.ts'
import type { Hostility, RemoteMessage } from './hostile-pop3.ts'

/** Each test ends by itself: a hanging server must not hang us. */
const limit = { timeout: 600_000 }

const day = 86_400_000

function letters(count: number): RemoteMessage[] {
  return Array.from({ length: count }, (_, place) => named(`id-${place}`, String(10_000 + place)))
}

function named(uniqueId: string, name: string): RemoteMessage {
  return letter(uniqueId, `Message-ID: <${name}@example.it>\r\nSubject: ${name}\r\n\r\nText.\r\n`)
}

/** Fetches, also from a small maildrop as from a large one. */
function fetch(bench: HostileBench, hostility: Hostility = {}, options: FetchOptions = {}): Promise<FetchReport> {
  return bench.fetch(hostility, { fewest: 0, ...options })
}

/** What was asked of the server between log-in and QUIT in the last session. */
function asked(bench: HostileBench): string[] {
  return bench.lastVerbs().filter((verb) => !['CAPA', 'AUTH', 'USER', 'PASS', 'QUIT'].includes(verb))
}

/** With everything home, and its listing known. */
async function settled(messages = letters(5), options: { disk?: boolean } = {}): Promise<HostileBench> {
  const bench = await HostileBench.open({ messages, ...options })
  assert.equal((await fetch(bench)).new, messages.length)
  return bench
}

/** That nobody looked closely, and everything is home. */
async function expectSkipped(
  bench: HostileBench,
  hostility: Hostility = {},
  options: FetchOptions = {},
): Promise<void> {
  const report = await fetch(bench, hostility, options)
  assert.deepEqual([report.new, report.failed, report.problems, report.error], [0, 0, [], undefined])
  assert.equal(report.skipped + report.waiting, bench.server.messages.length)
  await bench.server.idle()
  assert.deepEqual(asked(bench), ['STAT', 'UIDL'])
  assert.equal(bench.lastVerbs().at(-1), 'QUIT')
}

/** That somebody looked closely. */
async function expectLooked(
  bench: HostileBench,
  hostility: Hostility = {},
  options: FetchOptions = {},
): Promise<FetchReport> {
  const report = await fetch(bench, hostility, options)
  await bench.server.idle()
  assert.ok(asked(bench).includes('LIST'), `it asked ${asked(bench).join(', ')} only`)
  return report
}

test('a listing that is as it was when everything was home is not looked at closely', limit, async () => {
  for (const capabilities of [undefined, ['UIDL', 'USER']]) {
    const hostility = capabilities === undefined ? {} : { capabilities }
    await using bench = await settled()
    await expectSkipped(bench, hostility)
    await expectSkipped(bench, { ...hostility, pieces: 7 })
    bench.arrive(named('new', 'new'))
    assert.equal((await expectLooked(bench, hostility)).new, 1)
    await expectSkipped(bench, hostility)
    await bench.expectAllHome({ fewest: 0 })
  }
})

test('whatever changes at the server is seen', limit, async () => {
  const [first, ...rest] = letters(5)
  assert.ok(first !== undefined)
  const changes: Record<string, { messages: RemoteMessage[]; come: number }> = {
    'one is gone': { messages: rest, come: 0 },
    'they are in another order': { messages: [...rest, first], come: 0 },
    'one is gone, and one has come': { messages: [...rest, named('id-x', 'xxxxx')], come: 1 },
    'the same sizes by other names': { messages: [...rest, named('id-9', '10009')], come: 1 },
    'a name has been given to a message of another size': {
      messages: [named(first.uniqueId, 'somebody else'), ...rest],
      come: 1,
    },
    'all are new': { messages: letters(5).map((one) => ({ ...one, uniqueId: `n${one.uniqueId.slice(1)}` })), come: 0 },
    nothing: { messages: [], come: 0 },
  }
  for (const [what, { messages, come }] of Object.entries(changes)) {
    await using bench = await settled()
    bench.server.messages = []
    for (const message of messages) bench.arrive(message)
    const { new: fetched, error } = await expectLooked(bench)
    // What is called otherwise now was in it twice, to the judge.
    assert.deepEqual([fetched, error], [come, undefined], what)
  }
})

test('a server that says of STAT what it does not say of LIST is always asked LIST', limit, async () => {
  for (const reply of ['+OK\r\n', '-ERR no\r\n', '+OK many\r\n', '+OK 5 1\r\n']) {
    await using bench = await settled()
    const odd = { instead: { STAT: reply } }
    assert.equal((await expectLooked(bench, odd)).error, undefined)
    bench.arrive(named('new', 'new'))
    assert.equal((await expectLooked(bench, odd)).new, 1)
    await bench.expectAllHome({ fewest: 0 })
  }
  // Listed sizes that are not the true ones.
  await using bench = await HostileBench.open({ messages: letters(3) })
  const listedSize = (_: number, real: number): number => real + 1
  assert.equal((await expectLooked(bench, { listedSize })).new, 3)
  assert.equal((await expectLooked(bench, { listedSize })).new, 0)
})

test('a listing that once has no unique-ids, or only some, is never taken for one that is known', limit, async () => {
  const odd: Hostility[] = [{ unknown: ['UIDL'] }, { uniqueId: (number, own) => (number === 2 ? undefined : own) }]
  for (const hostility of odd) {
    await using bench = await HostileBench.open({ messages: letters(4) })
    for (let round = 0; round < 2; round++) await expectLooked(bench, hostility)
    await bench.expectAllHome({ fewest: 0 })
    await expectSkipped(bench)
    assert.equal((await expectLooked(bench, hostility)).new, 0)
  }
})

test('as long as something cannot be had it is tried again', limit, async () => {
  await using bench = await HostileBench.open({ messages: letters(4) })
  const refuse = { number: 2, times: 2 }
  for (let round = 0; round < 2; round++) assert.equal((await expectLooked(bench, { refuse })).failed, 1)
  assert.equal((await expectLooked(bench)).new, 1)
  await expectSkipped(bench)
})

test('what breaks off is gone on with', limit, async () => {
  await using bench = await settled()
  for (let place = 0; place < 4; place++) bench.arrive(named(`late-${place}`, `late-${place}`))
  const broken = await fetch(bench, { drop: { number: 8, after: 20 } })
  assert.equal(broken.error?.code, 'connection-lost')
  const messages = bench.server.messages
  // As it was when everything was home, and then the rest again.
  bench.server.messages = messages.slice(0, 5)
  await expectLooked(bench)
  bench.server.messages = messages
  await bench.expectAllHome({ fewest: 0 })
  await expectSkipped(bench)
})

test('a server that ends or hangs in the middle of it harms nothing', limit, async () => {
  await using bench = await settled()
  for (const at of ['STAT', 'UIDL']) {
    assert.equal((await fetch(bench, { close: at })).error?.code, 'connection-lost')
    assert.equal((await fetch(bench, { hang: at })).error?.code, 'timed-out')
  }
  const endless = await bench.fetchUnjudged({ endless: { at: 'UIDL', what: 'line' } }, { fewest: 0 })
  assert.equal(endless.error?.code, 'line-too-long')
  const longest = await bench.fetchUnjudged({ endless: { at: 'UIDL', what: 'lines' } }, { fewest: 0, longest: 1000 })
  assert.equal(longest.error?.code, 'reply-too-long')
  await expectSkipped(bench)
})

test('one that loses an answer is found out', limit, async () => {
  for (const verb of ['STAT', 'UIDL']) {
    await using bench = await settled()
    const report = await fetch(bench, { lose: { verb, nth: 1 } })
    assert.equal(report.new, 0)
    await bench.expectAllHome({ fewest: 0 })
  }
})

test('other options, and what is asked for by name, are a reason to look', limit, async () => {
  await using bench = await settled([
    ...letters(3),
    letter('large', `Subject: large\r\n\r\n${'Text.\r\n'.repeat(100)}`),
  ])
  await expectSkipped(bench)
  assert.equal((await expectLooked(bench, {}, { dryRun: true })).skipped, 4)
  await expectLooked(bench, {}, { choice: { only: new Set(['id-1']) } })
  await expectLooked(bench, {}, { partial: true })
  await expectSkipped(bench)
  bench.leave = { newest: 4 }
  await expectLooked(bench)
  await expectSkipped(bench)
  bench.leave = { newest: 3 }
  assert.equal((await expectLooked(bench)).deleted, 1)
})

test('what is too large waits, and comes when it may', limit, async () => {
  const large = letter('large', `Subject: large\r\n\r\n${'Text.\r\n'.repeat(100)}`)
  await using bench = await HostileBench.open({ messages: [...letters(3), large] })
  const small: FetchOptions = { choice: { largest: 500 } }
  assert.deepEqual([(await fetch(bench, {}, small)).new], [3])
  await expectSkipped(bench, {}, small)
  const { waiting, skipped } = await fetch(bench, {}, small)
  assert.deepEqual([waiting, skipped], [1, 3])
  // A header is no message that was there, to the judge.
  const header: FetchOptions = { fewest: 0, choice: { largest: 500, beyond: 'header' } }
  assert.equal((await bench.fetchUnjudged({}, header)).waiting, 1)
  assert.ok(asked(bench).includes('TOP'))
  assert.equal((await bench.fetchUnjudged({}, header)).waiting, 1)
  assert.deepEqual([asked(bench).includes('LIST'), asked(bench).includes('TOP')], [true, false])
  assert.equal((await bench.fetchUnjudged({}, header)).waiting, 1)
  assert.deepEqual(asked(bench), ['STAT', 'UIDL'])
  await bench.fetchUnjudged({}, { fewest: 0, choice: { only: new Set(['large']) } })
  await bench.expectAllHome({ fewest: 0 })
})

test('what is enough for a day is no end of it', limit, async () => {
  await using bench = await HostileBench.open({ messages: letters(3) })
  const budget = { octets: 100, whole: true }
  for (let left = 3; left > 0; left--) assert.equal((await expectLooked(bench, {}, { choice: { budget } })).new, 1)
  await expectSkipped(bench, {}, { choice: { budget } })
})

test('what goes for its age goes in time', limit, async () => {
  await using bench = await HostileBench.open({ messages: letters(3) })
  bench.leave = 10
  await fetch(bench)
  bench.ahead = 9 * day
  await expectSkipped(bench)
  bench.ahead = 10 * day + 60_000
  assert.equal((await expectLooked(bench)).deleted, 3)
  assert.deepEqual(bench.server.messages, [])
})

test('mail that was put back, made again or lost at home is never believed to hold what it held', limit, async () => {
  await using bench = await settled(letters(3), { disk: true })
  const data = bench.data ?? assert.fail()
  const mail = join(data, 'users', 'mario')
  const backup = join(data, 'backup')
  await bench.restart(() => cp(mail, backup, { recursive: true }))
  bench.arrive(named('late', 'late'))
  assert.equal((await fetch(bench)).new, 1)
  await expectSkipped(bench)
  // Put back, and changed as often as it was changed before.
  await bench.restart(async () => {
    await rm(mail, { recursive: true })
    await cp(backup, mail, { recursive: true })
    await inMail(data, async (store) => {
      const home = await store.open('mario')
      for (let round = 0; round < 3; round++) await home.change((draft) => draft.openMailbox(`Folder ${round}`))
    })
  })
  assert.equal((await expectLooked(bench)).new, 1)
  await expectSkipped(bench)
  await bench.restart(() => inMail(data, async (store) => void (await store.rebuild('mario'))))
  await expectSkipped(bench)
  await bench.restart(() => rm(mail, { recursive: true }))
  assert.equal((await expectLooked(bench)).new, 4)
  await expectSkipped(bench)
})

test('where a record at home is lost, what it was about is fetched again', limit, async () => {
  await using bench = await settled(letters(3), { disk: true })
  const data = bench.data ?? assert.fail()
  await bench.restart(async () => {
    const mail = join(data, 'users', 'mario')
    const folder = join(mail, 'segments')
    const [name = ''] = await readdir(folder)
    const octets = await readFile(join(folder, name))
    const place = octets.indexOf('"id-0"')
    assert.ok(place > 0)
    // With what follows it, and without the index that knew of it, so that nothing can be put together again.
    for (const end of ['', '-wal', '-shm']) await rm(join(mail, `index.sqlite${end}`), { force: true })
    octets.fill('x', place - 200, place + 250)
    await writeFile(join(folder, name), octets)
    await inMail(data, async (store) => assert.equal((await store.rebuild('mario')).damage.length > 0, true))
  })
  assert.ok((await expectLooked(bench)).new > 0)
  await bench.expectAllHome({ fewest: 0 })
  await expectSkipped(bench)
})

async function inMail(data: string, work: (store: DiskStore) => Promise<void>): Promise<void> {
  const store = new DiskStore(data)
  try {
    await work(store)
  } finally {
    await store.close()
  }
}
