import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Hash, MailboxId, MessageId, ModSeq, Uid, UniqueId } from '../ids.ts'
import { schema } from './schema.ts'
import { SqliteIndex } from './sqlite-index.ts'

const [one, two, three, part] = ['aa', 'bb', 'cc', 'dd'].map((octet) => octet.repeat(32) as Hash) as [
  Hash,
  Hash,
  Hash,
  Hash,
]

test('garbage is what no message needs; an attachment that a body elsewhere needs cannot leave, message or not', (t) => {
  const database = new DatabaseSync('')
  t.after(() => database.close())
  database.exec(schema)
  const index = new SqliteIndex(database)
  index.attend()
  index.apply({ t: 'mailbox', modseq: 1 as ModSeq, id: 1 as MailboxId, name: 'INBOX', uidValidity: 1 })
  index.segment = 1
  index.applySettled({ t: 'run', size: 1000, lengths: [90] }, 100)
  index.applySettled({ t: 'kept', hash: one, size: 300, at: 0, length: 300 }, 100)
  index.applySettled({ t: 'kept', hash: two, size: 300, at: 300, length: 300, coded: true, parts: [part] }, 100)
  index.applySettled({ t: 'part', hash: part, at: 600, length: 400 }, 100)
  index.segment = 2
  index.applySettled({ t: 'run', size: 200, lengths: [90] }, 100)
  index.applySettled({ t: 'kept', hash: three, size: 200, at: 0, length: 200 }, 100)
  const garbage = (): unknown => [...index.settled.garbageBySegment()].map(([segment, share]) => [segment, share])
  assert.deepEqual(garbage(), [
    [1, 1],
    [2, 1],
  ])

  for (const [n, hash] of [one, two].entries())
    index.apply({
      t: 'message',
      modseq: (n + 2) as ModSeq,
      id: (n + 1) as MessageId,
      mailbox: 1 as MailboxId,
      uid: (n + 1) as Uid,
      uniqueId: `unique-${n}` as UniqueId,
      hash,
      size: 300,
      octets: 300,
      lineEnds: 'crlf',
      received: 0,
      stored: 0,
      flags: [],
      body: false,
    })
  assert.deepEqual(garbage(), [
    [1, 0],
    [2, 1],
  ])
  index.apply({ t: 'remove', modseq: 4 as ModSeq, id: 2 as MessageId })
  assert.deepEqual(garbage(), [
    [1, 0.7],
    [2, 1],
  ])
  index.applySettled({ t: 'kept', hash: three, size: 200, at: 0, length: 200, parts: [part] }, 100)
  assert.deepEqual(garbage(), [
    [1, 1 - 700 / 1000],
    [2, 1],
  ])
})
