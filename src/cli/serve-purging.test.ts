import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Directory } from '../accounts/directory.ts'
import { DiskStore } from '../store/disk.ts'
import { LogLines } from './serve-log.ts'
import { Mails } from './serve-mails.ts'
import { Purging } from './serve-purging.ts'
import { Notes } from './notes.ts'
import { Output } from './output.ts'
import { PassThrough } from 'node:stream'

const day = 86_400_000

test('the trash is emptied by itself of what has been in it for the user’s days, and the log says so', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'postino-purging-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  await mkdir(join(data, 'users'))
  const directory = await Directory.open(data)
  await directory.addUser('mario', undefined)
  await directory.addUser('nobody', undefined)
  await directory.setSettings('mario', { dele: 'trash', trashDays: 10 })
  let now = Date.now() - 20 * day
  const store = new DiskStore(data, { now: () => now })
  const mails = new Mails(store, directory)
  const mail = await mails.borrow('mario')
  const keep = async (text: string): Promise<void> => {
    const staging = mail.stage()
    await staging.write(Buffer.from(text))
    const staged = await staging.finish()
    await mail.change((draft) => draft.trash(draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: now })))
  }
  await keep('Subject: old\r\n\r\n')
  now = Date.now()
  await keep('Subject: new\r\n\r\n')
  const stream = new PassThrough()
  let said = ''
  stream.on('data', (text) => (said += text))
  const context = {
    data,
    json: false,
    quiet: false,
    output: new Output(stream),
    notes: new Notes(stream as never, false),
  }
  const log = new LogLines(context)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const purging = new Purging({ data, directory, mails, log })
  purging.start()
  t.mock.timers.tick(60_000)
  await purging.stop()
  t.mock.timers.reset()
  assert.equal(await mail.read((view) => view.trashed(Infinity).length), 1)
  log.flush()
  await new Promise((resolve) => void setImmediate(resolve))
  assert.match(said, /purge mario: 1 message of the trash\n$/)
  await mails.close()
  await store.close()
  directory.close()
})
