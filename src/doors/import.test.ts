import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { MemoryStore } from '../store/memory.ts'
import type { Message, UserMail } from '../store/store.ts'
import { importMail } from './import.ts'

let folder: string
let mail: UserMail
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postino-import-'))
  mail = await new MemoryStore().open('mario')
})
afterEach(() => rm(folder, { recursive: true }))

async function put(path: string, octets: string | Buffer, changed?: number): Promise<string> {
  const whole = join(folder, path)
  await mkdir(join(whole, '..'), { recursive: true })
  await writeFile(whole, typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets)
  if (changed !== undefined) await utimes(whole, changed / 1000, changed / 1000)
  return whole
}

interface Kept extends Pick<Message, 'received' | 'flags'> {
  mailbox: string
  octets: string
}

async function kept(): Promise<Kept[]> {
  const { messages, names } = await mail.read((view) => ({
    messages: view.messages(),
    names: new Map(view.mailboxes().map((each) => [each.id, each.name])),
  }))
  const out: Kept[] = []
  for (const { id, mailbox, received, flags } of messages) {
    const octets: string[] = []
    for await (const chunk of mail.bytes(id)) octets.push(Buffer.from(chunk).toString('latin1'))
    out.push({ mailbox: names.get(mailbox) ?? '', octets: octets.join(''), received, flags })
  }
  return out
}

const octetsKept = async (): Promise<string[]> => (await kept()).map(({ octets }) => octets)

test('a file is kept octet for octet, and only once', async () => {
  const path = await put('a.eml', 'Subject: a\r\n\r\nNUL \0, 8-bit \xe9, bare \r and \n, no last line end')
  assert.deepEqual(await importMail(mail, [path]), { new: 1, known: 0, octets: 60, failed: [] })
  assert.deepEqual(await importMail(mail, [path]), { new: 0, known: 1, octets: 60, failed: [] })
  assert.deepEqual(await octetsKept(), ['Subject: a\r\n\r\nNUL \0, 8-bit \xe9, bare \r and \n, no last line end'])
})

test('two equal messages in the source stay two, and running it again adds nothing', async () => {
  await put('in/1.eml', 'A: b\n\nsame\n')
  await put('in/2.eml', 'A: b\n\nsame\n')
  await put('in/3.mbox', 'From a\nA: b\n\nsame\n\nFrom a\nA: b\n\nother\n\n')
  const first = await importMail(mail, [join(folder, 'in')])
  assert.deepEqual([first.new, first.known], [4, 0])
  const again = await importMail(mail, [join(folder, 'in')])
  assert.deepEqual([again.new, again.known], [0, 4])
  assert.equal((await kept()).length, 4)
  // Into another mailbox it is another import.
  const elsewhere = await importMail(mail, [join(folder, 'in')], { mailbox: 'Old' })
  assert.deepEqual([elsewhere.new, elsewhere.known], [4, 0])
})

test('a folder is read in the order of its names, sub-folders where their name stands, dot files not at all', async () => {
  await put('in/b.eml', 'N: 2\n\n')
  await put('in/a/2', 'N: 1\n\n')
  await put('in/a/10', 'N: 0\n\n')
  await put('in/c.eml', 'N: 3\n\n')
  await put('in/.hidden.eml', 'N: 9\n\n')
  await put('in/\xe8.eml', 'N: 4\n\n')
  await importMail(mail, [join(folder, 'in')])
  assert.deepEqual(await octetsKept(), ['N: 0\n\n', 'N: 1\n\n', 'N: 2\n\n', 'N: 3\n\n', 'N: 4\n\n'])
})

test('a name that is not UTF-8 is opened all the same', async () => {
  await mkdir(join(folder, 'in'))
  await writeFile(Buffer.concat([Buffer.from(join(folder, 'in/')), Buffer.from([0xe9, 0xff])]), 'A: b\n\n')
  assert.equal((await importMail(mail, [join(folder, 'in')])).new, 1)
})

