import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parseHandOnTarget } from '../../src/accounts/hand-on-target.ts'
import { handOnAccount, planHandOn } from '../../src/doors/hand-on-book.ts'
import { handOn, type HandOnOptions, type HandOnReport } from '../../src/doors/hand-on.ts'
import { StoreError } from '../../src/errors.ts'
import type { MessageId } from '../../src/ids.ts'
import { add } from '../../src/store/contract-mail.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { UserMail } from '../../src/store/store.ts'
import { Random } from '../corpus/generate-random.ts'
import { type Fate, ImapTarget, type Manners } from './imap-target.ts'

const address = 'mario@example.it'
const accounts = [`pop3:${address}`]
const begin = Date.UTC(2021, 5, 1)

async function target(t: TestContext, manners: Manners = {}): Promise<ImapTarget> {
  const server = await ImapTarget.start(manners)
  t.after(() => server.down())
  return server
}

/** Mail with so many messages, every fifth of them the same. */
async function mailWith(count: number, account = accounts[0] ?? ''): Promise<UserMail> {
  const mail = await new MemoryStore().open('mario')
  await fetched(mail, count, account)
  return mail
}

async function fetched(mail: UserMail, count: number, account = accounts[0] ?? ''): Promise<void> {
  for (let n = 0; n < count; n++) {
    const name = n % 5 === 4 ? 'the same' : `message ${n} of ${account}`
    await add(mail, `Subject: ${name}\r\n\r\n${'line\r\n'.repeat(n)}`.slice(0, n % 5 === 4 ? 25 : undefined), {
      origin: { account, uniqueId: `u${n}`, nth: 0 },
      received: begin + n * 1000,
    })
  }
}

async function run(mail: UserMail, server: ImapTarget, more: Partial<HandOnOptions> = {}): Promise<HandOnReport> {
  const options = { address, accounts, target: parseHandOnTarget(server.url()), since: 0 }
  return await handOn({ mail, ...options, secret: { password: 'secret' }, settle: 50, ...more })
}

async function textsOf(mail: UserMail): Promise<string[]> {
  const messages = await mail.read((view) => view.messages())
  return await Promise.all(
    messages.map(async ({ id }) => {
      const pieces: Uint8Array[] = []
      for await (const piece of mail.bytes(id)) pieces.push(piece)
      return Buffer.concat(pieces).toString('latin1')
    }),
  )
}

async function assertOnceEach(mail: UserMail, server: ImapTarget): Promise<void> {
  assert.deepEqual(server.texts().toSorted(), (await textsOf(mail)).toSorted())
  const left = await mail.read((view) =>
    planHandOn(view, { address, accounts, target: parseHandOnTarget(server.url()), since: 0 }),
  )
  assert.deepEqual([left.pending, left.underWay], [[], []])
}

const fine = { refused: 0, waiting: 0, problems: [], error: undefined }

for (const [what, manners] of [
  ['all that helps', {}],
  ['neither LITERAL+ nor UIDPLUS', { capabilities: 'IMAP4rev1 AUTH=PLAIN', withoutUidPlus: true }],
  ['LITERAL-', { capabilities: 'IMAP4rev1 LITERAL- UIDPLUS SASL-IR AUTH=PLAIN' }],
  ['LOGIN only', { capabilities: 'IMAP4rev1' }],
] as const) {
  test(`each message goes once, in order, with its date and octets, to a server that has ${what}`, async (t) => {
    const server = await target(t, manners)
    const mail = await mailWith(150)
    assert.deepEqual(await run(mail, server), { ...fine, handed: 150 })
    assert.deepEqual(
      server.messages.filter(({ octets }) => !octets.includes('the same')).map(({ octets }) => octets.toString()),
      (await textsOf(mail)).filter((text) => !text.includes('the same')),
    )
    await assertOnceEach(mail, server)
    assert.equal(server.messages[0]?.date, '01-Jun-2021 00:00:00 +0000')
    assert.deepEqual(await run(mail, server), { ...fine, handed: 0 })
    assert.equal(server.sessions, 1)
  })
}

