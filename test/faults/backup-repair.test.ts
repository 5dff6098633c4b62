import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { restoreUser } from '../../src/backup/restore-user.ts'
import { segmentPath } from '../../src/store/layout.ts'
import { BackupHouse } from '../backup-house.ts'

// `postino restore --user` into mail that is damaged.

test('where the file of a settled segment is missing, a backup gives back all that was in it', async () => {
  await using house = await BackupHouse.make()
  const subjects = Array.from({ length: 12 }, (_, n) => `message ${n}`)
  await house.bring('mario', ...subjects)
  await house.store((store) => store.settle('mario', { all: true }))
  await house.bring('mario', 'the last')
  await house.backUp()
  rmSync(segmentPath(join(house.data, 'users/mario'), 1, 1))
  const { restored, here, repaired, problems } = await restoreUser(
    house.target,
    await house.manifest(),
    'mario',
    house.data,
    {},
  )
  assert.deepEqual([restored, here, repaired, problems], [0, 13, 12, []])
  assert.deepEqual(await house.subjects('mario'), [...subjects, 'the last'])
})
