import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import type { MessageId } from '../ids.ts'
import { add, octetsOf } from './contract-mail.ts'
import { DiskStore } from './disk.ts'
import { migrations, schema, schemaVersion } from './schema.ts'

const run = promisify(execFile)

// The fixture is the mail of a user as Postino 0.1 left it, with version 1 of the index: six messages (one of them in Archive, one
// hidden, one that came by no way), and one that was removed.

const fixture = new URL('../../test/fixtures/store-version-1/', import.meta.url)

/** A data folder with that mail in it. */
async function old(t: TestContext): Promise<{ folder: string; index: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'postino-old-'))
  t.after(() => rm(folder, { recursive: true }))
  const user = join(folder, 'users', 'mario')
  await mkdir(join(user, 'segments'), { recursive: true })
  const unpack = async (name: string, path: string): Promise<void> =>
    writeFile(path, gunzipSync(await readFile(new URL(name, fixture))))
  await unpack('index.sqlite.gz', join(user, 'index.sqlite'))
  await unpack('segment.gz', join(user, 'segments', '0000000001.zst'))
  return { folder, index: join(user, 'index.sqlite') }
}

function versionOf(index: string): unknown {
  const database = new DatabaseSync(index, { readOnly: true })
  try {
    return database.prepare('pragma user_version').get()?.['user_version']
  } finally {
    database.close()
  }
}

async function seesAll(store: DiskStore): Promise<void> {
  const mail = await store.open('mario')
  const messages = await mail.read((view) => view.messages())
  assert.deepEqual(
    messages.map(({ id, uniqueId, lineEnds, crc, dots, surrogate, stored, trashed }) => ({
      id,
      uniqueId,
      lineEnds,
      crc,
      dots,
      surrogate,
      stored,
      trashed,
    })),
    [
      [1, 'LqlHDzAwsKNO_9EY', 'crlf'],
      [2, '-rChQWe280jAP_jP', 'lf'],
      [3, 'Ac2vR-fdZB63WS8v', 'crlf'],
      [4, 'WaR84Hzsm38Wy1lf', 'crlf'],
      [5, 'UslUDEzCKJc49_xg', 'crlf'],
      [7, 'jEWnbej715eAXSX8', 'crlf'],
    ].map(([id, uniqueId, lineEnds]) => ({
      id,
      uniqueId,
      lineEnds,
      crc: undefined,
      dots: true,
      surrogate: undefined,
      // Only the ledger knew; of what it does not know, when it was received is what there is.
      stored: id === 7 ? messages.at(-1)?.stored : 1_750_000_000_000,
      trashed: undefined,
    })),
  )
  assert.deepEqual(await mail.read((view) => [...view.maildrop().ids]), [1, 3, 4, 7])
  const texts: string[] = []
  for (const { id } of messages) texts.push((await octetsOf(mail, id)).toString())
  assert.equal(texts[0], 'Subject: one\r\n\r\n.dot\r\n')
  assert.equal(texts[3], 'Subject: è\r\n\r\ninternational\r\n')
  let lent = ''
  await mail.lend(1 as MessageId, (parts) => void (lent += Buffer.concat(parts).toString()))
  assert.equal(lent, texts[0])
}

test('an index of version 1 is brought up to date when it is opened, and serves', async (t) => {
  const { folder, index } = await old(t)
  assert.equal(versionOf(index), 1)
  const store = new DiskStore(folder)
  t.after(() => store.close())
  await seesAll(store)
  assert.equal(versionOf(index), schemaVersion)
  assert.deepEqual((await store.check('mario')).problems, [])
  const mail = await store.open('mario')
  await mail.change((draft) => {
    draft.openDevice('phone', 'all')
    draft.hide(1 as MessageId, true, 'phone')
    draft.trash(3 as MessageId)
  })
  const id = await add(mail, 'new\r\n')
  assert.deepEqual(await mail.read((view) => [...view.maildrop('phone').ids]), [2, 4, 7, id])
  assert.deepEqual((await store.check('mario')).problems, [])
  const before = await mail.read((view) =>
    view.messages().map(({ id: each, trashed, hidden }) => [each, trashed, hidden]),
  )
  assert.equal((await store.rebuild('mario')).messages, 7)
  const rebuilt = await store.open('mario')
  assert.deepEqual(
    await rebuilt.read((view) => view.messages().map(({ id: each, trashed, hidden }) => [each, trashed, hidden])),
    before,
  )
  assert.deepEqual(await rebuilt.read((view) => [...view.maildrop('phone').ids]), [2, 4, 7, id])
})

