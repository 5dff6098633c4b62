import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Intake } from '../intake/intake.ts'
import { createPop3Server } from '../library/server.ts'
import { DiskStore } from '../store/disk.ts'
import { MemoryStore } from '../store/memory.ts'
import { octetsOf } from '../store/contract-mail.ts'
import { spooledBeyond } from '../store/staging.ts'
import { StoreError } from '../errors.ts'
import type { UserMail } from '../store/store.ts'
import type { Hash } from '../ids.ts'
import { fetchPop3 } from './fetch-pop3.ts'
import type { FetchOptions, FetchReport, Remote } from './fetching.ts'
import type { SessionLog } from './serve-pop3.ts'

interface There {
  readonly uniqueId: string
  readonly text: string
}

/** A provider with a maildrop that a test changes, and a home. */
interface Street {
  there: There[]
  /** What each session did. */
  readonly sessions: SessionLog[]
  readonly store: MemoryStore
  readonly mail: UserMail
  leave: Remote['leave']
  /** Into mario's mail unless said. */
  fetch(options?: FetchOptions, into?: UserMail): Promise<FetchReport>
  /** The texts at home, sorted. */
  home(user?: string): Promise<string[]>
}

function text(name: string, lines = 1): string {
  return `From: anna@example.it\r\nMessage-ID: <${name}@example.it>\r\nSubject: ${name}\r\n\r\n${'A line.\r\n'.repeat(lines)}`
}

function letters(...names: string[]): There[] {
  return names.map((name) => ({ uniqueId: `id-${name}`, text: text(name) }))
}

async function street(t: TestContext, there: There[]): Promise<Street> {
  const store = new MemoryStore()
  const mail = await store.open('mario')
  const sessions: SessionLog[] = []
  const server = createPop3Server({
    authenticate: (login, password) => (password === 'secret' ? login : undefined),
    openMaildrop: () => ({
      messages: made.there.map(({ uniqueId, text: octets }) => ({
        uniqueId,
        read: () => Buffer.from(octets, 'latin1'),
      })),
      remove: (numbers) => {
        made.there = made.there.filter((_, place) => !numbers.includes(place + 1))
      },
    }),
    log: (entry) => sessions.push(entry),
  })
  const { port } = await server.listen({ port: 0 })
  t.after(() => server.close())
  const made: Street = {
    there,
    sessions,
    store,
    mail,
    leave: 'forever',
    fetch: async (options = {}, into = mail) => {
      const remote = {
        account: 'pop3:mario@example.it',
        host: '127.0.0.1',
        port,
        tls: 'none',
        login: 'mario',
        password: 'secret',
      } as const
      const before = sessions.length
      const report = await fetchPop3({ ...remote, leave: made.leave }, into, options)
      while (sessions.length === before) await new Promise((resolve) => setTimeout(resolve, 5))
      assert.equal(report.error, undefined)
      return report
    },
    home: async (user = 'mario') => {
      const home = await store.open(user)
      const ids = await home.read((view) => view.messages().map(({ id }) => id))
      const texts = await Promise.all(ids.map(async (id) => (await octetsOf(home, id)).toString('latin1')))
      return texts.toSorted()
    },
  }
  return made
}

const day = 86_400_000

test('all unique-ids changed at once: recognised by TOP and size, nothing is downloaded, nothing doubled', async (t) => {
  const all = [...letters('a', 'b', 'c'), { uniqueId: 'id-twin', text: text('a') }]
  const it = await street(t, all)
  assert.equal((await it.fetch()).new, 4)
  it.there = [...all.map((one) => ({ ...one, uniqueId: `new-${one.uniqueId}` })), ...letters('d')]
  const moved = await it.fetch()
  assert.deepEqual([moved.new, moved.skipped, moved.octets], [1, 4, text('d').length])
  assert.equal(it.sessions.at(-1)?.retrieved, 1)
  assert.deepEqual(await it.home(), [text('a'), text('a'), text('b'), text('c'), text('d')])
  // From now on they are known by their new names, and by the old ones too.
  assert.deepEqual([(await it.fetch()).new, it.sessions.at(-1)?.tops], [0, 0])
  it.there = all
  assert.deepEqual([(await it.fetch()).new, it.sessions.at(-1)?.retrieved], [0, 0])
})

