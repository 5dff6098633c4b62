import assert from 'node:assert/strict'
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { exportMail } from '../src/doors/export.ts'
import type { MessageId } from '../src/ids.ts'
import { add } from '../src/store/contract-mail.ts'
import { DiskStore } from '../src/store/disk.ts'
import type { UserMail } from '../src/store/store.ts'
import { generateMessages } from './corpus/generate.ts'
import { type Finished, available, run } from './peers/run.ts'

// docs/reader.py restores all mail without Postino: what it writes is what `export` does.

const reader = join(import.meta.dirname, '..', 'docs', 'reader.py')

async function whyNot(): Promise<string | false> {
  if (!available('python3')) return 'python3 is not installed'
  if (available('zstd')) return false
  const modules = await Promise.all(
    ['compression.zstd', 'zstandard'].map((one) => run('python3', ['-c', `import ${one}`])),
  )
  return modules.every(({ code }) => code !== 0) && 'neither zstd nor Python 3.14 nor its module zstandard is installed'
}

const skip = await whyNot()

interface House {
  readonly folder: string
  readonly store: DiskStore
  readonly mail: UserMail
}

async function house(t: TestContext): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-reader-'))
  const store = new DiskStore(join(folder, 'data'))
  t.after(async () => {
    await store.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  return { folder, store, mail: await store.open('mario') }
}

/** Octets by mailbox and id, of files `MAILBOX/ID.eml`; those of INBOX may lie at the root. */
async function filesIn(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const path of await readdir(folder, { recursive: true })) {
    const [, mailbox = 'INBOX', id] = /^(?:(.+)\/)?0*(\d+)\.eml$/.exec(path) ?? []
    if (id !== undefined) found.set(`${mailbox}/${id}`, await readFile(join(folder, path), 'latin1'))
  }
  return found
}

let times = 0

async function restored({ folder, store }: House): Promise<Finished & { files: Map<string, string> }> {
  const out = join(folder, `restored-${++times}`)
  const finished = await run('python3', [reader, store.userFolder('mario'), out])
  assert.equal(finished.stderr.includes('Traceback'), false, finished.stderr)
  return { ...finished, files: await filesIn(out) }
}

/** What the reader restores is what is exported. */
async function compare(at: House, messages: number): Promise<void> {
  const out = join(at.folder, `exported-${++times}`)
  await exportMail(at.mail, out, { format: 'eml' })
  const expected = await filesIn(out)
  assert.equal(expected.size, messages)
  const { code, stderr, stdout, files } = await restored(at)
  assert.deepEqual([code, stderr, stdout], [0, '', `${messages} messages, 0 damaged\n`])
  assert.deepEqual([...files.keys()].toSorted(), [...expected.keys()].toSorted())
  for (const [name, octets] of expected) assert.ok(files.get(name) === octets, `${name} is not what was exported`)
}

async function fill(mail: UserMail, seed: number): Promise<MessageId[]> {
  const ids: MessageId[] = []
  for (const [profile, count] of [
    ['small', 15],
    ['odd', 40],
    ['realistic', 12],
  ] as const)
    for (const octets of generateMessages({ seed, count, profile })) ids.push(await add(mail, octets))
  return ids
}

/** One message with an attachment of 400 KB in lines of so many characters. */
function letter(lineLength: number, lineEnd: string): string {
  const text = Buffer.from(Array.from({ length: 400_000 }, (_, at) => (at * at * 31) >> 7)).toString('base64')
  const lines = Array.from({ length: Math.ceil(text.length / lineLength) }, (_, line) =>
    text.slice(line * lineLength, (line + 1) * lineLength),
  )
  return ['Subject: attachment', '', ...lines, '--', ''].join(lineEnd)
}

test('the reader restores mail that is not settled, settled, and both', { skip, timeout: 300_000 }, async (t) => {
  const at = await house(t)
  const { mail, store } = at
  const ids = await fill(mail, 1)
  const again = Buffer.from(generateMessages({ seed: 1, count: 1, profile: 'small' }).next().value ?? '')
  ids.push(await add(mail, again), await add(mail, ''))
  for (const [width, lineEnd] of [
    [76, '\r\n'],
    [64, '\n'],
    [1_000_000, '\r\n'],
  ] as const)
    ids.push(await add(mail, letter(width, lineEnd)))
  await mail.change((draft) => {
    for (const id of ids.slice(0, 9)) draft.move(id, draft.openMailbox('Archive/2026'))
    for (const id of ids.slice(9, 15)) draft.remove(id)
    for (const id of ids.slice(15, 20)) draft.setFlags(id, ['\\Seen', '\\Flagged'])
    draft.hide(ids[20] as MessageId, true)
  })
  const count = ids.length - 6
  await compare(at, count)

  const { segments, raw } = await store.settle('mario', { all: true })
  assert.deepEqual([segments, raw], [1, 0])
  await compare(at, count)

  const more = await fill(mail, 2)
  await add(mail, letter(60, '\r\n'))
  await mail.change((draft) => {
    draft.remove(ids[30] as MessageId)
    draft.move(ids[0] as MessageId, draft.openMailbox('../.. /a:b'))
    draft.move(more[0] as MessageId, draft.openMailbox('Archive/2026'))
  })
  await compare(at, count + more.length)
  await store.settle('mario', { all: true })
  await compare(at, count + more.length)
})

test('the reader says where there is nothing to restore', { skip }, async (t) => {
  const { folder } = await house(t)
  const { code, stderr } = await run('python3', [reader, join(folder, 'nobody'), folder])
  assert.equal(code, 1)
  assert.match(stderr, /^there are no segments in .*nobody\n$/)
})

test('of mail that is damaged the reader restores the rest, and says what is missing', { skip }, async (t) => {
  for (const settled of [false, true]) {
    const at = await house(t)
    await fill(at.mail, 3)
    const ids = [...(await at.mail.read((view) => view.messages()))].map(({ id }) => id)
    if (settled) await at.store.settle('mario', { all: true })
    const whole = await restored(at)
    assert.equal(whole.files.size, ids.length)
    const name = settled ? '0000000001-1.zst' : '0000000001.zst'
    const file = await open(join(at.store.userFolder('mario'), 'segments', name), 'r+')
    const { size } = await file.stat()
    for (const place of [0.3, 0.6]) await file.write(Buffer.alloc(20_000), 0, 20_000, Math.floor(size * place))
    await file.close()
    const { code, stderr, stdout, files } = await restored(at)
    assert.equal(code, 1)
    const damaged = stderr.match(/^message \d+ is damaged: /gm)?.length ?? 0
    assert.ok(damaged > 0 && files.size > 0 && files.size + damaged <= ids.length)
    assert.equal(stdout, `${files.size} messages, ${damaged} damaged\n`)
    for (const [file, octets] of files) assert.ok(whole.files.get(file) === octets, `${file} is not what it was`)
  }
})
