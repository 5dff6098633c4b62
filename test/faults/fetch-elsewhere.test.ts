import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '../../src/errors.ts'
import { fetchPop3 } from '../../src/doors/fetch-pop3.ts'
import type { FetchOptions, FetchReport, Remote } from '../../src/doors/fetching.ts'
import { headersOnly } from '../../src/intake/header-only.ts'
import { noteHad } from '../../src/migrate/note-had.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { LedgerEntry, UserMail } from '../../src/store/store.ts'
import { hashOf, HostilePop3, type Hostility, type RemoteMessage } from './hostile-pop3.ts'
import { allHashes } from './watched-mail.ts'

const remote = 'pop3:mario@example.it'

/** Each test ends by itself: a hanging server must not hang us. */
const limit = { timeout: 60_000 }

/** Mail of one of two whose messages have the same unique-ids and the same sizes, as a server gives them that counts from 1. */
function mailOf(name: string, count = 6): RemoteMessage[] {
  return Array.from({ length: count }, (_, place) => ({
    uniqueId: String(place + 1),
    octets: Buffer.from(`Message-ID: <${name}-${place}@example.it>\r\nSubject: ${place}\r\n\r\nOf ${name}.\r\n`),
  }))
}

/** A message too large to come whole, of one of two: as long as the other's, or not. */
function large(name: string, lines = 100): RemoteMessage {
  const octets = `Message-ID: <${name}@example.it>\r\nSubject: large\r\n\r\n${'x'.repeat(70)}\r\n`
  return { uniqueId: '1', octets: Buffer.from(octets + `Of ${name}.\r\n`.repeat(lines)) }
}

/** This mail, but for some of what it does. */
function but(mail: UserMail, other: Partial<UserMail>): UserMail {
  return new Proxy(mail, {
    get: (_, member) => {
      const of = member in other ? other : mail
      const value: unknown = Reflect.get(of, member, of)
      return typeof value === 'function' ? (value.bind(of) as unknown) : value
    },
  })
}

/** An account whose log-in can be changed between two fetches. */
class Moving implements AsyncDisposable {
  server: HostilePop3
  mail: UserMail
  login = 'anna'
  leave: Remote['leave'] = 'forever'

  private constructor(server: HostilePop3, mail: UserMail) {
    this.server = server
    this.mail = mail
  }

  static async open(messages: readonly RemoteMessage[]): Promise<Moving> {
    return new Moving(await HostilePop3.start(messages), await new MemoryStore().open('mario'))
  }

  /** From now on the account logs in as this one, who has this mail. */
  become(login: string, messages: readonly RemoteMessage[]): void {
    this.login = login
    this.server.messages = [...messages]
  }

  /** From now on it is another server, on another port of the same host. */
  async move(messages: readonly RemoteMessage[]): Promise<void> {
    const before = this.server
    this.server = await HostilePop3.start(messages)
    await before.close()
  }

  async fetch(options: FetchOptions = {}, hostility: Hostility = {}): Promise<FetchReport> {
    await this.server.idle()
    this.server.hostility = hostility
    const { login, leave } = this
    const { port } = this.server
    const at = { account: remote, host: '127.0.0.1', port, tls: 'none' } as const
    return await fetchPop3({ ...at, login, password: 'secret', leave }, this.mail, options)
  }

  /** What is kept here is this, each once. */
  async expectKept(messages: readonly RemoteMessage[]): Promise<void> {
    const kept = await allHashes(this.mail)
    assert.deepEqual(kept.toSorted(), messages.map(({ octets }) => hashOf(octets)).toSorted())
  }

  async headers(): Promise<readonly LedgerEntry[]> {
    return await this.mail.read((view) => view.ledger(headersOnly(remote)))
  }

