import assert from 'node:assert/strict'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { add } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
import type { UserMail } from './store.ts'

async function storeIn(t: TestContext): Promise<{ folder: string; store: DiskStore }> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-'))
  const store = new DiskStore(folder, { awake: 3 })
  t.after(async () => {
    await store.close()
    await rm(folder, { recursive: true })
  })
  return { folder, store }
}

async function texts(mail: UserMail): Promise<string[]> {
  const ids = await mail.read((view) => view.messages().map(({ id }) => id))
  const found: string[] = []
  for (const id of ids) {
    let text = ''
    for await (const octets of mail.bytes(id)) text += Buffer.from(octets).toString()
    found.push(text)
  }
  return found
}

/** How many files of an index this process has open. */
async function openIndexes(folder: string): Promise<number> {
  const files = await readdir('/proc/self/fd').catch(() => [])
  const names = await Promise.all(files.map((file) => readlink(`/proc/self/fd/${file}`).catch(() => '')))
  return names.filter((name) => name.startsWith(folder) && name.endsWith('index.sqlite')).length
}

test('of many users whose mail is open, most cost no connection, and all are as ready as ever', async (t) => {
  const { folder, store } = await storeIn(t)
  const mails: UserMail[] = []
  for (let i = 0; i < 8; i++) {
    const mail = await store.open(`user${i}`)
    await add(mail, `first of ${i}\r\n`)
    mails.push(mail)
  }
  assert.ok((await openIndexes(folder)) <= 2 * 3)
  for (const [i, mail] of mails.entries()) {
    const before = mail.modseq()
    await add(mail, `second of ${i}\r\n`)
    assert.ok(mail.modseq() > before)
    assert.deepEqual(await texts(mail), [`first of ${i}\r\n`, `second of ${i}\r\n`])
  }
})

test('mail that rested is not taken for that of a later user of the same name', async (t) => {
  const { folder, store } = await storeIn(t)
  const mail = await store.open('mario')
  await add(mail, 'of the first\r\n')
  for (let i = 0; i < 3; i++) (await store.open(`user${i}`)).modseq()
  const another = new DiskStore(folder)
  t.after(() => another.close())
  await another.remove('mario')
  await add(await another.open('mario'), 'of the second\r\n')
  assert.throws(() => mail.modseq(), { code: 'missing' })
  await assert.rejects(
    mail.change((draft) => draft.openMailbox('INBOX')),
    { code: 'missing' },
  )
})
