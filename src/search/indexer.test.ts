import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DiskStore } from '../store/disk.ts'
import type { UserMail } from '../store/store.ts'
import { SearchIndex } from './index-file.ts'
import { startIndexer } from './indexer.ts'

async function dataOf(t: TestContext): Promise<{ data: string; store: DiskStore; mail: UserMail }> {
  const data = await mkdtemp(join(tmpdir(), 'postino-indexer-'))
  const store = new DiskStore(data)
  const mail = await store.open('mario')
  t.after(async () => {
    await store.close()
    await rm(data, { recursive: true })
  })
  return { data, store, mail }
}

async function add(mail: UserMail, text: string): Promise<void> {
  const staging = mail.stage('unknown')
  await staging.write(new Uint8Array(Buffer.from(`Subject: test\r\n\r\n${text}\r\n`)))
  const staged = await staging.finish()
  await mail.change((draft) => draft.add(staged, { mailbox: draft.openMailbox('INBOX'), received: 0 }))
}

test('what was stored before is indexed at the start, what comes later when it is told', async (t) => {
  const { data, store, mail } = await dataOf(t)
  await add(mail, 'before')
  const indexer = startIndexer(data, 'mario')
  await indexer.caughtUp()
  await add(mail, 'after')
  indexer.nudge()
  indexer.nudge()
  await indexer.caughtUp()
  const index = SearchIndex.open(store.userFolder('mario'), mail)
  t.after(() => index.close())
  assert.equal(await index.behind(), 0)
  assert.deepEqual(
    (await index.search('before')).map(({ id }) => id),
    [1],
  )
  assert.deepEqual(
    (await index.search('after')).map(({ id }) => id),
    [2],
  )
  await indexer.close()
  await assert.rejects(indexer.caughtUp(), { code: 'io' })
})

test('what goes wrong is told, and the next nudge tries again', async (t) => {
  const { data, store, mail } = await dataOf(t)
  await add(mail, 'a word')
  const problems: string[] = []
  const file = join(store.userFolder('mario'), 'search.sqlite')
  await writeFile(file, 'junk '.repeat(1000))
  const indexer = startIndexer(data, 'mario', { onProblem: (why) => problems.push(why) })
  await indexer.caughtUp()
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /mario.*damaged.*made anew/)
  await indexer.close()

  const failing = startIndexer(data, '..', { onProblem: (why) => problems.push(why) })
  await assert.rejects(failing.caughtUp(), /not a user name/)
  await assert.rejects(failing.caughtUp(), /not a user name/)
  await failing.close()
})

test('closed in the middle, it leaves what the next can go on from', async (t) => {
  const { data, store, mail } = await dataOf(t)
  for (let count = 0; count < 20; count++) await add(mail, `word${count} common`)
  const indexer = startIndexer(data, 'mario')
  const waiting = indexer.caughtUp().then(
    () => 'done',
    () => 'closed',
  )
  await indexer.close()
  assert.ok(['done', 'closed'].includes(await waiting))
  const index = SearchIndex.open(store.userFolder('mario'), mail)
  t.after(() => index.close())
  await index.catchUp()
  assert.equal((await index.search('common')).length, 20)
})
