import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { StoreError } from '../errors.ts'
import { add } from '../store/contract-mail.ts'
import { DiskStore } from '../store/disk.ts'
import type { UserMail } from '../store/store.ts'
import { isBehind } from './behind.ts'
import { SearchIndex } from './index-file.ts'

/** Mario's mail, open. */
async function mario(t: TestContext): Promise<{ folder: string; mail: UserMail }> {
  const data = await mkdtemp(join(tmpdir(), 'postino-behind-'))
  const store = new DiskStore(data)
  t.after(async () => {
    await store.close()
    await rm(data, { recursive: true, force: true })
  })
  return { folder: store.userFolder('mario'), mail: await store.open('mario') }
}

async function index(folder: string, mail: UserMail): Promise<void> {
  const found = SearchIndex.open(folder, mail)
  await found.catchUp()
  found.close()
}

test('it is behind from the first message, and after each, until it has read it', async (t) => {
  const { folder, mail } = await mario(t)
  assert.equal(isBehind(join(folder, '..', 'nobody'), 'nobody'), false)
  assert.equal(isBehind(folder, 'mario'), false)
  for (let round = 0; round < 2; round++) {
    await add(mail, 'Subject: ciao\r\n\r\n')
    assert.equal(isBehind(folder, 'mario'), true)
    await index(folder, mail)
    assert.equal(isBehind(folder, 'mario'), false)
  }
})

test('an index that must be made anew is behind', async (t) => {
  const { folder, mail } = await mario(t)
  const file = join(folder, 'search.sqlite')
  await add(mail, 'Subject: ciao\r\n\r\n')
  await index(folder, mail)
  const database = new DatabaseSync(file)
  database.exec('pragma user_version = 99')
  database.close()
  assert.equal(isBehind(folder, 'mario'), true)
  await index(folder, mail)
  assert.equal(isBehind(folder, 'mario'), false)
  await writeFile(file, 'this is no database, and long enough to be seen as none')
  assert.equal(isBehind(folder, 'mario'), true)
})

test('the look leaves no file behind; damaged mail is an error that says what to do', async (t) => {
  const { folder, mail } = await mario(t)
  await add(mail, 'Subject: ciao\r\n\r\n')
  await mail.close()
  const before = await readdir(folder)
  assert.equal(isBehind(folder, 'mario'), true)
  assert.deepEqual(await readdir(folder), before)
  await writeFile(join(folder, 'index.sqlite'), 'this is no database, and long enough to be seen as none')
  assert.throws(
    () => isBehind(folder, 'mario'),
    (error) => error instanceof StoreError && /check --rebuild --user mario/.test(error.message),
  )
})