test('flags go along, but for those that are matters of one side', async (t) => {
  const server = await target(t)
  const mail = await new MemoryStore().open('mario')
  const origin = { account: accounts[0] ?? '', uniqueId: 'u', nth: 0 }
  await add(mail, 'x\r\n', { origin, flags: ['\\Seen', '$Forwarded', '\\Deleted', '$HeaderOnly'] })
  await run(mail, server)
  assert.deepEqual(server.messages[0]?.flags, ['\\Seen', '$Forwarded'])
})

test('a token that is good no more is asked for anew, with SASL-IR and without', async (t) => {
  for (const capabilities of ['IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2', 'IMAP4rev1 AUTH=XOAUTH2']) {
    const server = await target(t, { capabilities })
    const asked: (string | undefined)[] = []
    const token = (refused?: string): Promise<string> => {
      asked.push(refused)
      return Promise.resolve(refused === undefined ? 'stale' : 'fresh')
    }
    assert.equal((await run(await mailWith(3), server, { secret: { token } })).handed, 3)
    assert.deepEqual(asked, [undefined, 'stale'])
  }
})

test('a mailbox that is not there is made', async (t) => {
  const server = await target(t)
  server.exists = false
  const mail = await mailWith(3)
  assert.deepEqual(await run(mail, server), { ...fine, handed: 3 })
  assert.ok(server.commands.includes('CREATE "INBOX"'))
})

// A connection that breaks during APPEND, in each way, at each of the first messages.
for (const [what, fate] of [
  ['when it has stored the message', 'store-and-drop'],
  ['and stores the message a moment later', { storeLate: 20 }],
  ['behind the literal, and stores nothing', 'drop'],
  ['at the first octet', { dropAfter: 0 }],
  ['within the literal', { dropAfter: 20 }],
] as [string, Fate][]) {
  for (const capabilities of ['IMAP4rev1 LITERAL+ UIDPLUS AUTH=PLAIN', 'IMAP4rev1 AUTH=PLAIN']) {
    test(`a server that breaks off ${what} (${capabilities}): nothing is lost, nothing doubled`, async (t) => {
      for (const broken of [1, 2, 5, 10, 11, 12]) {
        const manners: Manners = {
          capabilities,
          withoutUidPlus: !capabilities.includes('UIDPLUS'),
          fate: (number) => (number === broken ? fate : 'take'),
        }
        const server = await target(t, manners)
        const mail = await mailWith(12)
        assert.deepEqual({ ...(await run(mail, server)), problems: [] }, { ...fine, handed: 12 })
        await assertOnceEach(mail, server)
      }
    })
  }
}

test('a server that changes line ends and NULs in keeping a message is understood all the same', async (t) => {
  const server = await target(t, {
    fate: (number) => (number === 1 ? 'store-and-drop' : 'take'),
    // As Dovecot does.
    alter: (octets) =>
      Buffer.from(octets.toString('latin1').replace(/\r?\n/g, '\r\n').replaceAll('\0', '\x80'), 'latin1'),
  })
  const mail = await new MemoryStore().open('mario')
  const origin = { account: accounts[0] ?? '', uniqueId: 'u', nth: 0 }
  await add(mail, 'Subject: x\n\nbare LF\nand a NUL \0\n', { origin })
  assert.equal((await run(mail, server)).handed, 1)
  assert.equal(server.messages.length, 1)
})

test('equal messages are as many there, also when every second APPEND breaks off', async (t) => {
  const fates: Fate[] = ['store-and-drop', 'take', 'drop', 'take', { storeLate: 10 }, 'take']
  const server = await target(t, { fate: (number) => fates[number % fates.length] ?? 'take' })
  const mail = await new MemoryStore().open('mario')
  for (let n = 0; n < 6; n++)
    await add(mail, 'Subject: the same\r\n\r\n', { origin: { account: accounts[0] ?? '', uniqueId: `u${n}`, nth: 0 } })
  for (let times = 0; (await run(mail, server)).waiting + (await run(mail, server)).refused > 0; times++)
    assert.ok(times < 20)
  assert.equal(server.messages.length, 6)
})

