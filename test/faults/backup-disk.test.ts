import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { backUp } from '../../src/backup/backup.ts'
import { FolderTarget } from '../../src/backup/folder-target.ts'
import { listBackups } from '../../src/backup/manifest.ts'
import { restore } from '../../src/backup/restore.ts'
import { BackupHouse } from '../backup-house.ts'
import { mayMount, mountSmallDisk } from './small-disk.ts'
import { isStoreError, put } from './victim.ts'

const noMount = !mayMount && 'this process may not mount a small disk'

async function fullHouse(): Promise<BackupHouse> {
  const house = await BackupHouse.make()
  await house.store(async (store) => {
    const mail = await store.open('mario')
    for (let n = 0; n < 4; n++) await put(mail, `Subject: large ${n}\r\n\r\n${'x'.repeat(700_000)}\r\n`)
  })
  return house
}

const large = ['large 0', 'large 1', 'large 2', 'large 3']

test(
  'a full disk at the target: it is told by name, nothing half done stays, and with room all is there',
  { skip: noMount },
  async () => {
    await using house = await fullHouse()
    await using disk = await mountSmallDisk(1)
    const target = new FolderTarget(join(disk.folder, 'backups'))
    await target.make()
    await assert.rejects(house.backUp({}, target), isStoreError('disk-full', target.place))
    assert.deepEqual(await listBackups(target), [])
    assert.ok(![...(await target.list('')).keys()].some((name) => name.endsWith('.part')))
    await disk.free()
    assert.deepEqual((await house.backUp({}, target)).problems, [])
    const { into, problems } = await house.restored(undefined, target)
    assert.deepEqual(problems, [])
    assert.deepEqual(await house.subjects('mario', into), large)
  },
)

test(
  'a full disk where a backup is restored: it is told by name, nothing stays, and with room all is there',
  { skip: noMount },
  async () => {
    await using house = await fullHouse()
    await house.backUp()
    await using disk = await mountSmallDisk(2)
    const into = join(disk.folder, 'data')
    await assert.rejects(restore(house.target, await house.manifest(), into), isStoreError('disk-full', into))
    assert.deepEqual(readdirSync(into), [])
    await disk.free()
    assert.deepEqual((await restore(house.target, await house.manifest(), into)).problems, [])
    assert.deepEqual(await house.subjects('mario', into), large)
  },
)

test(
  'a full disk under the data folder: a backup elsewhere is refused by name or whole, never half',
  { skip: noMount },
  async () => {
    await using house = await fullHouse()
    await using disk = await mountSmallDisk(4)
    const data = join(disk.folder, 'data')
    await cp(house.data, data, { recursive: true })
    let size = 1 << 20
    for (let n = 0; size >= 512; n++) {
      try {
        writeFileSync(join(disk.folder, `filling ${n}`), Buffer.alloc(size))
      } catch {
        size >>= 1
      }
    }
    await assert.rejects(backUp(data, house.target), isStoreError('disk-full', data))
    assert.deepEqual(await listBackups(house.target), [])
    await disk.free()
    assert.deepEqual((await backUp(data, house.target)).problems, [])
    assert.deepEqual(await house.subjects('mario', (await house.restored()).into), large)
  },
)
