import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { exportMail } from '../../src/doors/export.ts'
import { importMail } from '../../src/doors/import.ts'
import { StoreError, type StoreCode } from '../../src/errors.ts'
import { DiskStore } from '../../src/store/disk.ts'
import type { UserMail } from '../../src/store/store.ts'
import { HostileBench } from './hostile-bench.ts'
import type { Hostility } from './hostile-pop3.ts'
import { mayMount, mayUnshare, mountSmallDisk } from './small-disk.ts'
import { allOctets } from './watched-mail.ts'

/** A folder of data that a test spoils. */
class Victim implements AsyncDisposable {
  readonly folder: string
  store: DiskStore
  readonly #own: boolean

  private constructor(folder: string, own: boolean) {
    this.folder = folder
    this.#own = own
    this.store = new DiskStore(folder)
  }

  /** With ten messages of mario's and one of anna's. */
  static async make(folder?: string): Promise<Victim> {
    const victim = new Victim(folder ?? (await mkdtemp(join(tmpdir(), 'postino-disk-'))), folder === undefined)
    const mario = await victim.store.open('mario')
    for (let n = 0; n < 10; n++) await put(mario, messageOf(n))
    await put(await victim.store.open('anna'), 'Subject: anna\r\n\r\n')
    return victim
  }

  path(...parts: string[]): string {
    return join(this.folder, 'users', 'mario', ...parts)
  }

  get segment(): string {
    const names = readdirSync(this.path('segments'))
    assert.equal(names.length, 1)
    return this.path('segments', names[0] ?? '')
  }

  /** As after the end of one process and the start of another. */
  async reopen(): Promise<void> {
    await this.store.close()
    this.store = new DiskStore(this.folder)
  }

  /** The same for a process that did not end well: what it would have tidied up is still there. */
  async spoil(work: () => void): Promise<void> {
    await this.store.close()
    work()
    this.store = new DiskStore(this.folder)
  }

  async annaStillWorks(): Promise<void> {
    const anna = await this.store.open('anna')
    const before = (await allOctets(anna)).length
    await put(anna, `Subject: anna ${before}\r\n\r\n`)
    assert.equal((await allOctets(anna)).length, before + 1)
    assert.deepEqual((await this.store.check('anna')).problems, [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    if (this.#own) await rm(this.folder, { recursive: true })
  }
}

function messageOf(n: number): string {
  return `Subject: message ${n}\r\n\r\n${`Line of message ${n}.\r\n`.repeat(50)}`
}

async function put(mail: UserMail, octets: string | Buffer): Promise<void> {
  const staging = mail.stage('wire')
  await staging.write(Buffer.from(octets as string, 'latin1'))
  const staged = await staging.finish()
  try {
    await mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 0 }))
  } finally {
    staged.discard()
  }
}

function isStoreError(code: StoreCode, ...words: string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error))
    assert.equal(error.code, code, error.message)
    for (const word of words) assert.ok(error.message.includes(word), `${word} is not in: ${error.message}`)
    return true
  }
}

function flip(path: string, at: number): void {
  const octets = readFileSync(path)
  octets[at] = (octets[at] ?? 0) ^ 0x01
  writeFileSync(path, octets)
}

async function subjects(mail: UserMail): Promise<string[]> {
  return (await allOctets(mail)).map((octets) => /^Subject: (.*)\r/.exec(octets.toString())?.[1] ?? '')
}

const all = Array.from({ length: 10 }, (_, n) => `message ${n}`)