test('what is no mail is told, and the rest goes on', async () => {
  await put('in/a.eml', 'A: b\n\n1')
  await put('in/b.eml', '')
  await put('in/c.jpg', '\xff\xd8\xff\xe0\0\x10JFIF\0')
  await put('in/d/e.eml', 'A: b\n\n2')
  await symlink('..', join(folder, 'in/d/round'))
  await symlink('nowhere', join(folder, 'in/f'))
  execFileSync('mkfifo', [join(folder, 'in/g')])
  const report = await importMail(mail, [join(folder, 'absent'), join(folder, 'in')])
  assert.equal(report.new, 2)
  const told = report.failed.map(({ path, why }) => `${path.slice(folder.length + 1)}: ${why}`)
  assert.deepEqual(told, [
    'absent: there is no such file or folder',
    'in/b.eml: it is empty',
    'in/c.jpg: it does not look like mail: it does not begin with a header',
    'in/d/round: this link leads back to a folder that it is in',
    'in/f: there is no such file or folder',
    'in/g: it is not a file',
  ])
})

test(
  'a file without permission is told',
  { skip: process.getuid?.() === 0 && 'root may read everything' },
  async () => {
    const path = await put('a.eml', 'A: b\n\n')
    execFileSync('chmod', ['0', path])
    assert.deepEqual((await importMail(mail, [path])).failed, [{ path, why: 'you have no permission to read it' }])
  },
)

test('a Maildir gives flags, dates and mailboxes', async () => {
  const time = Date.UTC(2020, 1, 2, 3, 4, 5)
  await put('m/cur/1000.b.host,S=9:2,RS', 'A: 1\n\n', time)
  await put('m/new/999.a.host', 'Date: Mon, 23 Nov 2026 14:34:53 +0000\n\n', time)
  await put('m/cur/1001.c.host:2,', 'From an odd server\nA: 3\n\n', time)
  await put('m/tmp/1.x', 'half')
  await put('m/dovecot-uidlist', '3 V1 N4')
  await put('m/.A.Entw&APw-rfe/cur/5.e:2,D', 'A: 4\n\n', time)
  await put('m/.A.Entw&APw-rfe/new/.keep', '')
  assert.deepEqual((await importMail(mail, [join(folder, 'm')], { mailbox: 'Old' })).failed, [])
  assert.deepEqual(await kept(), [
    { mailbox: 'Old', octets: 'Date: Mon, 23 Nov 2026 14:34:53 +0000\n\n', received: time, flags: [] },
    { mailbox: 'Old', octets: 'A: 1\n\n', received: time, flags: ['\\Answered', '\\Seen'] },
    { mailbox: 'Old', octets: 'From an odd server\nA: 3\n\n', received: time, flags: [] },
    { mailbox: 'A/Entwürfe', octets: 'A: 4\n\n', received: time, flags: ['\\Draft'] },
  ])
})

test('an mbox gives its messages with their dates, LF or CRLF', async () => {
  const date = Date.UTC(2026, 10, 23, 14, 34, 53)
  for (const end of ['\n', '\r\n']) {
    const lines = [
      'From a@b Mon Nov 23 14:34:53 2026',
      'A: 1',
      '',
      '>From x',
      '>>From y',
      'From z',
      '',
      'From b',
      'A: 2',
      '',
      '',
    ]
    const path = await put('in.mbox', lines.join(end), 86_400_000)
    await importMail(mail, [path], { mailbox: `box${end.length}` })
    assert.deepEqual((await kept()).slice(-2), [
      {
        mailbox: `box${end.length}`,
        octets: ['A: 1', '', 'From x', '>From y', 'From z', ''].join(end),
        received: date,
        flags: [],
      },
      { mailbox: `box${end.length}`, octets: ['A: 2', ''].join(end), received: 86_400_000, flags: [] },
    ])
  }
})

test('an mbox larger than any buffer comes in whole', async () => {
  const bodies = Array.from({ length: 700 }, (_, n) => `N: ${n}\n\n${`line ${n}\n`.repeat(n === 350 ? 400_000 : 700)}`)
  const path = await put('in.mbox', bodies.map((body) => `From a\n${body}\n`).join(''))
  assert.equal((await importMail(mail, [path])).new, 700)
  assert.deepEqual(await octetsKept(), bodies)
})

