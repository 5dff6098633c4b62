import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Directory } from '../accounts/directory.ts'
import { DiskStore } from '../store/disk.ts'
import { Mails } from './serve-mails.ts'

test('a session of a user who was removed and added again neither sees the new mail nor closes it', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'postino-mails-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  await mkdir(join(data, 'users'))
  const [directory, store] = [await Directory.open(data), new DiskStore(data)]
  const mails = new Mails(store, directory)
  t.after(async () => {
    await mails.close()
    await store.close()
    directory.close()
  })
  const others = Array.from({ length: 130 }, (_, n) => `u${n}`)
  for (const name of ['mario', ...others]) await directory.addUser(name, undefined)
  const before = await mails.borrow('mario')
  const elsewhere = new DiskStore(data)
  const admin = await Directory.open(data)
  await admin.removeUser('mario')
  await elsewhere.remove('mario')
  await assert.rejects(mails.borrow('mario'), { code: 'no-such-user' })
  await admin.addUser('mario', undefined)
  admin.close()
  const after = await mails.borrow('mario')
  assert.notEqual(after, before)
  await assert.rejects(
    before.read(() => undefined),
    /closed/,
  )
  mails.giveBack(before)
  for (const name of others) mails.giveBack(await mails.borrow(name))
  assert.equal(await after.read((view) => view.messages().length), 0)
  mails.giveBack(after)
})