test('a flipped bit in a message: that message says so, all others are read and nothing is changed', async () => {
  await using victim = await Victim.make()
  const at = readFileSync(victim.segment).indexOf('Line of message 3.')
  await victim.spoil(() => flip(victim.segment, at))
  const before = readFileSync(victim.segment)
  const mail = await victim.store.open('mario')
  const messages = await mail.read((view) => view.messages())
  for (const [n, { id }] of messages.entries()) {
    const read = async (): Promise<string> => {
      const chunks: Uint8Array[] = []
      for await (const chunk of mail.bytes(id)) chunks.push(chunk)
      return Buffer.concat(chunks).toString('latin1')
    }
    if (n === 3) await assert.rejects(read, isStoreError('damaged', victim.segment))
    else assert.equal(await read(), messageOf(n))
  }
  const { problems } = await victim.store.check('mario')
  assert.deepEqual(
    problems.map(({ path, message }) => [path, message]),
    [[victim.segment, messages[3]?.id]],
  )
  assert.deepEqual(readFileSync(victim.segment), before)

  const out = await mkdtemp(join(tmpdir(), 'postino-disk-out-'))
  try {
    const report = await exportMail(mail, out, { format: 'eml' })
    assert.deepEqual([report.messages, report.damaged.map(({ id }) => id)], [9, [messages[3]?.id]])
    assert.deepEqual(readdirSync(out).length, 9)
  } finally {
    await rm(out, { recursive: true })
  }
  await put(mail, messageOf(10))
  await victim.annaStillWorks()
})

// Without UIDL a message is fetched again before it is known: also then its copy here is what counts.
for (const [what, hostility] of [
  ['', {}],
  [', nor is it where the server has no UIDL', { unknown: ['UIDL'], capabilities: ['USER'] }],
] as const satisfies readonly (readonly [string, Hostility])[]) {
  test(`a message whose copy here is damaged is not deleted at the server${what}`, async () => {
    const data = await mkdtemp(join(tmpdir(), 'postino-disk-'))
    try {
      await using bench = await HostileBench.open({ data })
      assert.equal((await bench.fetch(hostility)).new, 8)
      const segment = join(data, 'users/mario/segments', readdirSync(join(data, 'users/mario/segments'))[0] ?? '')
      await bench.restart(() => flip(segment, readFileSync(segment).indexOf('A line of text.')))
      bench.leave = 'delete'
      const report = await bench.fetchUnjudged(hostility)
      assert.match(report.problems.join(), /message 3 .*damaged/)
      assert.deepEqual(
        bench.server.messages.map(({ uniqueId }) => uniqueId),
        ['c'],
      )
    } finally {
      await rm(data, { recursive: true })
    }
  })
}

test('a flipped bit at any place of a segment: nothing throws but StoreError, and what is whole comes back', async () => {
  await using victim = await Victim.make()
  await victim.store.close()
  const original = await mkdtemp(join(tmpdir(), 'postino-disk-copy-'))
  await cp(victim.path(), original, { recursive: true })
  const size = statSync(victim.segment).size
  for (let at = 0; at < size; at += 97) {
    await rm(victim.path(), { recursive: true })
    await cp(original, victim.path(), { recursive: true })
    flip(victim.segment, at)
    victim.store = new DiskStore(victim.folder)
    const { problems } = await victim.store.check('mario')
    assert.ok(problems.length > 0, `a bit flipped at ${at} is not found`)
    await victim.store.rebuild('mario')
    const mail = await victim.store.open('mario')
    const found: string[] = []
    for (const { id } of await mail.read((view) => view.messages())) {
      try {
        const chunks: Uint8Array[] = []
        for await (const chunk of mail.bytes(id)) chunks.push(chunk)
        found.push(Buffer.concat(chunks).toString('latin1'))
      } catch (error) {
        isStoreError('damaged')(error)
      }
    }
    const whole = Array.from({ length: 10 }, (_, n) => messageOf(n))
    assert.ok(found.length >= 9, `${found.length} messages come back after a bit flipped at ${at}`)
    for (const octets of found) assert.ok(whole.includes(octets))
    await put(mail, 'Subject: after\r\n\r\n')
    await victim.store.close()
  }
  await rm(original, { recursive: true })
})