test('mail that was removed at home does not come back with new unique-ids', async (t) => {
  const it = await street(t, letters('a', 'b'))
  await it.fetch()
  await it.mail.change((draft) => draft.remove(draft.view.messages()[0]?.id ?? assert.fail()))
  it.there = it.there.map((one) => ({ ...one, uniqueId: `new-${one.uniqueId}` }))
  assert.equal((await it.fetch()).new, 0)
  assert.deepEqual(await it.home(), [text('b')])
})

test('new unique-ids, and other messages of the same sizes: those are fetched', async (t) => {
  const it = await street(t, letters('a', 'b', 'c'))
  await it.fetch()
  it.there = letters('x', 'y', 'z')
  const report = await it.fetch()
  assert.deepEqual([report.new, report.skipped, it.sessions.at(-1)?.tops], [3, 0, 3])
  assert.equal((await it.home()).length, 6)
})

test('where much is known, a message of the same header and size under a new unique-id is another message', async (t) => {
  const it = await street(t, letters('a', 'b', 'c'))
  await it.fetch()
  it.there = [...it.there.slice(1), { uniqueId: 'again', text: text('a') }]
  assert.equal((await it.fetch()).new, 1)
  assert.equal((await it.home()).length, 4)
})

test('a unique-id that was given to another message of the same size is not deleted unread', async (t) => {
  const it = await street(t, letters('a', 'b'))
  await it.fetch()
  it.there = [{ uniqueId: 'id-a', text: text('z') }, ...letters('b')]
  it.leave = 'delete'
  const report = await it.fetch()
  assert.deepEqual([report.deleted, report.new], [1, 1])
  assert.match(report.problems.join(), /message 1 was left on the server/)
  assert.deepEqual(await it.home(), [text('a'), text('b'), text('z')])
  assert.deepEqual(
    it.there.map(({ uniqueId }) => uniqueId),
    ['id-a'],
  )
  // Now that message is home too, and may go.
  assert.equal((await it.fetch()).deleted, 1)
  assert.deepEqual(it.there, [])
})

test('what another program has is not fetched and not deleted, until its unique-id has another size', async (t) => {
  const it = await street(t, letters('a', 'b'))
  await it.mail.change((draft) =>
    draft.know({ account: 'pop3:mario@example.it', uniqueId: 'id-a', nth: 0 }, { hash: '' as Hash, size: 0 }),
  )
  it.leave = 'delete'
  const first = await it.fetch()
  assert.deepEqual([first.new, first.skipped, first.deleted], [1, 1, 1])
  assert.deepEqual(
    it.there.map(({ uniqueId }) => uniqueId),
    ['id-a'],
  )
  it.there = [{ uniqueId: 'id-a', text: text('another one') }]
  const second = await it.fetch()
  assert.deepEqual([second.new, second.deleted], [1, 1])
})

test('after so many days, unless the clock has jumped', async (t) => {
  const it = await street(t, letters('a', 'b'))
  await it.fetch()
  it.leave = 30
  const later = Date.now() + 31 * day
  assert.deepEqual((await it.fetch()).deleted, 0)
  const jumped = await it.fetch({ now: () => later, clockSteady: false })
  assert.equal(jumped.deleted, 0)
  assert.match(jumped.problems.join(), /clock has jumped/)
  assert.equal((await it.fetch({ now: () => later })).deleted, 2)
})

test('the newest stay; or what fits', async (t) => {
  const dated = (name: string, hour: number): There => ({
    uniqueId: `id-${name}`,
    text: `Date: Mon, 23 Nov 2026 ${hour}:00:00 +0000\r\n${text(name)}`,
  })
  const all = [dated('new', 20), dated('old', 10), dated('mid', 15)]
  const it = await street(t, all)
  await it.fetch()
  it.leave = { newest: 2 }
  assert.equal((await it.fetch()).deleted, 1)
  assert.deepEqual(
    it.there.map(({ uniqueId }) => uniqueId),
    ['id-new', 'id-mid'],
  )
  it.leave = { percent: 50 }
  const unknown = await it.fetch()
  assert.equal(unknown.deleted, 0)
  assert.match(unknown.problems.join(), /--room/)
  const size = all[0]?.text.length ?? 0
  assert.equal((await it.fetch({ room: 3 * size })).deleted, 1)
  assert.deepEqual(
    it.there.map(({ uniqueId }) => uniqueId),
    ['id-new'],
  )
})