test('a message too large for memory is read in pieces', async () => {
  const body = `A: b\n\n${'0123456789abcde\n'.repeat(200_000)}`
  assert.equal((await importMail(mail, [await put('a.eml', body)])).new, 1)
  assert.ok((await octetsKept())[0] === body)
})

test('a Thunderbird folder gives its mailboxes', async () => {
  await put('t/Inbox', 'From - Mon Nov 23 14:34:53 2026\nA: 1\n\n')
  await put('t/Inbox.msf', 'index')
  await put('t/Sent', 'From - Mon Nov 23 14:34:53 2026\nA: 2\n\n')
  await put('t/Sent.msf', 'index')
  await put('t/Trash', '')
  await put('t/Trash.msf', 'index')
  await put('t/popstate.dat', 'not mail')
  await put('t/Sent.sbd/2019', 'From - Mon Nov 23 14:34:53 2026\nA: 3\n\n')
  await put('t/Sent.sbd/2019.msf', 'index')
  assert.deepEqual((await importMail(mail, [join(folder, 't')])).failed, [])
  assert.deepEqual(
    (await kept()).map(({ mailbox, octets }) => `${mailbox} ${octets.slice(0, 4)}`),
    ['INBOX A: 1', 'Sent A: 2', 'Sent/2019 A: 3'],
  )
})

test('stdin is one message, whatever it begins with', async () => {
  const stdin = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from('From here')
    yield Buffer.from(' on\n\nFrom there\n')
  }
  assert.equal((await importMail(mail, ['-'], { stdin: stdin() })).new, 1)
  assert.deepEqual(await octetsKept(), ['From here on\n\nFrom there\n'])
  assert.deepEqual((await importMail(mail, ['-'], { stdin: (async function* () {})() })).failed, [
    { path: '-', why: 'it is empty' },
  ])
})

test('a message is dated by its uppermost Received, else its Date, else its file', async () => {
  const file = Date.UTC(2001, 0, 1)
  const received = 'Received: from a by b\r\n\tfor <c>; Mon, 23 Nov 2026\r\n 14:34:53 +0100 (CET)\r\n'
  const date = 'Date: Sun, 22 Nov 2026 10:00:00 +0000 (UTC)\r\n'
  await put('in/1.eml', `X: y\r\n${date}${received}Received: by x; 1 Jan 2020 00:00:00 +0000\r\n\r\n`, file)
  await put('in/2.eml', `${date}\r\nReceived: ; Mon, 23 Nov 2020 14:34:53 +0100\r\n`, file)
  await put('in/3.eml', 'Date: soon\n\n', file)
  await put('in/4.eml', 'Date: Mon, 23 Nov 2999 14:34:53 +0100\n\n', file)
  await importMail(mail, [join(folder, 'in')])
  assert.deepEqual(
    (await kept()).map((each) => each.received),
    [Date.UTC(2026, 10, 23, 13, 34, 53), Date.UTC(2026, 10, 22, 10), file, file],
  )
})

test('progress tells what is kept, and ends with everything', async () => {
  const path = await put('in.mbox', 'From a\nA: b\n\n\nFrom b\nA: c\n\n\n')
  const seen: unknown[] = []
  await importMail(mail, [path], { onProgress: (progress) => seen.push(progress) })
  assert.deepEqual(seen.at(-1), { messages: 2, octets: 12 })
})

test('when the store fails, the import stops and says so', async () => {
  const path = await put('in.mbox', 'From a\nA: b\n\n\n'.repeat(500))
  let changes = 0
  const failing: UserMail = {
    user: 'mario',
    modseq: () => mail.modseq(),
    read: (look) => mail.read(look),
    change: (work) => (++changes === 3 ? Promise.reject(new Error('the disk is full')) : mail.change(work)),
    stage: (form) => mail.stage(form),
    bytes: (id) => mail.bytes(id),
    lend: (id, take) => mail.lend(id, take),
    close: () => mail.close(),
  }
  await assert.rejects(importMail(failing, [path]), /the disk is full/)
  const before = (await kept()).length
  assert.ok(before >= 2 && before < 500)
  const again = await importMail(mail, [path])
  assert.deepEqual([again.new + before, (await kept()).length], [500, 500])
})
