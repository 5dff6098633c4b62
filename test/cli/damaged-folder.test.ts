import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openIndex } from '../../src/store/index-file.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { type Postino, postino } from './postino.ts'

// A data folder damaged in each of these ways: what `check` says, what `--rebuild` and `--repair` bring back, and what only a backup has.

const program = fileURLToPath(new URL('../../bin/postino.js', import.meta.url))

/** Ten messages in two segments: five, then five more. */
const count = 10

interface House extends Postino {
  /** The folder of mario's mail. */
  readonly mail: string
  /** A backup of it, made before the damage. */
  readonly backup: string
  /** What each message is, by its subject. */
  readonly whole: ReadonlyMap<string, string>
}

/** Made once; each test damages a copy. */
let template: Promise<string> | undefined
after(async () => {
  if (template !== undefined) await rm(await template, { recursive: true, force: true })
})

async function house(t: TestContext): Promise<House> {
  const own = await postino(t)
  template ??= build()
  await cp(await template, join(own.data, '..'), { recursive: true })
  const whole = new Map(Array.from({ length: count }, (_, n) => [`message ${n}`, messageOf(n)]))
  return { ...own, mail: join(own.data, 'users', 'mario'), backup: join(own.data, '..', 'backup'), whole }
}

/** A folder with `data`, a `backup` of it, and `source`, where the messages came from. */
async function build(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-damaged-'))
  const [data, source] = [join(folder, 'data'), join(folder, 'source')]
  const run = async (words: readonly string[]): Promise<void> => {
    const child = spawn(process.execPath, [program, '--data', data, ...words], { stdio: ['pipe', 'ignore', 'inherit'] })
    child.stdin.end('a password\n')
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 0, words.join(' '))
  }
  await run(['user', 'add', 'mario', '--password-stdin', '--quiet'])
  await mkdir(source)
  for (let n = 0; n < count; n++) await writeFile(join(source, `${n}.eml`), messageOf(n))
  const put = async (numbers: readonly number[]): Promise<void> =>
    await run(['import', ...numbers.map((n) => join(source, `${n}.eml`)), '--user', 'mario', '--quiet'])
  await put([0, 1, 2, 3, 4])
  const store = new DiskStore(data)
  await (
    await store.open('mario')
  ).change((draft) => {
    const [first, second] = draft.view.messages()
    if (first !== undefined) draft.setFlags(first.id, ['\\Seen', 'work'])
    if (second !== undefined) draft.move(second.id, draft.openMailbox('Archive'))
  })
  // A new segment is begun; what the old one has is compressed.
  await store.settle('mario', { all: true })
  await store.close()
  await put([5, 6, 7, 8, 9])
  await run(['search', 'Line', '--quiet'])
  await run(['backup', join(folder, 'backup'), '--quiet'])
  return folder
}

function messageOf(n: number): string {
  return `Subject: message ${n}\r\nMessage-ID: <${n}@example.it>\r\n\r\n${`Line of message ${n}.\r\n`.repeat(40)}`
}

interface Listed {
  readonly subject: string
  readonly mailbox: string
  readonly flags: readonly string[]
  readonly uniqueId: string
}

/** What the list has of each message, by its subject. */
async function listed({ json }: House): Promise<Map<string, Listed>> {
  const found = (await json(['list', '--limit', '1000'])) as unknown as Listed[]
  return new Map(found.map(({ subject, mailbox, flags, uniqueId }) => [subject, { subject, mailbox, flags, uniqueId }]))
}