test('a dry run says what would be fetched and deleted and why, and does nothing', async (t) => {
  const it = await street(t, letters('a', 'b'))
  await it.fetch()
  it.there.push(...letters('c'), { uniqueId: 'id-large', text: text('large', 100) })
  it.leave = 'delete'
  const report = await it.fetch({ dryRun: true, choice: { largest: 500 } })
  assert.deepEqual([report.new, report.deleted, report.waiting], [0, 0, 1])
  assert.deepEqual(
    report.plan?.map(({ uniqueId, what }) => `${what} ${uniqueId}`),
    ['fetch id-c', 'wait id-large', 'delete id-a', 'delete id-b', 'delete id-c'],
  )
  assert.ok(report.plan?.every(({ why }) => why !== ''))
  assert.equal(it.there.length, 4)
  assert.equal((await it.home()).length, 2)
})

test('of a large message the header comes, and the whole when it is asked for', async (t) => {
  const large = { uniqueId: 'id-large', text: text('large', 100) }
  const it = await street(t, [...letters('a'), large])
  const choice = { largest: 500, beyond: 'header' } as const
  it.leave = 'delete'
  const first = await it.fetch({ choice })
  assert.deepEqual([first.new, first.waiting, first.deleted], [1, 1, 1])
  const header = large.text.slice(0, large.text.indexOf('\r\n\r\n') + 4)
  assert.deepEqual(await it.home(), [text('a'), header].toSorted())
  // It stands for the message, and is none: it is asked for once, and nothing is deleted because of it.
  await it.fetch({ choice })
  assert.equal((await it.home()).length, 2)
  assert.deepEqual(it.there, [large])
  const whole = await it.fetch({ choice: { ...choice, only: new Set(['id-large']) } })
  assert.deepEqual([whole.new, whole.deleted], [1, 1])
  assert.deepEqual(await it.home(), [text('a'), large.text].toSorted())
})

test('a mailbox for several people: each gets what is theirs, once', async (t) => {
  const letter = (name: string, to: string): There => ({
    uniqueId: `id-${name}`,
    text: `Delivered-To: ${to}\r\n${text(name)}`,
  })
  const it = await street(t, [
    letter('a', 'anna'),
    letter('b', 'mario'),
    letter('c', 'anna,mario'),
    letter('d', 'nobody'),
  ])
  const split = {
    users: ['anna', 'mario', 'rest'],
    recipients: (header: Uint8Array) => {
      const to = /^Delivered-To: (\S+)/.exec(Buffer.from(header).toString())?.[1]?.split(',') ?? []
      return to[0] === 'nobody' ? ['rest'] : to
    },
    open: (user: string) => it.store.open(user),
  }
  assert.equal((await it.fetch({ split })).new, 4)
  const subjects = async (user: string): Promise<string> =>
    (await it.home(user))
      .map((one) => /Subject: (\w)/.exec(one)?.[1] ?? '')
      .toSorted((a, b) => a.localeCompare(b))
      .join('')
  assert.deepEqual([await subjects('anna'), await subjects('mario'), await subjects('rest')], ['ac', 'bc', 'd'])
  it.leave = 'delete'
  const again = await it.fetch({ split })
  assert.deepEqual([again.new, again.skipped, again.deleted], [0, 4, 4])
  assert.deepEqual([await subjects('anna'), await subjects('mario'), await subjects('rest')], ['ac', 'bc', 'd'])
})