  lastVerbs(): string[] {
    const session = this.server.steps.at(-1)?.session
    return this.server.commands(session).map((line) => line.split(' ', 1)[0] ?? '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
  }
}

for (const hostility of [{}, { unknown: ['TOP'] }] satisfies Hostility[]) {
  const how = hostility.unknown === undefined ? '' : ', without TOP'
  test(
    `an account that logs in as somebody else gets that one's mail, whatever the unique-ids are${how}`,
    limit,
    async () => {
      const [anna, luigi] = [mailOf('anna'), mailOf('luig')]
      assert.equal(anna[0]?.octets.length, luigi[0]?.octets.length)
      await using account = await Moving.open(anna)
      assert.equal((await account.fetch({}, hostility)).new, 6)
      account.become('luigi', luigi)
      const moved = await account.fetch({}, hostility)
      assert.deepEqual([moved.new, moved.skipped, moved.failed], [6, 0, 0])
      await account.expectKept([...anna, ...luigi])
      // And back, and what is known stays so.
      account.become('anna', anna)
      const back = await account.fetch({}, hostility)
      assert.deepEqual([back.new, back.skipped], [0, 6])
      const again = await account.fetch({}, hostility)
      assert.deepEqual([again.new, again.skipped], [0, 6])
      assert.ok(!account.lastVerbs().some((verb) => verb === 'TOP' || verb === 'RETR'), account.lastVerbs().join())
      await account.expectKept([...anna, ...luigi])
    },
  )
}

test('another log-in for the same mailbox brings nothing twice, and downloads nothing', limit, async () => {
  const anna = mailOf('anna')
  await using account = await Moving.open(anna)
  await account.fetch()
  account.become('anna@example.it', anna)
  assert.deepEqual((await account.fetch({ dryRun: true })).plan, [])
  const report = await account.fetch()
  assert.deepEqual([report.new, report.skipped], [0, 6])
  assert.ok(account.lastVerbs().includes('TOP') && !account.lastVerbs().includes('RETR'), account.lastVerbs().join())
  await account.fetch()
  assert.ok(!account.lastVerbs().includes('TOP'), account.lastVerbs().join())
  await account.expectKept(anna)
})

test('a dry run says what would come from there, and settles nothing', limit, async () => {
  const [anna, luigi] = [mailOf('anna'), mailOf('luig')]
  await using account = await Moving.open(anna)
  await account.fetch()
  account.become('luigi', luigi)
  const { plan = [] } = await account.fetch({ dryRun: true })
  assert.deepEqual(
    plan.map(({ uniqueId, what }) => [uniqueId, what]),
    luigi.map(({ uniqueId }) => [uniqueId, 'fetch']),
  )
  assert.equal((await account.fetch()).new, 6)
  await account.expectKept([...anna, ...luigi])
})

test('the line breaks after the log-in has changed: what had not come comes the next time', limit, async () => {
  const [anna, luigi] = [mailOf('anna'), mailOf('luig')]
  await using account = await Moving.open(anna)
  await account.fetch()
  account.become('luigi', luigi)
  account.leave = 'delete'
  const broken = await account.fetch({ pipelining: false }, { drop: { number: 3, after: 10 } })
  assert.equal(broken.error?.code, 'connection-lost')
  assert.equal(broken.deleted, 0)
  const report = await account.fetch()
  assert.equal(broken.new + report.new, 6)
  assert.deepEqual(account.server.messages, [])
  await account.expectKept([...anna, ...luigi])
})

test('a remembered listing says nothing of another maildrop', limit, async () => {
  const [anna, luigi] = [mailOf('anna', 20), mailOf('luig', 20)]
  await using account = await Moving.open(anna)
  await account.fetch({ fewest: 1 })
  await account.fetch({ fewest: 1 })
  assert.ok(!account.lastVerbs().includes('LIST'), 'the listing is remembered')
  account.become('luigi', luigi)
  assert.equal((await account.fetch({ fewest: 1 })).new, 20)
  await account.expectKept([...anna, ...luigi])
})

test('what is not listed when the log-in has changed is asked for when it is', limit, async () => {
  const [anna, luigi] = [mailOf('anna'), mailOf('luig')]
  await using account = await Moving.open(anna)
  await account.fetch()
  account.become('luigi', luigi.slice(0, 1))
  assert.equal((await account.fetch()).new, 1)
  account.become('luigi', luigi)
  assert.equal((await account.fetch()).new, 5)
  await account.expectKept([...anna, ...luigi])
})

test(
  'another log-in for the same mailbox, of which little is listed at first, brings nothing twice',
  limit,
  async () => {
    const anna = mailOf('anna')
    await using account = await Moving.open(anna)
    await account.fetch()
    account.become('anna@example.it', anna.slice(0, 1))
    assert.equal((await account.fetch()).new, 0)
    account.become('anna@example.it', anna)
    assert.equal((await account.fetch()).new, 0)
    const again = await account.fetch()
    assert.deepEqual([again.new, again.skipped, account.lastVerbs().includes('RETR')], [0, 6, false])
    await account.expectKept(anna)
  },
)

test('another port of the same host may be another maildrop', limit, async () => {
  const [anna, luigi] = [mailOf('anna'), mailOf('luig')]
  await using account = await Moving.open(anna)
  await account.fetch()
  await account.move(anna)
  const same = await account.fetch()
  assert.deepEqual([same.new, same.skipped, account.lastVerbs().includes('RETR')], [0, 6, false])
  await account.move(luigi)
  assert.equal((await account.fetch()).new, 6)
  await account.expectKept([...anna, ...luigi])
})

test('a copy at home that cannot be read does not stop the account after another log-in', limit, async () => {
  const anna = mailOf('anna')
  await using account = await Moving.open(anna)
  const { mail } = account
  await account.fetch()
  // An older Postino did not note what names the header.
  await mail.change((draft) => {
    for (const row of draft.view.ledger(remote)) draft.know(row, row)
  })
  account.mail = but(mail, {
    bytes: () => {
      throw new StoreError('damaged', 'this copy is damaged')
    },
  })
  account.become('anna@example.it', anna)
  const report = await account.fetch()
  assert.deepEqual([report.error, report.new, report.skipped], [undefined, 0, 6])
  assert.ok(account.lastVerbs().includes('RETR'), account.lastVerbs().join())
  const again = await account.fetch()
  assert.deepEqual([again.error, again.skipped, account.lastVerbs().includes('TOP')], [undefined, 6, false])
  account.mail = mail
  await account.expectKept(anna)
})

test(
  'a header that stands for a message of one maildrop stays when another one has such a unique-id',
  limit,
  async () => {
    const [anna, luigi] = [large('anna'), large('luigi', 1)]
    await using account = await Moving.open([anna])
    const choice = { largest: 500, beyond: 'header' } as const
    assert.equal((await account.fetch({ choice })).waiting, 1)
    const [stub] = await account.headers()
    assert.ok(stub?.message !== undefined)
    account.become('luigi', [luigi])
    assert.equal((await account.fetch({ choice })).new, 1)
    const { message } = stub
    assert.ok(await account.mail.read((view) => view.message(message) !== undefined), 'the header is there')
    // Nor the next time, when that maildrop is the usual one.
    account.become('luigi', [large('luigi', 2)])
    assert.equal((await account.fetch({ choice })).new, 1)
    assert.ok(await account.mail.read((view) => view.message(message) !== undefined), 'the header is still there')
  },
)

test('a header of one maildrop does not hide that of a message of another', limit, async () => {
  const [anna, luigi] = [large('anna'), large('luig')]
  assert.equal(anna.octets.length, luigi.octets.length)
  await using account = await Moving.open([anna])
  const choice = { largest: 500, beyond: 'header' } as const
  await account.fetch({ choice })
  account.become('luigi', [luigi])
  const { plan } = await account.fetch({ choice, dryRun: true })
  assert.deepEqual(
    plan?.map(({ what }) => what),
    ['header'],
  )
  await account.fetch({ choice })
  assert.equal((await allHashes(account.mail)).length, 2)
  // It stands for its message from now on: it does not come again, and goes when the whole comes.
  await account.fetch({ choice })
  assert.ok(!account.lastVerbs().includes('TOP'), account.lastVerbs().join())
  await account.fetch()
  const kept = await allHashes(account.mail)
  assert.equal(kept.length, 2)
  assert.ok(kept.includes(hashOf(luigi.octets)))
})

test('a header of the same mailbox by another log-in is the same, and goes when the whole comes', limit, async () => {
  const anna = large('anna')
  await using account = await Moving.open([anna])
  const choice = { largest: 500, beyond: 'header' } as const
  await account.fetch({ choice })
  account.become('anna@example.it', [anna])
  await account.fetch({ choice })
  assert.equal((await allHashes(account.mail)).length, 1)
  await account.fetch()
  await account.expectKept([anna])
})

test('what another program had of one maildrop does not hide mail of another', limit, async () => {
  const [anna, luigi] = [mailOf('anna'), mailOf('luig')]
  await using account = await Moving.open(anna)
  await noteHad(
    account.mail,
    remote,
    anna.map(({ uniqueId }) => ({ uniqueId, when: undefined })),
  )
  assert.deepEqual((await account.fetch()).skipped, 6)
  // The same log-in by another port: it has it still.
  await account.move(anna)
  assert.deepEqual((await account.fetch()).skipped, 6)
  account.become('luigi', luigi.slice(0, 5))
  assert.equal((await account.fetch()).new, 5)
  account.become('luigi', luigi)
  assert.equal((await account.fetch()).new, 1)
  const again = await account.fetch()
  assert.deepEqual([again.new, again.skipped, account.lastVerbs().includes('RETR')], [0, 6, false])
  await account.expectKept(luigi)
})

test('a message that is fetched again before it is deleted is let go of also where that fails', limit, async () => {
  const anna = mailOf('anna', 1)
  await using account = await Moving.open(anna)
  const { mail } = account
  await account.fetch()
  let discarded = 0
  account.mail = but(mail, {
    stage: (form) => ({
      ...mail.stage(form),
      finish: () => Promise.reject(new StoreError('disk-full', 'the disk is full')),
      discard: () => void discarded++,
    }),
  })
  account.leave = 'delete'
  const report = await account.fetch({}, { unknown: ['TOP'] })
  assert.equal(report.error?.code, 'disk-full')
  assert.equal(discarded, 1)
  assert.equal(account.server.messages.length, 1)
})