test('whatever becomes of each APPEND, in the end each message is there once', async (t) => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed)
    const fates: Fate[] = [
      'take',
      'take',
      'take',
      'store-and-drop',
      'drop',
      { storeLate: 15 },
      { dropAfter: 10 },
      { no: 'not now' },
      { no: 'not now', before: true },
    ]
    const chosen = new Map<number, Fate>()
    const server = await target(t, {
      capabilities: seed % 2 === 0 ? 'IMAP4rev1 LITERAL+ UIDPLUS AUTH=PLAIN' : 'IMAP4rev1 AUTH=PLAIN',
      withoutUidPlus: seed % 3 === 0,
      fate: (number) => {
        const fate = chosen.get(number) ?? fates[random.between(0, fates.length - 1)] ?? 'take'
        chosen.set(number, fate)
        return fate
      },
    })
    const mail = await mailWith(20)
    for (let times = 0; ; times++) {
      const { waiting, refused } = await run(mail, server)
      if (waiting + refused === 0) break
      assert.ok(times < 60, `seed ${seed} does not come to an end`)
    }
    // One that is taken for lost, and stored late, would have come by then.
    await server.settled()
    await assertOnceEach(mail, server)
  }
})

test('one that the server cannot bear stops no other, and is told', async (t) => {
  const server = await target(t, { fate: (_, octets) => (octets.includes('message 3') ? 'drop' : 'take') })
  const mail = await mailWith(12)
  const { handed, refused, waiting, problems, error } = await run(mail, server)
  assert.deepEqual([handed, refused, waiting, error], [11, 1, 0, undefined])
  assert.match(problems.join('\n'), /message 4 was under way when the connection broke/)
  server.manners = {}
  assert.equal((await run(mail, server)).handed, 1)
  await assertOnceEach(mail, server)
})

test('one that is refused is told with the server’s words and tried again with back-off; the rest goes on', async (t) => {
  let no = true
  const server = await target(t, {
    fate: (_, octets) => (no && octets.includes('message 3') ? { no: '[LIMIT] too odd' } : 'take'),
  })
  const mail = await mailWith(12)
  let now = begin
  const options = { backOff: true, now: () => now }
  const first = await run(mail, server, options)
  assert.deepEqual([first.handed, first.refused, first.error], [11, 1, undefined])
  assert.match(first.problems[0] ?? '', /message 4 was not taken: .* refused it: NO \[LIMIT\] too odd/)
  no = false
  assert.deepEqual(await run(mail, server, options), { ...fine, handed: 0, refused: 1 })
  now += 7 * 60_000
  assert.deepEqual(await run(mail, server, options), { ...fine, handed: 1 })
  await assertOnceEach(mail, server)
})

test('what is removed here is not handed on any more, and its trouble is forgotten', async (t) => {
  const server = await target(t, { fate: () => ({ no: 'never' }) })
  const mail = await mailWith(2)
  assert.equal((await run(mail, server)).refused, 2)
  await mail.change((draft) => draft.remove(1 as MessageId))
  server.manners = {}
  assert.deepEqual(await run(mail, server), { ...fine, handed: 1 })
  const account = handOnAccount(address, parseHandOnTarget(server.url()))
  assert.deepEqual(await mail.read((view) => view.troubles(account)), [])
})

test('a target that was down for a while is left in peace meanwhile, and then gets everything', async (t) => {
  const server = await target(t)
  const mail = await mailWith(30)
  await server.down()
  let now = begin
  const options = { backOff: true, now: () => now }
  const first = await run(mail, server, options)
  assert.deepEqual([first.handed, first.waiting], [0, 30])
  assert.match(first.error?.message ?? '', /nothing listens there/)
  await server.up()
  assert.deepEqual(await run(mail, server, options), { ...fine, handed: 0, waiting: 30 })
  assert.equal(server.sessions, 0)
  now += 7 * 60_000
  assert.deepEqual(await run(mail, server, options), { ...fine, handed: 30 })
  await assertOnceEach(mail, server)
})

