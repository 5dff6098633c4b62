import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ledger } from '../intake/ledger.ts'
import { MemoryStore } from '../store/memory.ts'
import { add } from '../store/contract-mail.ts'
import { noteHad } from './note-had.ts'

const account = 'pop3:mario@example.it'
const had = (...ids: string[]): { uniqueId: string; when: undefined }[] =>
  ids.map((uniqueId) => ({ uniqueId, when: undefined }))

test('what another program had is in the ledger once, however often it is written, and is not wanted', async () => {
  const mail = await new MemoryStore().open('mario')
  assert.equal(await noteHad(mail, account, had('a', 'b', 'a')), 2)
  const before = mail.modseq()
  assert.equal(await noteHad(mail, account, had('b', 'a')), 0)
  assert.equal(mail.modseq(), before)
  assert.equal(await noteHad(mail, account, had('b', 'c')), 1)
  const rows = await mail.read((view) => view.ledger(account))
  assert.deepEqual(new Set(rows.map(({ uniqueId }) => uniqueId)), new Set(['a', 'b', 'c']))
  assert.ok(rows.every(({ hash, message }) => hash === '' && message === undefined))
  const listing = ['a', 'b', 'c', 'd'].map((uniqueId, index) => ({ number: index + 1, uniqueId, octets: 100 }))
  assert.deepEqual(
    new Ledger(account, rows).divide(listing).wanted.map(({ uniqueId }) => uniqueId),
    ['d'],
  )
})

test('a message that is here already keeps its row, and gets no other', async () => {
  const mail = await new MemoryStore().open('mario')
  await add(mail, 'x\r\n', { origin: { account, uniqueId: 'a', nth: 0, listed: 3 } })
  assert.equal(await noteHad(mail, account, had('a')), 0)
  assert.equal((await mail.read((view) => view.ledger(account))).length, 1)
})

test('a unique-id that may be called otherwise is known by both, and since when it was had', async () => {
  const mail = await new MemoryStore().open('mario')
  assert.equal(await noteHad(mail, account, [{ uniqueId: 'a-b', or: 'a/b', when: 1000 }]), 2)
  const rows = await mail.read((view) => view.ledger(account))
  const since = new Map([
    ['a-b', 1000],
    ['a/b', 1000],
  ])
  assert.deepEqual(new Map(rows.map(({ uniqueId, stored }) => [uniqueId, stored])), since)
})

test('nothing had is nothing written', async () => {
  const mail = await new MemoryStore().open('mario')
  const before = mail.modseq()
  assert.equal(await noteHad(mail, account, []), 0)
  assert.equal(mail.modseq(), before)
})
