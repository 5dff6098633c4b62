import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { MemoryStore } from '../store/memory.ts'
import type { Flag, UserMail } from '../store/store.ts'
import { safeParts } from './export-file.ts'
import { exportMail } from './export.ts'
import { importMail } from './import.ts'

let folder: string
let mail: UserMail
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postino-export-'))
  mail = await new MemoryStore().open('mario')
})
afterEach(() => rm(folder, { recursive: true }))

const received = Date.UTC(2026, 10, 23, 14, 34, 53)

async function keep(octets: string | Buffer, mailbox = 'INBOX', flags: Flag[] = []): Promise<MessageId> {
  const staging = mail.stage('unknown')
  await staging.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets)
  const staged = await staging.finish()
  return mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox(mailbox), received, flags }))
}

async function octetsIn(from: UserMail): Promise<string[]> {
  const out: string[] = []
  for (const { id } of await from.read((view) => view.messages())) {
    const chunks: Uint8Array[] = []
    for await (const chunk of from.bytes(id)) chunks.push(chunk)
    out.push(Buffer.concat(chunks).toString('latin1'))
  }
  return out
}

async function filesIn(where: string): Promise<string[]> {
  const entries = await readdir(where, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(where.length + 1))
    .toSorted()
}

/** A store whose message `id` cannot be read to its end. */
function damage(id: MessageId): UserMail {
  const bytes = async function* (asked: MessageId): AsyncGenerator<Uint8Array> {
    if (asked !== id) return yield* mail.bytes(asked)
    yield Buffer.alloc(3 << 20, 'x')
    throw new StoreError('damaged', 'segment 1 is damaged')
  }
  return {
    user: 'mario',
    modseq: () => mail.modseq(),
    read: (look) => mail.read(look),
    change: (work) => mail.change(work),
    stage: (form) => mail.stage(form),
    bytes,
    lend: (asked, take) => mail.lend(asked, take),
    close: () => mail.close(),
  }
}

const odd = [
  'Subject: plain\r\n\r\nbody\r\n',
  'Subject: unix\n\nbody\n',
  'Subject: mixed\r\n\nbare \r and\n\r\n\r',
  'NUL: \0\r\n\r\n\0\0\xff\xfe\x80',
  'From here on\r\n\r\nFrom there\r\n\r\n>From nowhere\r\n\r\n\r\n',
  'no header at all',
  '\r\n\r\nonly a body',
  'Subject: no body\r\n\r\n',
  'Subject: no empty line\r\n',
  `Subject: long\r\n\r\n${'a'.repeat(3 << 20)}`,
  '.\r\n..\r\n',
  '\n',
  ' ',
]

