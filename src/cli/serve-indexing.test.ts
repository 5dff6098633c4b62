import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { setImmediate as soon, setTimeout as sleep } from 'node:timers/promises'
import { Directory } from '../accounts/directory.ts'
import { SearchIndex } from '../search/index-file.ts'
import { add } from '../store/contract-mail.ts'
import { DiskStore } from '../store/disk.ts'
import { Notes } from './notes.ts'
import { Output } from './output.ts'
import { Indexing } from './serve-indexing.ts'
import { LogLines } from './serve-log.ts'

/** A folder of data with these users, and what keeps their search indexes. */
async function house(t: TestContext, users: readonly string[]) {
  const data = await mkdtemp(join(tmpdir(), 'postino-indexing-'))
  const directory = await Directory.open(data)
  for (const name of users) await directory.addUser(name, undefined)
  const stream = new PassThrough()
  let said = ''
  stream.on('data', (text) => (said += text))
  const output = { output: new Output(stream), notes: new Notes(stream as never, false) }
  const log = new LogLines({ data, json: false, quiet: false, ...output })
  const indexing = new Indexing({ data, directory, log })
  t.after(async () => {
    await indexing.close()
    directory.close()
    await rm(data, { recursive: true, force: true })
  })
  const folder = (user: string): string => join(data, 'users', user)
  return {
    directory,
    indexing,
    folder,
    /** Puts a message into a user's mail, as another process would; `indexed`: and indexes it. */
    put: async (user: string, indexed: boolean) => {
      const store = new DiskStore(data)
      const mail = await store.open(user)
      await add(mail, 'Subject: ciao\r\n\r\n')
      if (indexed) {
        const index = SearchIndex.open(folder(user), mail)
        await index.catchUp()
        index.close()
      }
      await store.close()
    },
    said: async () => {
      log.flush()
      await soon()
      return said
    },
  }
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(5)
}

test('at the start only those are indexed whose mail has not been, and nothing is made for the others', async (t) => {
  const { indexing, folder, put } = await house(t, ['anna', 'bruno', 'carla', 'zoe'])
  await put('bruno', true)
  await put('zoe', false)
  const store = new DiskStore(join(folder('carla'), '..', '..'))
  await store.open('carla')
  await store.close()
  const nudged: string[] = []
  const nudge = indexing.nudge.bind(indexing)
  t.mock.method(indexing, 'nudge', (user: string) => {
    nudged.push(user)
    nudge(user)
  })
  indexing.start()
  // They are looked at in the order of their names.
  await until(() => existsSync(join(folder('zoe'), 'search.sqlite')))
  assert.deepEqual(nudged, ['zoe'])
  assert.ok(!existsSync(folder('anna')))
  assert.deepEqual((await readdir(folder('bruno'))).toSorted(), ['index.sqlite', 'search.sqlite', 'segments'])
  assert.deepEqual((await readdir(folder('carla'))).toSorted(), ['index.sqlite', 'segments'])
})

test('the look at many users leaves room for others between one and the next', async (t) => {
  const users = Array.from({ length: 30 }, (_, number) => `user${number}`)
  const { indexing, put } = await house(t, [...users, 'zoe'])
  await put('zoe', false)
  const nudged = t.mock.method(indexing, 'nudge', () => undefined)
  indexing.start()
  let turns = 0
  while (nudged.mock.callCount() === 0) {
    await soon()
    turns++
  }
  assert.ok(turns >= users.length, `${turns} turns`)
})

test('users who cannot be read are a line in the log, not the end of serve', async (t) => {
  const { directory, indexing, said } = await house(t, [])
  t.mock.method(directory, 'users', () => {
    throw new Error('the disk cannot be read')
  })
  indexing.start()
  await indexing.close()
  assert.match(await said(), /new mail is not indexed: .*the disk cannot be read/)
})
