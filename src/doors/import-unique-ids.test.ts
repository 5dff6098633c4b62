import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MisuseError } from '../errors.ts'
import { hashOf } from '../store/measure.ts'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import { checkUidlFormat } from './dovecot-uidlist.ts'
import { UniqueIdList } from './import-unique-ids.ts'
import { importMail, type ImportOptions, type ImportReport } from './import.ts'

interface Place {
  readonly mail: UserMail
  readonly put: (path: string, text: string) => Promise<string>
  readonly bring: (path: string, options?: ImportOptions) => Promise<ImportReport>
  /** The unique-ids of the messages, by their subjects; `new` where it is one of ours. */
  readonly named: () => Promise<Record<string, string>>
}

async function place(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-named-'))
  t.after(() => rm(folder, { recursive: true }))
  const mail = await new MemoryStore().open('mario')
  return {
    mail,
    put: async (path, text) => {
      const whole = join(folder, path)
      await mkdir(join(whole, '..'), { recursive: true })
      await writeFile(whole, text)
      return whole
    },
    bring: (path, options) => importMail(mail, [join(folder, path)], options),
    named: async () => {
      const names: Record<string, string> = {}
      for (const { id, uniqueId } of await mail.read((view) => view.messages())) {
        let text = ''
        for await (const chunk of mail.bytes(id)) text += Buffer.from(chunk).toString()
        const subject = /^Subject: (.*)$/m.exec(text)?.[1] ?? ''
        names[subject] = uniqueId.length === 16 && !uniqueId.startsWith('0000') ? 'new' : uniqueId
      }
      return names
    },
  }
}

test('a Maildir of Dovecot brings its unique-ids, and what Dovecot has not listed yet gets a new one', async (t) => {
  const { put, bring, named } = await place(t)
  await put(
    'M/dovecot-uidlist',
    `3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1
10 :1276528487.M1P1.host,S=10,W=12
11 G0af3 W24 :1276528488.M1P2.host
12 Pown.id S17 :1276528489.M1P3.host:2,
no line of this file
`,
  )
  await put('M/cur/1276528487.M1P1.host,S=10,W=12:2,S', 'Subject: a\n\na\n')
  await put('M/cur/1276528488.M1P2.host:2,RS', 'Subject: b\n\nb\n')
  await put('M/cur/1276528489.M1P3.host:2,', 'Subject: c\n\nc\n')
  await put('M/new/1276528490.M1P4.host', 'Subject: d\n\nd\n')
  const report = await bring('M')
  assert.deepEqual([report.uniqueIds, report.failed], [{ kept: 3, refused: 0 }, []])
  assert.deepEqual(await named(), { a: '0000000a4c0907b0', b: '0000000b4c0907b0', c: 'own.id', d: 'new' })
})

test('a dovecot-uidlist that cannot be used is named; the mail comes in all the same', async (t) => {
  const { put, bring, named } = await place(t)
  await put('M/dovecot-uidlist', '1 1275660208 25022\n10 1276528487.M1P1.host\n')
  await put('M/cur/1276528487.M1P1.host:2,S', 'Subject: a\n\na\n')
  await mkdir(join(await put('M/new/.keep', ''), '..'), { recursive: true })
  const { failed } = await bring('M')
  assert.equal(failed.length, 1)
  assert.match(failed[0]?.path ?? '', /dovecot-uidlist$/)
  assert.match(failed[0]?.why ?? '', /unique-ids in it were not taken over/)
  assert.deepEqual(await named(), { a: 'new' })
})

test('a list names messages by SHA-256 or Message-ID, each line once, in its order', async (t) => {
  const { put, bring, named } = await place(t)
  const third = 'Subject: c\n\nc\n'
  const list = new UniqueIdList(
    [
      'id-1\t<one@host>',
      'id-2\tone@host',
      '',
      `id-3\t${hashOf(Buffer.from(third)).toUpperCase()}`,
      'id-4\t<gone@host>',
    ].join('\r\n'),
    'list.tsv',
  )
  assert.equal(list.left, 4)
  const message = (subject: string, id: string): string => `Message-ID: ${id}\nSubject: ${subject}\n\n${subject}\n`
  await put('in/1.eml', message('a', '<one@host>'))
  await put('in/2.mbox', `From x\n${message('b', '(comment) <one@host>')}\nFrom x\n${message('e', '<one@host>')}\n`)
  await put('in/3.eml', third)
  const { uniqueIds } = await bring('in', { uniqueIds: { list } })
  assert.deepEqual(uniqueIds, { kept: 3, refused: 0 })
  assert.equal(list.left, 1)
  assert.deepEqual(await named(), { a: 'id-1', b: 'id-2', c: 'id-3', e: 'new' })
})

test('a unique-id that another message has is not given twice, and the report says so', async (t) => {
  const { put, bring, named } = await place(t)
  await put('1.eml', 'X-UIDL: same\nSubject: a\n\na\n')
  await put('2.eml', 'X-UIDL: same\nSubject: b\n\nb\n')
  await put('3.eml', `X-UIDL: ${'long'.repeat(20)}\nSubject: c\n\nc\n`)
  const { uniqueIds } = await bring('.', { uniqueIds: { xUidl: true } })
  assert.deepEqual(uniqueIds, { kept: 1, refused: 1 })
  assert.deepEqual(await named(), { a: 'same', b: 'new', c: 'new' })
})

test('X-UIDL, which anybody can write, counts only where that was asked for', async (t) => {
  const { put, bring, named } = await place(t)
  await put('in.mbox', 'From x\nX-UIDL: 0000abc\nSubject: a\n\na\n\n')
  assert.equal((await bring('in.mbox')).uniqueIds, undefined)
  assert.deepEqual(await named(), { a: 'new' })
})

test('a list with a fault in it names the line', () => {
  const faults: [string, RegExp][] = [
    ['id-1', /list\.tsv, line 1: give a unique-id, a tab/],
    ['id-1\ta\nid 2\tb', /line 2: "id 2" cannot be a unique-id/],
    ['id-1\ta\n\nid-1\tb', /line 3: the unique-id id-1 stands further up too/],
  ]
  for (const [text, said] of faults)
    assert.throws(
      () => new UniqueIdList(text, 'list.tsv'),
      (error) => error instanceof MisuseError && said.test(error.message),
    )
})

test('a uidl format that cannot be followed is refused', () => {
  for (const format of ['%08Xu%08Xv', '%u', 'UID%u-%v', '%f']) checkUidlFormat(format)
  for (const format of ['%m', 'fixed', '%u%', '%{uid}']) assert.throws(() => checkUidlFormat(format), MisuseError)
})