test('a header that names no message (no Message-ID, no Received) proves nothing: what has it is fetched, and read again before it goes', async (t) => {
  const backup = (uniqueId: string, minutes: number): There => ({
    uniqueId,
    text: `Subject: backup done\r\n\r\nIt took ${minutes} minutes.\r\n`,
  })
  const it = await street(t, [backup('id-1', 1), backup('id-2', 2)])
  await it.fetch()
  it.there = [backup('new-1', 1), backup('new-2', 2), backup('new-3', 3)]
  const moved = await it.fetch()
  assert.deepEqual([moved.new, moved.skipped], [1, 2])
  assert.equal((await it.home()).length, 3)
  it.leave = 'delete'
  assert.equal((await it.fetch()).deleted, 3)
  assert.equal(it.sessions.at(-1)?.retrieved, 3)
})

test('a dry run writes nothing down, neither new unique-ids nor sizes', async (t) => {
  const it = await street(t, letters('a', 'b', 'c'))
  await it.mail.change((draft) =>
    draft.know({ account: 'pop3:mario@example.it', uniqueId: 'id-c', nth: 0 }, { hash: '' as Hash, size: 0 }),
  )
  await it.fetch()
  it.there = [...letters('a', 'b').map((one) => ({ ...one, uniqueId: `new-${one.uniqueId}` })), ...letters('d')]
  const before = it.mail.modseq()
  const { plan, skipped } = await it.fetch({ dryRun: true })
  assert.deepEqual([plan?.map(({ uniqueId, what }) => `${what} ${uniqueId}`), skipped], [['fetch id-d'], 2])
  assert.equal(it.mail.modseq(), before)
})

test('a thousand messages of one size under new unique-ids are known again, each by its own header', async (t) => {
  const all = Array.from({ length: 1000 }, (_, place) => letters(String(10_000 + place))[0] ?? assert.fail())
  const it = await street(t, all)
  assert.equal((await it.fetch()).new, 1000)
  it.there = all.toReversed().map((one) => ({ ...one, uniqueId: `new-${one.uniqueId}` }))
  const moved = await it.fetch()
  assert.deepEqual([moved.new, moved.skipped, it.sessions.at(-1)?.retrieved], [0, 1000, 0])
  it.leave = 'delete'
  assert.deepEqual([(await it.fetch()).deleted, it.sessions.at(-1)?.retrieved], [1000, 0])
})

test('mail of somebody else is deleted there only where it can be read here, also after all unique-ids changed', async (t) => {
  const it = await street(t, letters('a', 'b'))
  const anna = await it.store.open('anna')
  let damaged = true
  const unreadable: UserMail = new Proxy(anna, {
    get: (mail, key: keyof UserMail) => {
      if (key === 'bytes' && damaged)
        return () => {
          throw new StoreError('damaged', 'it is damaged')
        }
      const value = mail[key]
      return typeof value === 'function' ? value.bind(mail) : value
    },
  })
  const split = { users: ['anna'], recipients: () => ['anna'], open: () => Promise.resolve(unreadable) }
  assert.equal((await it.fetch({ split })).new, 2)
  it.there = it.there.map((one) => ({ ...one, uniqueId: `new-${one.uniqueId}` }))
  assert.equal((await it.fetch({ split })).skipped, 2)
  it.leave = 'delete'
  const kept = await it.fetch({ split })
  assert.equal(kept.deleted, 0)
  assert.match(kept.problems.join(), /its copy at home cannot be read \(it is damaged\)/)
  damaged = false
  assert.equal((await it.fetch({ split })).deleted, 2)
})

test('the header of a large message goes when the whole turns out to be here', async (t) => {
  const large = { uniqueId: 'id-large', text: text('large', 100) }
  const it = await street(t, [...letters('a'), large])
  await it.fetch()
  // The provider lists another size now; the message is the same.
  await it.mail.change((draft) => {
    for (const row of draft.view.ledger('pop3:mario@example.it')) if (row.uniqueId === 'id-large') draft.relist(row, 1)
  })
  const choice = { largest: 500, beyond: 'header' } as const
  await it.fetch({ choice })
  assert.equal((await it.home()).length, 3)
  await it.fetch({ choice: { only: new Set(['id-large']) } })
  assert.deepEqual(await it.home(), [text('a'), large.text].toSorted())
})

