import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { exportMail } from '../../src/doors/export.ts'
import { importMail } from '../../src/doors/import.ts'
import { DiskStore } from '../../src/store/disk.ts'
import { HostileBench } from './hostile-bench.ts'
import { mayMount, mayUnshare, mountSmallDisk } from './small-disk.ts'
import { allOctets } from './watched-mail.ts'
import { all, isStoreError, put, subjects, Victim } from './victim.ts'

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
  const report = await bench.fetch({ endless: { at: 'RETR', what: 'line' } })
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
