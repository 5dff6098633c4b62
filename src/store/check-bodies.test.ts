import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { checkBodies } from './check-bodies.ts'
import { add, octetsOf } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
import { repairMail } from './repair.ts'

const texts = Array.from({ length: 3 }, (_, n) => `Subject: message ${n}\r\n\r\n${`Line of ${n}.\r\n`.repeat(200)}`)
const octetsOfAll = texts.reduce((sum, text) => sum + text.length, 0)

interface House {
  /** Mario's. */
  readonly folder: string
  /** As the next process opens it. */
  readonly store: DiskStore
}

/** Each text in a segment of its own, the first two of them settled; then the index was changed by `sql`. */
async function house(t: TestContext, sql: string): Promise<House> {
  const data = mkdtempSync(join(tmpdir(), 'postino-check-'))
  t.after(() => rmSync(data, { recursive: true }))
  const first = new DiskStore(data)
  const mail = await first.open('mario')
  for (const [n, text] of texts.entries()) {
    await add(mail, text)
    if (n < 2) await first.settle('mario', { all: true })
  }
  const folder = first.userFolder('mario')
  await first.close()
  const database = new DatabaseSync(join(folder, 'index.sqlite'))
  database.exec(sql)
  database.close()
  const store = new DiskStore(data)
  t.after(() => store.close())
  return { folder, store }
}

for (const [how, id] of [
  ['settled', 1],
  ['as it came', 3],
] as const) {
  test(`a message whose octets, ${how}, by the index have left is damaged, and repaired from elsewhere`, async (t) => {
    const left = `update kept_bodies set segment = -1, start = 0, at = null, length = null, coded = null where id = ${id}`
    const { folder, store } = await house(t, left)
    const mail = await store.open('mario')
    const isDamaged = (error: unknown): boolean =>
      error instanceof StoreError && error.code === 'damaged' && error.message.includes(`message ${id} `)
    await assert.rejects(octetsOf(mail, id as MessageId), isDamaged)
    await assert.rejects(async () => mail.lend(id as MessageId, () => undefined), isDamaged)
    assert.equal((await octetsOf(mail, 2 as MessageId)).toString(), texts[1])

    const { problems } = await store.check('mario')
    const octets = problems.filter(({ remedy }) => remedy === 'octets')
    assert.deepEqual(
      octets.map(({ path, message, offset }) => [path, message, offset]),
      [[join(folder, 'index.sqlite'), id, undefined]],
    )
    const text = texts[id - 1] ?? ''
    const twin = {
      name: 'elsewhere',
      find: async () =>
        (async function* () {
          yield Buffer.from(text)
        })(),
    }
    const { repaired } = await repairMail(folder, mail, octets, [twin])
    assert.deepEqual(repaired, [{ message: id, from: 'elsewhere' }])
    assert.equal((await octetsOf(mail, id as MessageId)).toString(), text)
    assert.deepEqual((await store.check('mario')).problems, [])
  })
}

test('the bodies of a segment are found without going through those of all', async (t) => {
  const { folder } = await house(t, '')
  const { mock } = t.mock.method(DatabaseSync.prototype, 'prepare')
  assert.equal((await checkBodies(folder, 'mario')).octets, octetsOfAll)
  const asked = mock.calls.map(({ arguments: [sql] }) => String(sql))
  const database = new DatabaseSync(join(folder, 'index.sqlite'))
  t.after(() => database.close())
  const plans = asked
    .filter((sql) => sql.includes('order by start'))
    .map((sql) => String(database.prepare(`explain query plan ${sql}`).get()?.['detail']))
  assert.deepEqual(plans, ['SEARCH b USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)'])
})

test('where the index is made again while bodies are checked, those that are left are checked all the same', async (t) => {
  const { folder, store } = await house(
    t,
    'update kept_bodies set id = id + 100; update messages set body = body + 100',
  )
  let passed = 0
  const onPassed = async (): Promise<void> => {
    if (passed++ === 0) await store.rebuild('mario')
  }
  assert.deepEqual(await checkBodies(folder, 'mario', { onPassed }), { octets: octetsOfAll, bad: [] })
})
