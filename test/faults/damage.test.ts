import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { exportMail } from '../../src/doors/export.ts'
import { StoreError } from '../../src/errors.ts'
import { DiskStore } from '../../src/store/disk.ts'
import type { UserMail } from '../../src/store/store.ts'
import { HostileBench } from './hostile-bench.ts'
import type { Hostility } from './hostile-pop3.ts'
import { all, isStoreError, messageOf, put, subjects, Victim } from './victim.ts'

function flip(path: string, at: number): void {
  const octets = readFileSync(path)
  octets[at] = (octets[at] ?? 0) ^ 0x01
  writeFileSync(path, octets)
}

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
  for (let at = 0; at < size; at += 197) {
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