test('a truncated segment: what is before the cut is read, what is after says so, new mail is kept, nothing is overwritten', async () => {
  await using victim = await Victim.make()
  const at = readFileSync(victim.segment).indexOf('Line of message 7.')
  const segment = victim.segment
  await victim.spoil(() => truncateSync(segment, at))
  const before = readFileSync(segment)
  const mail = await victim.store.open('mario')
  await put(mail, 'Subject: new\r\n\r\n')
  const readable: number[] = []
  for (const [n, { id }] of (await mail.read((view) => view.messages())).entries()) {
    try {
      for await (const _ of mail.bytes(id));
      readable.push(n)
    } catch (error) {
      isStoreError('damaged', segment)(error)
    }
  }
  assert.deepEqual(readable, [0, 1, 2, 3, 4, 5, 6, 10])
  assert.deepEqual(readFileSync(segment), before)
  assert.ok((await victim.store.check('mario')).problems.some(({ path }) => path === segment))

  const { messages } = await victim.store.rebuild('mario')
  assert.ok(messages >= 8)
  const after = await victim.store.open('mario')
  assert.ok((await after.read((view) => view.messages())).length === messages)
  await victim.annaStillWorks()
})

test('a deleted segment: it is named, and the rest works', async () => {
  await using victim = await Victim.make()
  const segment = victim.segment
  await victim.spoil(() => unlinkSync(segment))
  const mail = await victim.store.open('mario')
  const [first] = await mail.read((view) => view.messages())
  assert.ok(first !== undefined)
  await assert.rejects(
    async () => {
      for await (const _ of mail.bytes(first.id));
    },
    (error) =>
      error instanceof StoreError && ['damaged', 'missing'].includes(error.code) && error.message.includes(segment),
  )
  await put(mail, 'Subject: new\r\n\r\n')
  assert.ok((await victim.store.check('mario')).problems.length > 0)
  await victim.annaStillWorks()
})

for (const ends of [[''], ['', '-wal', '-shm']]) {
  test(`a deleted index (${ends.length} files): it is named, and made again with all that it had`, async () => {
    await using victim = await Victim.make()
    const mail = await victim.store.open('mario')
    await mail.change((draft) => {
      const [first, second] = draft.view.messages()
      if (first !== undefined) draft.setFlags(first.id, ['\\Seen', 'work'])
      if (second !== undefined) draft.move(second.id, draft.openMailbox('Old/2019'))
    })
    const state = (from: UserMail): Promise<unknown> =>
      from.read((view) => [view.messages(), view.mailboxes().map(({ name, uidNext }) => [name, uidNext])])
    const before = await state(mail)
    await victim.spoil(() => {
      for (const end of ends)
        if (existsSync(victim.path(`index.sqlite${end}`))) unlinkSync(victim.path(`index.sqlite${end}`))
    })
    await assert.rejects(
      victim.store.open('mario'),
      isStoreError('missing', victim.path('index.sqlite'), 'check --rebuild'),
    )
    assert.ok(!existsSync(victim.path('index.sqlite')))
    await victim.annaStillWorks()
    await victim.store.rebuild('mario')
    assert.deepEqual((await victim.store.check('mario')).problems, [])
    assert.deepEqual(await state(await victim.store.open('mario')), before)
  })
}

const spoilt: Record<string, (path: string) => void> = {
  'by something else': (path) => writeFileSync(path, 'this is no database\n'.repeat(1000)),
  'with nothing in it': (path) => writeFileSync(path, Buffer.alloc(8192)),
  'in its middle': (path) => {
    const octets = readFileSync(path)
    writeFileSync(path, octets.fill(0x55, 4096, octets.length))
  },
}
for (const [how, spoil] of Object.entries(spoilt)) {
  test(`an index overwritten ${how}: it is named, kept aside, and made again`, async () => {
    await using victim = await Victim.make()
    const path = victim.path('index.sqlite')
    await victim.spoil(() => spoil(path))
    const wrong = readFileSync(path)
    await assert.rejects(
      async () => {
        // A damaged page may be met only when it is read.
        const mail = await victim.store.open('mario')
        await subjects(mail)
      },
      isStoreError('damaged', path, 'check --rebuild'),
    )
    await victim.annaStillWorks()
    await victim.reopen()
    const { setAside, messages } = await victim.store.rebuild('mario')
    assert.equal(messages, 10)
    if (setAside !== undefined) assert.deepEqual(readFileSync(setAside), wrong)
    assert.deepEqual((await victim.store.check('mario')).problems, [])
    assert.deepEqual(await subjects(await victim.store.open('mario')), all)
  })
}