test('an index that was brought up to date has the tables of a new one', async (t) => {
  const { folder, index } = await old(t)
  const store = new DiskStore(folder)
  await store.open('mario')
  await store.close()
  const columns = (database: DatabaseSync): unknown =>
    database
      .prepare(
        `select t.name as of, c.name, c.type, c."notnull", c.pk from sqlite_schema t join pragma_table_info(t.name) c
         where t.type = 'table' and t.name not like 'sqlite_%' order by 1, 2`,
      )
      .all()
  const indexes = (database: DatabaseSync): unknown =>
    database.prepare("select name, sql from sqlite_schema where type = 'index' order by name").all()
  const [made, fresh] = [new DatabaseSync(index), new DatabaseSync('')]
  t.after(() => [made, fresh].forEach((database) => database.close()))
  fresh.exec(schema)
  assert.deepEqual(columns(made), columns(fresh))
  assert.deepEqual(indexes(made), indexes(fresh))
})

// It looked at the version when it was started, and may run on.
test('what a Postino of version 4 would write about bodies and the ledger fails, once the index was brought up to date', async (t) => {
  const { folder, index } = await old(t)
  const store = new DiskStore(folder)
  t.after(() => store.close())
  await store.open('mario')
  const database = new DatabaseSync(index)
  t.after(() => database.close())
  for (const sql of [
    `insert or ignore into bodies (hash, segment, start, size) values (x'aa', 1, 0, 1)`,
    `update bodies set segment = 1, start = 0, at = null, length = null, coded = null where hash = x'aa'`,
    `update bodies set start = 0, at = 0, length = 1, coded = 0 where id = 1`,
    `insert into bodies (hash, segment, start, size, at, length, coded) values (x'aa', 1, 0, 1, 0, 1, 0)
       on conflict (hash) do update set segment = excluded.segment`,
    `select id from bodies where hash = x'aa'`,
    `delete from bodies where id = 1`,
    `delete from body_parts where body in (select id from bodies where segment = 1)`,
    `insert or ignore into ledger values ('a', 'u', x'aa', 0, null, 1, 0, 1, null)`,
    `insert or replace into ledger values ('a', 'u', x'aa', 0, null, 1, 0, 1, null)`,
    `update ledger set listed = 1 where account = 'a'`,
  ])
    assert.throws(() => database.prepare(sql).run(), /no such table: (?:main\.)?bodies|cannot modify ledger/, sql)
  await seesAll(store)
  assert.deepEqual((await store.check('mario')).problems, [])
})

test('whoever is killed while he brings an index up to date has not begun', async (t) => {
  const { folder, index } = await old(t)
  const steps = (migrations[0] ?? '').split(';').filter((step) => step.trim() !== '')
  for (let done = 1; done <= steps.length; done += 3) {
    const program = `const { DatabaseSync } = await import('node:sqlite')
      const database = new DatabaseSync(${JSON.stringify(index)})
      database.exec('pragma journal_mode = wal; pragma cache_size = 1; begin immediate')
      for (const step of ${JSON.stringify(steps.slice(0, done))}) database.exec(step)
      process.kill(process.pid, 'SIGKILL')`
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program])
    assert.equal(signal, 'SIGKILL')
  }
  const store = new DiskStore(folder)
  t.after(() => store.close())
  await seesAll(store)
  assert.deepEqual((await store.check('mario')).problems, [])
})

test('processes that bring an index up to date at the same time do it once, and all see the mail', async (t) => {
  const { folder, index } = await old(t)
  const module = new URL('disk.ts', import.meta.url).href
  const program = `import { DiskStore } from ${JSON.stringify(module)}
    const store = new DiskStore(${JSON.stringify(folder)})
    while (Date.now() < Number(process.argv[1]));
    const mail = await store.open('mario')
    console.log((await mail.read((view) => view.maildrop().ids)).join(' '))
    await store.close()`
  const at = `${Date.now() + 1500}`
  const seen = await Promise.all([1, 2, 3].map(() => run(process.execPath, ['--input-type=module', '-e', program, at])))
  assert.deepEqual(
    seen.map(({ stdout }) => stdout),
    ['1 3 4 7\n', '1 3 4 7\n', '1 3 4 7\n'],
  )
  assert.equal(versionOf(index), schemaVersion)
  const store = new DiskStore(folder)
  t.after(() => store.close())
  await seesAll(store)
  assert.deepEqual((await store.check('mario')).problems, [])
})