test('a server that ends each session after some messages gets them all', async (t) => {
  const server = await target(t, { perSession: 7 })
  const mail = await mailWith(40)
  assert.deepEqual({ ...(await run(mail, server)), problems: [] }, { ...fine, handed: 40 })
  await assertOnceEach(mail, server)
})

test('a mailbox that was made anew while a message was under way gets it once', async (t) => {
  const server = await target(t, { fate: (number) => (number === 3 ? 'store-and-drop' : 'take') })
  const mail = await mailWith(3)
  // The process ends here: the first look is not done.
  const stop = new AbortController()
  server.manners = {
    fate: (number) => {
      if (number !== 3) return 'take'
      stop.abort()
      return 'store-and-drop'
    },
  }
  assert.equal((await run(mail, server, { signal: stop.signal })).error?.message, 'stopped')
  server.uidValidity = 2
  server.messages = server.messages.map((message, place) => ({ ...message, uid: place + 1 }))
  server.manners = {}
  assert.deepEqual({ ...(await run(mail, server)), handed: 0 }, { ...fine, handed: 0 })
  await assertOnceEach(mail, server)
})

test('two accounts hand on to one mailbox: what one had under way is found by the other', async (t) => {
  const server = await target(t)
  const mail = await mailWith(5)
  await fetched(mail, 5, 'pop3:other@example.it')
  const stop = new AbortController()
  server.manners = {
    fate: (number) => {
      if (number < 4) return 'take'
      stop.abort()
      return 'store-and-drop'
    },
  }
  await run(mail, server, { signal: stop.signal })
  server.manners = {}
  // The other account has an equal message, too, which must not be taken for the first one's.
  const other = { address: 'other@example.it', accounts: ['pop3:other@example.it'] }
  assert.deepEqual(await run(mail, server, other), { ...fine, handed: 5 })
  await run(mail, server)
  assert.deepEqual(server.texts().toSorted(), (await textsOf(mail)).toSorted())
})

test('what IMAP cannot carry is refused, visibly: NULs without BINARY, and what is larger than the server takes', async (t) => {
  const server = await target(t, { capabilities: 'IMAP4rev1 LITERAL+ AUTH=PLAIN APPENDLIMIT=1000' })
  const mail = await mailWith(1)
  const origin = (uniqueId: string): { account: string; uniqueId: string; nth: number } => ({
    account: accounts[0] ?? '',
    uniqueId,
    nth: 0,
  })
  await add(mail, 'Subject: NUL\r\n\r\n\0\r\n', { origin: origin('a') })
  await add(mail, `Subject: large\r\n\r\n${'x'.repeat(1000)}\r\n`, { origin: origin('b') })
  const { handed, refused, problems } = await run(mail, server)
  assert.deepEqual([handed, refused], [1, 2])
  assert.match(problems.join('\n'), /NUL octets.*BINARY[^]*has 1020 octets, and .* takes 1000/)
  server.manners = {}
  assert.equal((await run(mail, server)).handed, 2)
  await assertOnceEach(mail, server)
})

test('a message that cannot be read at home, at once or at its end, is told, and the rest goes on', async (t) => {
  const server = await target(t)
  const mail = await mailWith(6)
  const large = await add(mail, Buffer.alloc(2 << 20, 'large\r\n'), {
    origin: { account: accounts[0] ?? '', uniqueId: 'large', nth: 0 },
  })
  let whole = false
  const spoilt: UserMail = Object.assign(Object.create(mail) as UserMail, {
    modseq: () => mail.modseq(),
    read: mail.read.bind(mail),
    change: mail.change.bind(mail),
    async *bytes(id: MessageId) {
      let first = true
      for await (const piece of mail.bytes(id)) {
        const damaged = id === large ? readings > 0 && !first : id === 3
        if (damaged && !whole) throw new StoreError('damaged', 'segment 1 is damaged')
        yield piece.subarray(0, 1000)
        yield piece.subarray(1000)
        first = id !== large
      }
      if (id === large && readings++ > 0 && !whole) throw new StoreError('damaged', 'segment 2 is damaged')
    },
  })
  let readings = 0
  const { handed, refused, problems, error } = await run(spoilt, server)
  assert.deepEqual([handed, refused, error], [5, 2, undefined])
  assert.match(problems.join('\n'), /message 3 was not taken: its copy at home cannot be read: segment 1/)
  assert.match(problems.join('\n'), /message 7 was not taken: its copy at home cannot be read: segment 2/)
  whole = true
  assert.equal((await run(spoilt, server)).handed, 2)
  await assertOnceEach(mail, server)
})

