import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { StoreError } from '../errors.ts'
import { createPop3Server } from '../library/server.ts'
import { MemoryStore } from '../store/memory.ts'
import type { UserMail } from '../store/store.ts'
import { choose, noRoomFor } from './fetch-choice.ts'
import { fetchPop3 } from './fetch-pop3.ts'
import type { FetchOptions, FetchReport } from './fetching.ts'
import { importMail } from './import.ts'

const letter = (name: string, octets: number): string => `Subject: ${name}\r\n\r\n`.padEnd(octets - 2, 'x') + '\r\n'

interface Provider {
  /** By unique-id. */
  readonly there: Map<string, string>
  fetch(mail: UserMail, options?: FetchOptions): Promise<FetchReport>
}

/** A provider from which everything that is home goes. */
async function provider(t: TestContext, there: Map<string, string>): Promise<Provider> {
  let sessions = 0
  const server = createPop3Server({
    authenticate: (login) => login,
    openMaildrop: () => {
      const ids = [...there.keys()]
      return {
        messages: ids.map((uniqueId) => ({ uniqueId, read: () => Buffer.from(there.get(uniqueId) ?? '') })),
        remove: (numbers) => numbers.forEach((number) => there.delete(ids[number - 1] ?? '')),
      }
    },
    log: () => void sessions++,
  })
  const { port } = await server.listen({ port: 0 })
  t.after(() => server.close())
  const remote = { host: '127.0.0.1', port, tls: 'none', login: 'mario', password: 'secret', leave: 'delete' } as const
  return {
    there,
    fetch: async (mail, options = {}) => {
      const before = sessions
      const report = await fetchPop3({ ...remote, account: 'pop3:mario@example.it' }, mail, options)
      while (sessions === before) await new Promise((resolve) => setTimeout(resolve, 5))
      return report
    },
  }
}

async function mailWith(quota: number): Promise<UserMail> {
  const mail = await new MemoryStore().open('mario')
  await mail.change((draft) => draft.setQuota(quota))
  return mail
}

test('what there is no room for waits at the server, which is said; what fits comes', () => {
  const message = (uniqueId: string, octets: number): { uniqueId: string; octets: number } => ({ uniqueId, octets })
  const wanted = [message('a', 60), message('b', 50), message('c', 40), message('d', 1)]
  const marks = { resting: new Map<string, string>(), last: new Map<string, number>() }
  const { due, later } = choose(wanted, { fits: { octets: 100, why: '0 octets are kept, and 100 may be' } }, marks)
  assert.deepEqual(
    due.map(({ uniqueId }) => uniqueId),
    ['a', 'c'],
  )
  assert.deepEqual(
    later.map(({ message: { uniqueId }, for: why, header }) => [uniqueId, why, header]),
    [
      ['b', 'room', false],
      ['d', 'room', false],
    ],
  )
  assert.equal(
    noRoomFor(later),
    '2 messages wait at the server: there is no room here: 0 octets are kept, and 100 may be',
  )
  assert.equal(noRoomFor(choose(wanted, {}, marks).later), undefined)
})

test('fetching goes as far as there is room, leaves the rest there, and goes on when there is more', async (t) => {
  const at = await provider(t, new Map(['a', 'b', 'c'].map((name) => [name, letter(name, 100)])))
  const mail = await mailWith(250)
  const fits = await mail.read((view) => ({ octets: (view.quota() ?? 0) - view.octets(), why: 'that is all' }))
  const report = await at.fetch(mail, { choice: { fits } })
  assert.deepEqual([report.error, report.new, report.waiting, report.failed], [undefined, 2, 1, 0])
  assert.match(report.noRoom ?? '', /one message waits at the server: there is no room here: that is all/)
  assert.deepEqual([...at.there.keys()], ['c'])
  await mail.change((draft) => draft.setQuota(300))
  const again = await at.fetch(mail, { choice: { fits: { octets: 100, why: '' } } })
  assert.deepEqual([again.new, again.waiting, again.noRoom], [1, 0, undefined])
  assert.equal(at.there.size, 0)
})

test('where the server’s sizes do not tell, the fetch ends with a clear fault, and nothing that did not fit is deleted there', async (t) => {
  const at = await provider(t, new Map(['a', 'b', 'c'].map((name) => [name, letter(name, 100)])))
  const mail = await mailWith(150)
  const report = await at.fetch(mail)
  assert.ok(report.error instanceof StoreError && report.error.code === 'over-quota', String(report.error))
  assert.match(report.error.message, /^there is no room for 100 octets more: mario has 100 of 150 octets/)
  // A session that failed deletes nothing at all.
  assert.equal(at.there.size, 3)
  assert.equal(await mail.read((view) => view.octets()), 100)
  await mail.change((draft) => draft.setQuota(undefined))
  const again = await at.fetch(mail)
  assert.deepEqual([again.error, again.new, again.skipped], [undefined, 2, 1])
  assert.equal(at.there.size, 0)
})

test('an import says which messages did not fit, and brings in the others', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postino-quota-'))
  t.after(() => rm(folder, { recursive: true }))
  const mbox = join(folder, 'all.mbox')
  const texts = [letter('small', 100), letter('large', 900), letter('last', 100)]
  await writeFile(mbox, texts.map((text) => `From a\n${text.replaceAll('\r', '')}\n`).join(''))
  const single = join(folder, 'one.eml')
  await writeFile(single, letter('one', 400))
  const mail = await mailWith(500)
  const report = await importMail(mail, [mbox, single])
  assert.equal(report.new, 2)
  assert.deepEqual(
    report.failed.map(({ path, why }) => [path, why.replace(/: mario.*/, '')]),
    [
      [mbox, 'message 2 in it: there is no room for 900 octets more'],
      [single, 'there is no room for 400 octets more'],
    ],
  )
  await mail.change((draft) => draft.setQuota(undefined))
  const again = await importMail(mail, [mbox, single])
  assert.deepEqual([again.new, again.known, again.failed], [2, 2, []])
})