/** Everything exported, by subject; each message exactly as it came. */
async function exported(
  { run, data, whole }: House,
  name = 'out',
): Promise<{ code: number | null; subjects: string[] }> {
  const out = join(data, '..', name)
  const { code } = await run(['export', out, '--format', 'eml'])
  const subjects: string[] = []
  for (const entry of await readdir(out, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.eml')) continue
    const text = await readFile(join(entry.parentPath, entry.name), 'latin1')
    const subject = /^Subject: (.*)\r/.exec(text)?.[1] ?? ''
    assert.equal(text, whole.get(subject))
    subjects.push(subject)
  }
  return { code, subjects: subjects.toSorted() }
}

const all = Array.from({ length: count }, (_, n) => `message ${n}`)
const without = (...numbers: number[]): string[] => all.filter((_, n) => !numbers.includes(n))

async function segments({ mail }: House): Promise<string[]> {
  return (await readdir(join(mail, 'segments'))).toSorted().map((name) => join(mail, 'segments', name))
}

/** The segment that is written now: raw. */
async function lastSegment(own: House): Promise<string> {
  return (await segments(own)).at(-1) ?? ''
}

async function flip(path: string, at: number): Promise<void> {
  const octets = await readFile(path)
  octets[at] = (octets[at] ?? 0) ^ 0x04
  await writeFile(path, octets)
}

async function check(
  own: House,
  ...words: string[]
): Promise<{ code: number | null; stderr: string; faults: Fault[] }> {
  const { code, stdout, stderr } = await own.run(['check', ...words, '--json'])
  const [line = '{}'] = stdout.split('\n')
  return { code, stderr, faults: (JSON.parse(line) as { faults?: Fault[] }).faults ?? [] }
}

interface Fault {
  readonly path: string
  readonly offset?: number
  readonly message?: number
  readonly remedy: string
}

async function allIsWell(own: House, before: ReadonlyMap<string, Listed>): Promise<void> {
  assert.equal((await check(own)).code, 0)
  assert.deepEqual(await listed(own), before)
  assert.deepEqual(await exported(own, 'well'), { code: 0, subjects: all })
}

test('1. a flipped bit in a message: it alone cannot be read; a backup repairs it', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  const path = await lastSegment(own)
  await flip(path, (await readFile(path)).indexOf('Line of message 7.'))
  const { code, faults, stderr } = await check(own)
  assert.equal(code, 1)
  assert.deepEqual(
    faults.map(({ path: of, message, remedy }) => [of, message, remedy]),
    [[path, 8, 'octets']],
  )
  assert.match(
    stderr,
    /octet [\d,]+ \(message 8\): .*; `postino check --repair --from BACKUP --user mario` takes it from a backup/,
  )
  assert.deepEqual(await exported(own), { code: 1, subjects: without(7) })
  const repaired = await check(own, '--repair', '--from', own.backup)
  assert.equal(repaired.code, 0, repaired.stderr)
  await allIsWell(own, before)
  // The journal has it too.
  await rm(join(own.mail, 'index.sqlite'))
  assert.equal((await own.run(['check', '--rebuild'])).code, 0)
  await allIsWell(own, before)
})

test('2. the same in settled mail, which another user has too: it is taken from there', async (t) => {
  const own = await house(t)
  await own.run(['user', 'add', 'anna', '--password-stdin'], { input: 'a password\n' })
  await own.run(['import', join(own.data, '..', 'source'), '--user', 'anna'])
  const [path = ''] = await segments(own)
  const size = (await readFile(path)).length
  await flip(path, Math.floor(size * 0.6))
  const { code, faults, stderr } = await check(own, '--user', 'mario')
  if (faults.some(({ remedy }) => remedy === 'octets')) {
    assert.equal(code, 1)
    assert.match(stderr, /anna has the same message/)
  }
  assert.ok(faults.some((fault) => fault.path === path))
  assert.equal((await check(own, '--repair', '--user', 'mario')).code, 0)
  assert.deepEqual((await own.run(['export', join(own.data, '..', 'mario'), '--user', 'mario'])).code, 0)
  assert.equal((await check(own)).code, 0)
})

test('3. a flipped bit in a record: all is served; --repair writes it into the segments again, so that no rebuild loses it', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  const path = await lastSegment(own)
  await flip(path, (await readFile(path)).indexOf('"t":"message"') + 5)
  const { code, faults, stderr } = await check(own)
  assert.equal(code, 1)
  assert.ok(faults.some((fault) => fault.path === path && fault.offset !== undefined))
  assert.match(
    stderr,
    /the index has it still: `postino check --repair --user mario` writes it into the segments again/,
  )
  assert.deepEqual(await exported(own), { code: 0, subjects: all })
  assert.equal((await check(own, '--repair')).code, 0)
  await rm(join(own.mail, 'index.sqlite'))
  await own.run(['check', '--rebuild'])
  assert.deepEqual(await listed(own), before)
  assert.deepEqual(await exported(own, 'after'), { code: 0, subjects: all })
})

