import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { Directory } from '../accounts/directory.ts'
import { DiskStore } from '../store/disk.ts'
import { Notes } from './notes.ts'
import { Output } from './output.ts'
import { Indexing } from './serve-indexing.ts'
import { LogLines } from './serve-log.ts'
import { Mails } from './serve-mails.ts'

test('users who cannot be read are a line in the log, not the end of serve', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'postino-indexing-'))
  const directory = await Directory.open(data)
  const mails = new Mails(new DiskStore(data), directory)
  const stream = new PassThrough()
  let said = ''
  stream.on('data', (text) => (said += text))
  const output = { output: new Output(stream), notes: new Notes(stream as never, false) }
  const log = new LogLines({ data, json: false, quiet: false, ...output })
  t.mock.method(directory, 'users', () => {
    throw new Error('the disk cannot be read')
  })
  const indexing = new Indexing({ data, directory, mails, log })
  t.after(async () => {
    directory.close()
    await rm(data, { recursive: true, force: true })
  })
  indexing.start()
  await indexing.close()
  log.flush()
  await new Promise((resolve) => void setImmediate(resolve))
  assert.match(said, /new mail is not indexed: .*the disk cannot be read/)
})
