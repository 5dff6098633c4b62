import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryStore } from '../store/memory.ts'
import { importMail } from './import.ts'
import { MboxStatus } from './mbox-status.ts'

function flagsOf(...chunks: string[]): string[] {
  const status = new MboxStatus()
  for (const chunk of chunks) status.push(Buffer.from(chunk))
  return status.flags()
}

test('the flags of Status and X-Status, and of nothing else', () => {
  assert.deepEqual(flagsOf('Subject: a\nStatus: RO\nX-Status: AF\n\nbody\n'), ['\\Answered', '\\Flagged', '\\Seen'])
  assert.deepEqual(flagsOf('Subject: a\r\nstatus:RO \r\n\r\n'), ['\\Seen'])
  assert.deepEqual(flagsOf('Sta', 'tus: ', 'R\n', '\n'), ['\\Seen'])
  for (const none of [
    'Status: O\nX-Status: D\n\n', // new, and marked for deletion
    'Subject: a\n\nStatus: R\n', // of the body
    '\nStatus: R\n\n',
    'Subject: a\n Status: R\n\n',
    'Status: Read\nX-My-Status: R\n\n',
    `X: ${'x'.repeat(16 << 10)}\nStatus: R\n\n`,
    '',
  ])
    assert.deepEqual(flagsOf(none), [], none.slice(0, 40))
})

test('import of an mbox takes the flags, and leaves the octets as they are', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-status-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const first = 'Subject: a\nStatus: RO\nX-Status: A\n\nOne.\n'
  const second = 'Subject: b\n\nStatus: R is what it is about.\n'
  await writeFile(join(folder, 'in.mbox'), `From a@b\n${first}\nFrom a@b\n${second}\n`)
  const mail = await new MemoryStore().open('mario')
  await importMail(mail, [join(folder, 'in.mbox')])
  const kept: unknown[] = []
  for (const { id, flags } of await mail.read((view) => view.messages())) {
    let text = ''
    for await (const chunk of mail.bytes(id)) text += Buffer.from(chunk).toString()
    kept.push([text, flags.toSorted()])
  }
  assert.deepEqual(kept, [
    [first, ['\\Answered', '\\Seen']],
    [second, []],
  ])
})