test('an index of a newer Postino is left as it is, also by a rebuild', async () => {
  await using victim = await Victim.make()
  const path = victim.path('index.sqlite')
  await victim.spoil(() => {
    const database = new DatabaseSync(path)
    database.exec('pragma user_version = 4711')
    database.close()
  })
  const before = readFileSync(path)
  await assert.rejects(victim.store.open('mario'), isStoreError('newer-schema', path, '4711', 'upgrade'))
  await assert.rejects(victim.store.check('mario'), isStoreError('newer-schema', path))
  await assert.rejects(victim.store.rebuild('mario'), isStoreError('newer-schema', path))
  assert.deepEqual(readFileSync(path), before)
  await victim.annaStillWorks()
})

const noMount = !mayMount && 'this process may not mount a small disk'

test(
  'a full disk: what was told stays, what does not fit is refused by name, and with room all goes on',
  { skip: noMount },
  async () => {
    await using disk = await mountSmallDisk(8)
    await using victim = await Victim.make(disk.folder)
    const mail = await victim.store.open('mario')
    const told: string[] = [...all]
    let size = 200_000
    for (let n = 0; ; n++) {
      try {
        await put(mail, `Subject: filling ${n}\r\n\r\n${'x'.repeat(size)}\r\n`)
        told.push(`filling ${n}`)
      } catch (error) {
        isStoreError('disk-full', victim.path(), 'free some space')(error)
        // Then smaller ones, until not even those fit.
        if (size < 100) break
        size = Math.floor(size / 4)
      }
    }
    assert.ok(told.length > 20)
    assert.deepEqual(await subjects(mail), told)
    await victim.reopen()
    assert.deepEqual(await subjects(await victim.store.open('mario')), told)

    const annaHasHers = await subjects(await victim.store.open('anna'))
    assert.deepEqual(annaHasHers, ['anna'])

    // A large message spools to the disk before it is added.
    const large = Buffer.alloc(6 << 20, 'x')
    await assert.rejects(put(await victim.store.open('mario'), large), isStoreError('disk-full', victim.path()))

    await disk.free()
    const after = await victim.store.open('mario')
    await put(after, large)
    await put(after, 'Subject: room again\r\n\r\n')
    assert.equal((await subjects(after)).at(-1), 'room again')
    assert.deepEqual((await victim.store.check('mario')).problems, [])
    await victim.annaStillWorks()
    assert.deepEqual(
      readdirSync(victim.path()).filter((name) => name.startsWith('spool')),
      [],
    )
  },
)

test(
  'a full disk while importing: the import says so, and the next one brings the rest',
  { skip: noMount },
  async () => {
    await using disk = await mountSmallDisk(6)
    await using victim = await Victim.make(disk.folder)
    const source = await mkdtemp(join(tmpdir(), 'postino-disk-in-'))
    const path = join(source, 'in.mbox')
    await writeFile(
      path,
      Array.from({ length: 2000 }, (_, n) => `From a\nSubject: in ${n}\n\n${'y'.repeat(5000)}\n\n`).join(''),
    )
    const mail = await victim.store.open('mario')
    await assert.rejects(importMail(mail, [path]), isStoreError('disk-full', victim.path()))
    const before = (await subjects(mail)).length
    await disk.free()
    const report = await importMail(mail, [path])
    assert.equal(report.new + report.known, 2000)
    assert.ok(report.known === before - 10)
    assert.deepEqual((await victim.store.check('mario')).problems, [])
    await rm(source, { recursive: true })
  },
)

test('a full disk while exporting: no half file, and the next export brings the rest', { skip: noMount }, async () => {
  await using victim = await Victim.make()
  const mail = await victim.store.open('mario')
  for (let n = 10; n < 200; n++) await put(mail, `Subject: message ${n}\r\n\r\n${'z'.repeat(20_000)}\r\n`)
  const expected = (await allOctets(mail)).map(String).toSorted()
  for (const format of ['eml', 'maildir', 'mbox'] as const) {
    await using disk = await mountSmallDisk(2)
    const out = join(disk.folder, 'out')
    await assert.rejects(exportMail(mail, out, { format }), isStoreError('disk-full', out))
    const files = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    for (const file of files)
      assert.ok(expected.includes(readFileSync(join(file.parentPath, file.name), 'latin1')), file.name)
    await disk.free()
    assert.equal((await exportMail(mail, out, { format })).messages, 200)
  }
})

