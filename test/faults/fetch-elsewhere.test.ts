import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchPop3 } from '../../src/doors/fetch-pop3.ts'
import type { FetchOptions, FetchReport, Remote } from '../../src/doors/fetching.ts'
import { MemoryStore } from '../../src/store/memory.ts'
import type { UserMail } from '../../src/store/store.ts'
import { hashOf, HostilePop3, type Hostility, type RemoteMessage } from './hostile-pop3.ts'
import { allHashes } from './watched-mail.ts'

/** Each test ends by itself: a hanging server must not hang us. */
const limit = { timeout: 60_000 }

/** Mail of one of two whose messages have the same unique-ids and the same sizes, as a server gives them that counts from 1. */
function mailOf(name: string, count = 6): RemoteMessage[] {
  return Array.from({ length: count }, (_, place) => ({
    uniqueId: String(place + 1),
    octets: Buffer.from(`Message-ID: <${name}-${place}@example.it>\r\nSubject: ${place}\r\n\r\nOf ${name}.\r\n`),
  }))
}

/** An account whose log-in can be changed between two fetches. */
class Moving implements AsyncDisposable {
  readonly server: HostilePop3
  readonly mail: UserMail
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

  async fetch(options: FetchOptions = {}, hostility: Hostility = {}): Promise<FetchReport> {
    await this.server.idle()
    this.server.hostility = hostility
    const { login, leave } = this
    const { port } = this.server
    const at = { account: 'pop3:mario@example.it', host: '127.0.0.1', port, tls: 'none' } as const
    return await fetchPop3({ ...at, login, password: 'secret', leave }, this.mail, options)
  }

  /** What is kept here is this, each once. */
  async expectKept(messages: readonly RemoteMessage[]): Promise<void> {
    const kept = await allHashes(this.mail)
    assert.deepEqual(kept.toSorted(), messages.map(({ octets }) => hashOf(octets)).toSorted())
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