test('4. a truncated segment: what is before the cut is read, the rest comes from a backup', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  const path = await lastSegment(own)
  await truncate(path, (await readFile(path)).indexOf('Line of message 8.'))
  const { code, faults } = await check(own)
  assert.equal(code, 1)
  assert.deepEqual(
    faults.flatMap(({ message, remedy }) => (remedy === 'octets' ? [message] : [])),
    [9, 10],
  )
  assert.deepEqual(await exported(own), { code: 1, subjects: without(8, 9) })
  assert.equal((await check(own, '--repair', '--from', own.backup)).code, 0)
  await allIsWell(own, before)
})

test('5. a segment is missing: it is named; --rebuild keeps the others; restore brings back what it had', async (t) => {
  const own = await house(t)
  const [path = ''] = await segments(own)
  await rm(path)
  const { code, stderr } = await check(own)
  assert.equal(code, 1)
  assert.ok(stderr.includes(path.replace(/-1\.zst$/, '')), stderr)
  assert.deepEqual((await exported(own)).subjects, without(0, 1, 2, 3, 4))
  assert.equal((await check(own, '--rebuild')).code, 1)
  assert.deepEqual((await exported(own, 'rebuilt')).subjects, without(0, 1, 2, 3, 4))
  assert.equal((await own.run(['restore', own.backup, '--user', 'mario'])).code, 0)
  assert.deepEqual((await exported(own, 'restored')).subjects, all)
})

test('6. the index is deleted: it is said what to do, and --rebuild makes it again with all that it had', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  await rm(join(own.mail, 'index.sqlite'))
  const { code, stderr } = await check(own)
  assert.equal(code, 1)
  assert.match(stderr, /index\.sqlite is missing; .*`postino check --rebuild --user mario`/)
  assert.equal((await check(own, '--rebuild')).code, 0)
  await allIsWell(own, before)
})

test('7. the index is garbage: the same, and the garbage is kept aside', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  const garbage = Buffer.from('this is no database\n'.repeat(500))
  await writeFile(join(own.mail, 'index.sqlite'), garbage)
  const { code, stderr } = await check(own)
  assert.equal(code, 1)
  assert.match(stderr, /`postino check --rebuild --user mario`/)
  assert.equal((await check(own, '--rebuild')).code, 0)
  assert.deepEqual(await readFile(join(own.mail, 'index.sqlite.damaged')), garbage)
  await allIsWell(own, before)
})

test('8. an older index is put back: it takes in by itself what the segments have beyond it', async (t) => {
  const own = await house(t)
  const old = join(own.data, '..', 'old.sqlite')
  await cp(join(own.mail, 'index.sqlite'), old)
  const last = join(own.data, '..', 'last.eml')
  await writeFile(last, 'Subject: the last\r\n\r\n')
  await own.run(['import', last])
  const before = await listed(own)
  assert.equal(before.size, count + 1)
  await cp(old, join(own.mail, 'index.sqlite'))
  assert.deepEqual(await listed(own), before)
  assert.equal((await check(own)).code, 0)
})

test('9. an index that says something else than the segments: it is named, and they are right', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  const index = openIndex(own.mail, 'mario')
  index.exec(`update messages set flags = '\\Deleted', mailbox = 1 where id = 3; delete from messages where id = 6`)
  index.close()
  const { code, stderr } = await check(own)
  assert.equal(code, 1)
  assert.match(stderr, /message 3 is not in the index as it is in the segments \(flags\); `postino check --rebuild/)
  assert.match(stderr, /message 6 is in the segments, but not in the index; `postino check --rebuild/)
  assert.equal((await check(own, '--rebuild')).code, 0)
  await allIsWell(own, before)
})