for (const format of ['maildir', 'eml', 'mbox'] as const) {
  test(`${format}: odd messages go out and come in again, octet for octet`, async () => {
    // An mbox ends each message with a line end: it cannot keep that one was missing.
    const messages = format === 'mbox' ? odd.map((each) => (each.endsWith('\n') ? each : `${each}\n`)) : odd
    for (const each of odd) await keep(each)
    const report = await exportMail(mail, folder, { format })
    assert.deepEqual(report, { messages: odd.length, octets: odd.join('').length, damaged: [] })
    const back = await new MemoryStore().open('back')
    const imported = await importMail(back, [folder])
    assert.deepEqual(imported.failed, [])
    assert.deepEqual((await octetsIn(back)).toSorted(), messages.toSorted())
    if (format === 'maildir') {
      const dates = await back.read((view) => view.messages().map((each) => each.received))
      assert.deepEqual(new Set(dates), new Set([received]))
    }
  })

  test(`${format}: a second run adds what is missing and touches nothing else`, async () => {
    await keep('A: 1\n\n')
    await keep('A: 2\n\n', 'Old/2019')
    await exportMail(mail, folder, { format })
    const before = await filesIn(folder)
    await keep('A: 3\n\n')
    const report = await exportMail(mail, folder, { format })
    assert.equal(report.messages, 3)
    const after = await filesIn(folder)
    assert.deepEqual(
      after.filter((name) => before.includes(name)),
      before,
    )
    const back = await new MemoryStore().open('back')
    await importMail(back, [folder])
    assert.deepEqual((await octetsIn(back)).toSorted(), ['A: 1\n\n', 'A: 2\n\n', 'A: 3\n\n'])
  })

  test(`${format}: a damaged message is told and leaves no trace, the others are written`, async () => {
    await keep('A: 1\n\n')
    const bad = await keep('A: 2\n\n')
    await keep('A: 3\n\n')
    const report = await exportMail(damage(bad), folder, { format })
    assert.deepEqual(report, { messages: 2, octets: 12, damaged: [{ id: bad, why: 'segment 1 is damaged' }] })
    assert.deepEqual(
      (await filesIn(folder)).filter((name) => /part|tmp\//.test(name)),
      [],
    )
    const back = await new MemoryStore().open('back')
    await importMail(back, [folder])
    assert.deepEqual((await octetsIn(back)).toSorted(), ['A: 1\n\n', 'A: 3\n\n'])
  })

  test(`${format}: a file with other octets is not written over`, async () => {
    await keep('A: 1\n\n')
    await exportMail(mail, folder, { format })
    const name = (await filesIn(folder)).find((each) => !each.startsWith('tmp')) ?? ''
    await writeFile(join(folder, name), 'mine')
    await assert.rejects(exportMail(mail, folder, { format }), (error: Error) => error.message.includes(name))
    assert.equal(await readFile(join(folder, name), 'utf8'), 'mine')
    assert.deepEqual(await filesIn(folder), [name])
  })

  test(`${format}: only one mailbox, when asked`, async () => {
    await keep('A: 1\n\n')
    await keep('A: 2\n\n', 'Old')
    assert.equal((await exportMail(mail, folder, { format, mailbox: 'Old' })).messages, 1)
    await assert.rejects(exportMail(mail, folder, { format, mailbox: 'New' }), /no mailbox New; there are: INBOX, Old/)
  })

  test(`${format}: a folder that cannot be made is named`, async () => {
    await keep('A: 1\n\n')
    await writeFile(join(folder, 'file'), 'mine')
    await assert.rejects(exportMail(mail, join(folder, 'file/inner'), { format }), /file/)
    assert.equal(await readFile(join(folder, 'file'), 'utf8'), 'mine')
  })
}

test('maildir: names, flags, dates and mailboxes are as Maildir++ has them', async () => {
  await keep('A: 1\n\n', 'INBOX', ['\\Seen', '\\Flagged', 'work'])
  await keep('A: 2\n\n', 'INBOX', ['\\Answered'])
  await keep('A: 3\n\n', 'A/Bücher')
  await exportMail(mail, folder)
  const second = received / 1000
  assert.deepEqual(await filesIn(folder), [
    `.A.B&APw-cher/maildirfolder`,
    `.A.B&APw-cher/new/${second}.3.postino,S=6:2,`,
    `cur/${second}.1.postino,S=6:2,FS`,
    `new/${second}.2.postino,S=6:2,R`,
  ])
  for (const part of ['cur', 'new', 'tmp']) assert.ok(existsSync(join(folder, '.A.B&APw-cher', part)))
  assert.equal((await stat(join(folder, `cur/${second}.1.postino,S=6:2,FS`))).mtimeMs, received)
})

test('maildir: a message that a mail program has moved and marked is not written again', async () => {
  await keep('A: 1\n\n')
  await exportMail(mail, folder)
  const base = `${received / 1000}.1.postino,S=6`
  await rename(join(folder, 'new', `${base}:2,`), join(folder, 'cur', `${base}:2,ST`))
  await exportMail(mail, folder)
  assert.deepEqual(await filesIn(folder), [`cur/${base}:2,ST`])
})

test('eml: numbered by arrival, other mailboxes in folders', async () => {
  await keep('A: 1\n\n')
  await keep('A: 2\n\n', '../../etc/pass:wd')
  await exportMail(mail, folder, { format: 'eml' })
  assert.deepEqual(await filesIn(folder), ['%2E%2E/%2E%2E/etc/pass%3Awd/000002.eml', '000001.eml'])
})

test('mbox: the From line has the sender and the date', async () => {
  await keep('Return-Path: <bounce@example.it>\nFrom: Mario <mario@example.it>\n\n')
  await keep('Subject: x\nFrom: "Rossi, Mario"\n <mario@example.it>\n\n')
  await keep('Return-Path: <>\n\nFrom: body@example.it\n')
  await exportMail(mail, folder, { format: 'mbox' })
  const lines = (await readFile(join(folder, 'INBOX.mbox'), 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('From '))
  assert.deepEqual(lines, [
    'From bounce@example.it Mon Nov 23 14:34:53 2026',
    'From mario@example.it Mon Nov 23 14:34:53 2026',
    'From MAILER-DAEMON Mon Nov 23 14:34:53 2026',
  ])
})

test('mbox: a message of no octets does not spoil its neighbours', async () => {
  for (const each of ['A: 1\n\n', '', 'A: 2\n\n']) await keep(each)
  await exportMail(mail, folder, { format: 'mbox' })
  const back = await new MemoryStore().open('back')
  const report = await importMail(back, [folder])
  assert.deepEqual(await octetsIn(back), ['A: 1\n\n', 'A: 2\n\n'])
  assert.match(report.failed[0]?.why ?? '', /message 2 in it is empty/)
})

test('what an export that was killed left is written over', async () => {
  await keep('A: 1\n\n')
  await exportMail(mail, folder)
  const [name = ''] = await filesIn(folder)
  const base = name.replace(/^new\//, '').replace(/:2,$/, '')
  await rm(join(folder, name))
  await writeFile(join(folder, 'tmp', base), 'half of a longer message')
  await exportMail(mail, folder)
  assert.deepEqual(await filesIn(folder), [name])
  assert.equal(await readFile(join(folder, name), 'utf8'), 'A: 1\n\n')
})

test('no two mailboxes share a folder name, and none leads elsewhere', () => {
  const part = fc.constantFrom('a', 'A', '.', '..', 'é', '%', ':', ' ', 'con', '.eml', '\0', '\\', 'x'.repeat(300))
  const name = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(name, name, (one, other) => {
      const [a, b] = [safeParts(one), safeParts(other)]
      assert.equal(a.length, 1)
      assert.doesNotMatch(a[0] ?? '', /^\.|[\0/\\:]|^$|[. ]$|^con$/)
      assert.ok(Buffer.byteLength(a[0] ?? '') <= 200)
      assert.equal(a[0] === b[0], one === other)
    }),
    { numRuns: 3000 },
  )
})

test('an export into a folder that is not there makes it', async () => {
  await keep('A: 1\n\n')
  await mkdir(join(folder, 'x'))
  await exportMail(mail, join(folder, 'x/y/z'), { format: 'mbox' })
  assert.deepEqual(await filesIn(folder), ['x/y/z/INBOX.mbox'])
})
