import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Directory } from './directory.ts'
import { MisuseError, StoreError } from '../errors.ts'
import type { RetentionRule } from './retention-rule.ts'

async function opened(t: TestContext): Promise<Directory> {
  const data = await mkdtemp(join(tmpdir(), 'postino-rules-'))
  const directory = await Directory.open(data)
  t.after(async () => {
    directory.close()
    await rm(data, { recursive: true })
  })
  for (const name of ['mario', 'anna']) await directory.addUser(name, undefined)
  return directory
}

const old: RetentionRule = { olderThan: 365, what: 'trash' }

test('rules are kept in order, for one user or for all, and a number is never used again', async (t) => {
  const { rules } = await opened(t)
  assert.deepEqual(rules.list(), [])
  const large: RetentionRule = { largerThan: 1000, mailbox: 'Lists', below: true, evenFlagged: true, what: 'remove' }
  assert.deepEqual(
    [await rules.add('mario', old), await rules.add(undefined, large), await rules.add('anna', old)],
    [1, 2, 3],
  )
  assert.deepEqual(
    rules.list().map(({ id, user, rule }) => [id, user, rule]),
    [
      [1, 'mario', old],
      [2, undefined, large],
      [3, 'anna', old],
    ],
  )
  assert.deepEqual(
    rules.list('mario').map(({ id }) => id),
    [1, 2],
  )
  assert.deepEqual([await rules.remove(3), await rules.remove(3)], [true, false])
  assert.equal(await rules.add(undefined, old), 4)
})

test('the rules of a user go with the user', async (t) => {
  const directory = await opened(t)
  await directory.rules.add('mario', old)
  await directory.rules.add(undefined, old)
  await directory.removeUser('mario')
  assert.deepEqual(
    directory.rules.list().map(({ id }) => id),
    [2],
  )
  await directory.addUser('mario', undefined)
  assert.equal(directory.rules.list('mario').length, 1)
  await assert.rejects(directory.rules.add('nobody', old), (error) => error instanceof StoreError)
})

test('a rule that would take all there is, or that cannot be, is no rule', async (t) => {
  const { rules } = await opened(t)
  const wrong: RetentionRule[] = [
    { what: 'trash' },
    { mailbox: 'Lists', what: 'trash' },
    { olderThan: 0, what: 'trash' },
    { olderThan: 1.5, what: 'trash' },
    { olderThan: 40_000, what: 'trash' },
    { largerThan: -1, what: 'trash' },
    { olderThan: 1, below: true, what: 'trash' },
  ]
  for (const rule of wrong) await assert.rejects(rules.add(undefined, rule), MisuseError)
  assert.deepEqual(rules.list(), [])
})

test('what the clock said is remembered', async (t) => {
  const { rules } = await opened(t)
  assert.equal(rules.clock(), undefined)
  for (const wall of [1, 2]) await rules.keepClock({ wall, uptime: 3, boot: 'b' })
  assert.deepEqual(rules.clock(), { wall: 2, uptime: 3, boot: 'b' })
})