test('10. the search index is garbage, or drifts: the mail is not touched, and it is made anew', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  const path = join(own.mail, 'search.sqlite')
  await flip(path, 5000)
  await writeFile(path, Buffer.concat([(await readFile(path)).subarray(0, 4096), Buffer.alloc(20_000, 0x55)]))
  const { code, faults } = await check(own)
  assert.equal(code, 1)
  assert.deepEqual(new Set(faults.map(({ remedy }) => remedy)), new Set(['search']))
  assert.equal((await check(own, '--repair')).code, 0)
  assert.equal((await own.json(['search', 'Line'])).length, count)
  await allIsWell(own, before)
})

test('11. foreign files among the segments: nothing of them is taken for mail', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  await writeFile(join(own.mail, 'segments', 'notes.txt'), 'not mail\n')
  await writeFile(join(own.mail, 'segments', '0000000003.zst'), Buffer.alloc(3000, 0x2a))
  assert.equal((await own.run(['import', join(own.data, '..', 'source', '0.eml')])).code, 0)
  const { faults } = await check(own)
  assert.ok(faults.every(({ path, remedy }) => path.endsWith('0000000003.zst') && remedy === 'none'))
  await allIsWell(own, before)
  await own.run(['check', '--rebuild'])
  await allIsWell(own, before)
})

test('12. two segments under the names of each other: nobody gets wrong octets, and --rebuild puts them right', async (t) => {
  const own = await house(t)
  // Behind damage a new segment is begun.
  const second = await lastSegment(own)
  await truncate(second, (await readFile(second)).length - 3)
  await own.run(['import', join(own.data, '..', 'source', '0.eml'), '--mailbox', 'Again'])
  const before = await listed(own)
  const third = await lastSegment(own)
  await rename(second, `${second}.other`)
  await rename(third, second)
  await rename(`${second}.other`, third)
  await exported(own)
  const { code, stderr } = await check(own)
  assert.equal(code, 1)
  assert.match(stderr, /this is segment 3, under the name of another; `postino check --rebuild/)
  assert.equal((await check(own, '--rebuild')).code, 0)
  assert.deepEqual(await listed(own), before)
  assert.equal((await exported(own, 'after')).code, 0)
  assert.equal((await check(own)).code, 0)
})

test('13. zeros in the middle of a segment: each message that they hit is named, all others are served', async (t) => {
  const own = await house(t)
  const before = await listed(own)
  const path = await lastSegment(own)
  const octets = await readFile(path)
  octets.fill(0, octets.indexOf('Line of message 6.'), octets.indexOf('Line of message 7.'))
  await writeFile(path, octets)
  const { code, faults } = await check(own)
  assert.equal(code, 1)
  const named = new Set(faults.flatMap(({ message }) => message ?? []))
  assert.deepEqual(named, new Set([7, 8]))
  assert.deepEqual(await exported(own), { code: 1, subjects: without(6, 7) })
  assert.equal((await check(own, '--repair', '--from', own.backup)).code, 0)
  assert.deepEqual(await exported(own, 'after'), { code: 0, subjects: all })
  const after = await listed(own)
  for (const [subject, { uniqueId }] of before) assert.equal(after.get(subject)?.uniqueId, uniqueId)
})

test('14. the directory of users is lost: the mail that nobody has is named, and restore brings the user back with the password', async (t) => {
  const own = await house(t)
  await rm(join(own.data, 'postino.sqlite'))
  const { code, stderr } = await own.run(['check'])
  assert.equal(code, 1)
  assert.match(stderr, /mario holds mail, and there is no user mario: `postino restore BACKUP --user mario`/)
  assert.equal((await own.run(['restore', own.backup, '--user', 'mario'])).code, 0)
  assert.equal((await check(own)).code, 0)
  assert.deepEqual(
    (await own.json(['user', 'list'])).map(({ name, password }) => [name, password]),
    [['mario', true]],
  )
  assert.deepEqual((await exported(own)).subjects, all)
})