for (const [what, manners, says] of [
  ['takes no session', { greeting: '* BYE full' }, /takes no session now: full/],
  ['speaks something else', { greeting: '220 mail.example.it ESMTP' }, /does not speak IMAP: 220 mail/],
  ['never ends a line', { greeting: 'x'.repeat(200_000) }, /a line of more than/],
  ['goes at once', { instead: { CAPABILITY: 'drop' } }, /ended the connection|broken off/],
  ['goes with a word', { instead: { CAPABILITY: '* BYE for repairs\r\nTAG BAD no' } }, /for repairs|refused to say/],
  ['says nothing more', { instead: { STATUS: 'hang' } }, /silent/],
  ['hangs in APPEND', { fate: () => 'hang' }, /silent/],
  [
    'refuses the log-in',
    { instead: { AUTHENTICATE: 'TAG NO [AUTHENTICATIONFAILED] no' } },
    /refused to log in mario: NO/,
  ],
  ['wants no password in clear', { capabilities: 'IMAP4rev1 LOGINDISABLED' }, /no way to log in with a password/],
  [
    'makes no mailbox',
    { instead: { STATUS: 'TAG NO no', CREATE: 'TAG NO [NOPERM] no' } },
    /to make the mailbox INBOX: NO/,
  ],
  [
    'has no UIDNEXT',
    { instead: { STATUS: '* STATUS "INBOX" ()\r\nTAG OK' } },
    /does not tell how the mailbox INBOX stands/,
  ],
  ['asks to go on unasked', { instead: { STATUS: '+ what?' } }, /\+ unasked/],
] as [string, Manners, RegExp][]) {
  test(`a server that ${what} is told in words, and nothing is lost or doubled`, async (t) => {
    const server = await target(t, manners)
    const mail = await mailWith(3)
    // Time is to run out at those that hang, and nowhere else, however busy the machine is.
    const silence = String(says) === String(/silent/) ? 100 : 30_000
    const { handed, error } = await run(mail, server, { patience: { connect: 30_000, silence } })
    assert.equal(handed, 0)
    assert.match(error?.message ?? '', says)
    assert.ok(!error?.message.includes('secret'))
    server.manners = {}
    assert.deepEqual({ ...(await run(mail, server)), problems: [] }, { ...fine, handed: 3 })
    await assertOnceEach(mail, server)
  })
}

test('a message of 100 MB is streamed: memory does not grow with it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-hand-on-'))
  t.after(() => rm(folder, { recursive: true }))
  const store = new DiskStore(folder)
  t.after(() => store.close())
  const mail = await store.open('mario')
  const staging = mail.stage('wire')
  const random = new Random(7)
  const piece = Buffer.from(Array.from({ length: 1 << 16 }, () => random.between(32, 126)))
  for (let n = 0; n < 1600; n++) await staging.write(piece)
  const staged = await staging.finish()
  await mail.change((draft) =>
    draft.add(staged, {
      mailbox: draft.openMailbox('INBOX'),
      received: 0,
      origin: { account: accounts[0] ?? '', uniqueId: 'u', nth: 0 },
    }),
  )
  staged.discard()
  const server = await target(t, { forgetful: true })
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): number => {
    collect()
    return process.memoryUsage().arrayBuffers
  }
  const before = used()
  let most = 0
  let looks = 0
  server.manners = {
    forgetful: true,
    fate: () => {
      if (looks++ % 100 === 0) most = Math.max(most, used())
      return 'take'
    },
  }
  assert.deepEqual(await run(mail, server), { ...fine, handed: 1 })
  assert.ok(looks > 1000)
  assert.ok(most - before < 48 << 20, `${Math.round((most - before) / (1 << 20))} MiB more`)
})
