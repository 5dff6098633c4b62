import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { MessageId } from '../ids.ts'
import { add, octetsOf } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
import type { Device, Hold, LedgerEntry, Mailbox, Message, Trouble, UserMail } from './store.ts'

// Each folder is the mail of a user as a version of Postino left it, and what that version said of it: see
// test/fixtures/make-stores.ts.

const fixtures = new URL('../../test/fixtures/', import.meta.url)
const account = 'pop3:mario@example.it'

interface Said {
  readonly messages: readonly Message[]
  readonly mailboxes: readonly Mailbox[]
  readonly ledger: readonly LedgerEntry[]
  readonly troubles: readonly Trouble[]
  readonly devices?: readonly Device[]
  readonly trashed?: readonly MessageId[]
  readonly hidden?: readonly MessageId[]
  readonly hiddenFromPhone?: readonly MessageId[]
  readonly holds?: readonly Hold[]
  /** SHA-256 of each message's octets, by its id. */
  readonly octets: Readonly<Record<string, string>>
}

async function unpack(t: TestContext, version: string): Promise<{ folder: string; said: Said }> {
  const read = async (name: string): Promise<Buffer> =>
    gunzipSync(await readFile(new URL(`${version}/${name}.gz`, fixtures)))
  const folder = await mkdtemp(join(tmpdir(), 'postino-written-'))
  t.after(() => rm(folder, { recursive: true }))
  const user = join(folder, 'users', 'mario')
  await mkdir(join(user, 'segments'), { recursive: true })
  await writeFile(join(user, 'index.sqlite'), await read('index.sqlite'))
  for (const name of await readdir(new URL(`${version}/`, fixtures)))
    if (name.endsWith('.zst.gz'))
      await writeFile(join(user, 'segments', name.slice(0, -3)), await read(name.slice(0, -3)))
  return { folder, said: JSON.parse((await read('said.json')).toString()) as Said }
}

/** That all that was said holds; of what that version did not know yet, nothing. */
async function holds(mail: UserMail, said: Said): Promise<void> {
  const seen = await mail.read((view) => ({
    messages: view.messages(),
    mailboxes: view.mailboxes(),
    ledger: view.ledger(account),
    troubles: view.troubles(account),
    devices: view.devices(),
    trashed: view.trashed(Infinity),
    hidden: view.hidden(),
    holds: view.holds(),
    hiddenFromPhone: view.hasDevice('phone') ? view.hidden('phone') : [],
  }))
  assert.deepEqual(
    seen.messages.map(({ id }) => id),
    said.messages.map(({ id }) => id),
  )
  for (const [place, message] of said.messages.entries())
    assert.partialDeepStrictEqual(plain(seen.messages[place]), message)
  for (const [place, mailbox] of said.mailboxes.entries())
    assert.partialDeepStrictEqual(plain(seen.mailboxes[place]), mailbox)
  assert.deepEqual(plain(seen.ledger), said.ledger)
  assert.deepEqual(plain(seen.troubles), said.troubles)
  for (const name of ['devices', 'trashed', 'hidden', 'hiddenFromPhone', 'holds'] as const)
    if (said[name] !== undefined) assert.deepEqual(plain(seen[name]), said[name])
  for (const [id, hash] of Object.entries(said.octets)) {
    const octets = await octetsOf(mail, Number(id) as MessageId)
    assert.equal(createHash('sha256').update(octets).digest('hex'), hash, `message ${id}`)
  }
}

/** As it stands in JSON. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

for (const version of (await readdir(fixtures)).filter((name) => name.startsWith('store-written-by-'))) {
  test(`${version.replaceAll('-', ' ')}: opened, read, checked, made again, settled and written to, all of it holds`, async (t) => {
    const { folder, said } = await unpack(t, version)
    const store = new DiskStore(folder)
    t.after(() => store.close())
    await holds(await store.open('mario'), said)
    assert.deepEqual((await store.check('mario')).problems, [])
    await store.rebuild('mario')
    await holds(await store.open('mario'), said)
    assert.deepEqual((await store.check('mario')).problems, [])

    const { segments } = await store.settle('mario', { all: true })
    assert.equal(segments, 1)
    await holds(await store.open('mario'), said)
    assert.deepEqual((await store.check('mario')).problems, [])
    await store.rebuild('mario')
    await holds(await store.open('mario'), said)

    const id = await add(await store.open('mario'), 'Subject: new\r\n\r\n')
    assert.equal((await octetsOf(await store.open('mario'), id)).toString(), 'Subject: new\r\n\r\n')
    assert.deepEqual((await store.check('mario')).problems, [])
  })
}