test('a header that was removed here is not asked for again', async (t) => {
  const it = await street(t, [{ uniqueId: 'id-large', text: text('large', 100) }])
  const choice = { largest: 500, beyond: 'header' } as const
  await it.fetch({ choice })
  await it.mail.change((draft) => draft.remove(draft.view.messages()[0]?.id ?? assert.fail()))
  const planned = await it.fetch({ choice, dryRun: true })
  assert.deepEqual(
    planned.plan?.map(({ what }) => what),
    ['wait'],
  )
  await it.fetch({ choice })
  assert.deepEqual([await it.home(), it.sessions.at(-1)?.tops], [[], 0])
})

test('what could not be fetched and is gone there is no trouble any more', async (t) => {
  const it = await street(t, letters('a', 'b'))
  const account = 'pop3:mario@example.it'
  const troubles = async (): Promise<string[]> =>
    await it.mail.read((view) => view.troubles(account).map(({ uniqueId }) => uniqueId))
  const trouble = { attempts: 3, why: 'no', next: Date.now() + day }
  await it.mail.change((draft) => ['id-b', 'id-gone'].forEach((id) => draft.trouble(account, id, trouble)))
  await it.fetch({ dryRun: true, backOff: true })
  assert.deepEqual(await troubles(), ['id-b', 'id-gone'])
  await it.fetch({ backOff: true })
  assert.deepEqual(await troubles(), ['id-b'])
})

test('a unique-id that was given to another message that comes in many pieces: that is kept, whole', async (t) => {
  const long = (name: string): There => ({ uniqueId: 'id', text: text(name, 50_000) })
  const it = await street(t, [long('a')])
  await it.fetch()
  it.there = [long('b')]
  it.leave = 'delete'
  assert.deepEqual([(await it.fetch()).new, it.there.length], [1, 1])
  assert.deepEqual(await it.home(), [long('a').text, long('b').text])
})

test('mail comes home in the order in which it is listed, though what is large takes longer', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postino-fetch-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const disk = new DiskStore(folder)
  t.after(() => disk.close())
  const mail = await disk.open('mario')
  // Beyond what is held in memory.
  const large = Math.ceil((spooledBeyond * 1.2) / 9)
  const there = Array.from({ length: 40 }, (_, n) => ({
    uniqueId: `id-${n}`,
    text: text(`${n}`, n % 13 === 5 ? large : 1),
  }))
  const it = await street(t, there)
  assert.equal((await it.fetch({}, mail)).new, there.length)
  const sizes = await mail.read((view) => view.messages().map(({ octets }) => octets))
  assert.deepEqual(
    sizes,
    there.map((one) => one.text.length),
  )
})

test('an account that was fetched by IMAP before: nothing comes again, also where the line broke', async (t) => {
  const it = await street(t, letters('a', 'b', 'c'))
  await it.fetch()
  // What came by IMAP has other names, and is in another part of the ledger.
  const rows = await it.mail.read((view) =>
    view.ledger('pop3:mario@example.it').map((row) => ({ row, head: view.head(row) })),
  )
  const store = new MemoryStore()
  const mail = await store.open('mario')
  const intake = new Intake(mail)
  for (const [place, { row, head }] of rows.entries()) {
    const staging = intake.stage('wire')
    await staging.write(await octetsOf(it.mail, row.message ?? assert.fail()))
    const origin = { account: 'imap:mario@example.it', uniqueId: `7/${place}//=INBOX`, nth: 0, head, listed: row.size }
    await intake.keep(await staging.finish(), { mailbox: 'INBOX', received: place, origin })
  }
  it.there.push(...letters('d'))
  const report = await it.fetch({}, mail)
  assert.deepEqual([report.new, report.skipped, it.sessions.at(-1)?.retrieved], [1, 3, 1])
  assert.deepEqual([(await it.fetch({}, mail)).new, it.sessions.at(-1)?.tops], [0, 0])
  it.leave = 'delete'
  assert.equal((await it.fetch({}, mail)).deleted, 4)
})