test('a full disk while fetching: nothing is deleted at the server that is not here', { skip: noMount }, async () => {
  await using disk = await mountSmallDisk(1)
  await using bench = await HostileBench.open({ data: disk.folder })
  bench.leave = 'delete'
  const report = await bench.fetch()
  assert.equal(report.error?.code, 'disk-full')
  await disk.free()
  await bench.expectAllHome()
})

test('a message that never ends takes no more than the disk has, and gives it back', { skip: noMount }, async () => {
  await using disk = await mountSmallDisk(8)
  await using bench = await HostileBench.open({ data: disk.folder })
  bench.leave = 'delete'
  const report = await bench.fetch({ endlessLine: true })
  assert.equal(report.error?.code, 'disk-full')
  assert.ok(bench.server.sent < 64 << 20)
  await bench.expectAllHome()
})

test(
  'an index of an earlier Postino on a full disk is left as it is until there is room',
  { skip: noMount },
  async () => {
    await using disk = await mountSmallDisk(1)
    const folder = join(disk.folder, 'users', 'mario')
    mkdirSync(join(folder, 'segments'), { recursive: true })
    for (const [name, path] of [
      ['index.sqlite.gz', 'index.sqlite'],
      ['segment.gz', 'segments/0000000001.zst'],
    ] as const) {
      const fixture = new URL(`../fixtures/store-version-1/${name}`, import.meta.url)
      writeFileSync(join(folder, path), gunzipSync(readFileSync(fixture)))
    }
    await assert.rejects(writeFile(join(disk.folder, 'other'), Buffer.alloc(2 << 20)), { code: 'ENOSPC' })
    const store = new DiskStore(disk.folder)
    await assert.rejects(store.open('mario'), { code: 'disk-full' })
    await disk.free()
    const mail = await store.open('mario')
    assert.equal(await mail.read((view) => view.messages().length), 6)
    assert.deepEqual((await store.check('mario')).problems, [])
    await store.close()
  },
)

test('a read-only folder is told by name, and later all goes on', { skip: noMount }, async () => {
  await using disk = await mountSmallDisk(16)
  await using victim = await Victim.make(disk.folder)
  await victim.store.close()
  await disk.readOnlyWhile(async () => {
    victim.store = new DiskStore(victim.folder)
    await assert.rejects(victim.store.open('mario'), isStoreError('read-only', victim.path()))
    await assert.rejects(victim.store.open('carla'), isStoreError('read-only', 'carla'))
    await victim.store.close()
  })
  victim.store = new DiskStore(victim.folder)
  const mail = await victim.store.open('mario')
  assert.deepEqual(await subjects(mail), all)
  await put(mail, 'Subject: new\r\n\r\n')
  assert.deepEqual((await victim.store.check('mario')).problems, [])
})

test(
  'a folder that becomes read-only while in use: what is there can be read, and later all goes on',
  { skip: noMount },
  async () => {
    await using disk = await mountSmallDisk(16)
    await using victim = await Victim.make(disk.folder)
    const mail = await victim.store.open('mario')
    await disk.readOnlyWhile(async () => {
      await assert.rejects(put(mail, 'Subject: new\r\n\r\n'), isStoreError('read-only', victim.path()))
      assert.deepEqual(await subjects(mail), all)
    })
    await put(mail, 'Subject: new\r\n\r\n')
    assert.deepEqual(await subjects(mail), [...all, 'new'])
  },
)

const already = process.env['POSTINO_UNSHARED'] !== undefined
test(
  'the same as a user who may become root of a namespace',
  {
    skip:
      (mayMount || already || !mayUnshare()) &&
      (mayMount ? 'this process may mount by itself' : 'unshare is not permitted'),
  },
  () => {
    const { status, stdout } = spawnSync('unshare', ['-rm', process.execPath, '--test', import.meta.filename], {
      env: { ...process.env, POSTINO_UNSHARED: '1', NODE_TEST_CONTEXT: undefined },
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout)
  },
)
