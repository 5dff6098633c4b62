import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { StoreError } from '../errors.ts'
import type { Hash, MailboxId, MessageId, ModSeq, Uid, UniqueId } from '../ids.ts'
import type { MessageRecord } from './record.ts'
import { schema } from './schema.ts'
import { nowhere } from './sqlite-bodies.ts'
import { SqliteIndex } from './sqlite-index.ts'

// The indexes have only some octets of a hash, and some characters of a unique-id. What has the same is told apart all the same.

const account = 'pop3:mario@example.it'
const [one, two, three] = ['aa', 'bb', 'cc'].map((end) => `${'5a'.repeat(31)}${end}` as Hash) as [Hash, Hash, Hash]

function index(t: TestContext): { index: SqliteIndex; database: DatabaseSync } {
  const database = new DatabaseSync('')
  t.after(() => database.close())
  database.exec(schema)
  const made = new SqliteIndex(database)
  made.attend()
  made.apply({ t: 'mailbox', modseq: 1 as ModSeq, id: 1 as MailboxId, name: 'INBOX', uidValidity: 1 })
  return { index: made, database }
}

function message(id: number, hash: Hash, uniqueId: string = `unique-${id}`): MessageRecord {
  return {
    t: 'message',
    modseq: (id + 1) as ModSeq,
    id: id as MessageId,
    mailbox: 1 as MailboxId,
    uid: id as Uid,
    uniqueId: uniqueId as UniqueId,
    hash,
    size: 10 + id,
    octets: 10 + id,
    lineEnds: 'crlf',
    received: 0,
    stored: 0,
    flags: [],
    origin: { account, uniqueId: 'the same', nth: 0 },
    body: true,
  }
}

test('bodies whose hashes begin with the same octets are told apart, and so are their rows of the ledger', (t) => {
  const { index: made } = index(t)
  made.apply(message(1, one), { segment: 1, start: 100, size: 11 })
  made.apply(message(2, two), { segment: 1, start: 200, size: 12 })
  assert.equal(made.body(one)?.start, 100)
  assert.equal(made.body(two)?.start, 200)
  assert.equal(made.body(three), undefined)
  assert.equal(made.message(2 as MessageId)?.hash, two)
  assert.equal(made.origin(account, 'the same', one, 0)?.message, 1)
  assert.equal(made.origin(account, 'the same', two, 0)?.message, 2)
  assert.equal(made.origin(account, 'the same', three, 0), undefined)
  assert.deepEqual(
    made.ledger(account).map(({ hash }) => hash),
    [one, two],
  )

  // It comes again: of the two it is that one which has another place now.
  made.apply(message(3, two), { segment: 2, start: 300, size: 12 })
  assert.equal(made.body(one)?.start, 100)
  assert.deepEqual([made.body(two)?.segment, made.body(two)?.start], [2, 300])
  made.applySettled({ t: 'kept', hash: three, size: 13, at: 7, length: 13 }, 400)
  made.applySettled({ t: 'kept', hash: one, size: 11, at: 20, length: 11 }, 400)
  assert.deepEqual(made.body(three)?.piece, { at: 7, length: 13, coded: false })
  assert.deepEqual(made.body(one)?.piece, { at: 20, length: 11, coded: false })
  assert.equal(made.body(two)?.piece, undefined)
})

test('of octets that have left, or never were here, the ledger knows the hash', (t) => {
  const { index: made } = index(t)
  made.apply({ t: 'know', modseq: 2 as ModSeq, account, uniqueId: 'had', nth: 0, hash: one, size: 9, stored: 0 })
  assert.equal(made.body(one), undefined)
  assert.equal(made.origin(account, 'had', one, 0)?.hash, one)
  // What a message says of its octets counts, not what the ledger knew.
  made.apply(message(2, one), { segment: 1, start: 100, size: 12 })
  assert.deepEqual([made.body(one)?.start, made.body(one)?.size], [100, 12])
  made.apply({ t: 'know', modseq: 3 as ModSeq, account, uniqueId: 'had', nth: 0, hash: three, size: 9, stored: 0 })
  made.applySettled({ t: 'kept', hash: three, size: 13, at: 7, length: 13 }, 400)
  assert.equal(made.body(three)?.size, 13)
  made.apply({ t: 'remove', modseq: 4 as ModSeq, id: 2 as MessageId })
  for (const body of made.settled.bodies(1).values()) made.settled.dropBody(body)
  assert.equal(made.body(one), undefined)
  assert.deepEqual(made.settled.bodies(1), new Map())
  assert.deepEqual(
    made.ledger(account).map(({ uniqueId, hash, message: of }) => [uniqueId, hash, of]),
    [
      ['had', one, undefined],
      ['had', three, undefined],
      ['the same', one, undefined],
    ],
  )
  // What no segment has is taken out; that it came stays known.
  made.apply(message(5, two), { ...nowhere, size: 15 })
  assert.deepEqual(made.dropPlaceless(), [5])
  assert.equal(made.body(two), undefined)
  assert.equal(made.origin(account, 'the same', two, 0)?.message, undefined)
  assert.equal(made.origin(account, 'the same', two, 0)?.size, 15)
})

test('a message that stands on octets which have left is damage', (t) => {
  const { index: made } = index(t)
  made.apply({ t: 'know', modseq: 2 as ModSeq, account, uniqueId: 'had', nth: 0, hash: one, size: 9, stored: 0 })
  const isDamaged = (error: unknown): boolean => error instanceof StoreError && error.code === 'damaged'
  assert.throws(() => made.apply(message(1, one), undefined), isDamaged)
  assert.throws(() => made.apply(message(1, two), undefined), isDamaged)
  assert.deepEqual(made.messages(), [])
})

test('what another program had fetched, of which no hash is known, is one row for each way in', (t) => {
  const { index: made, database } = index(t)
  const nothing = '' as Hash
  const know = (uniqueId: string, size: number, head: string): void =>
    made.apply({ t: 'know', modseq: 2 as ModSeq, account, uniqueId, nth: 0, hash: nothing, size, stored: 0, head })
  know('one', 1, 'h1')
  know('two', 2, 'h2')
  know('one', 3, 'h3')
  const rows = made.ledger(account)
  assert.deepEqual(
    rows.map((row) => [row.uniqueId, row.hash, row.size, made.head(row)]),
    [
      ['one', '', 3, 'h3'],
      ['two', '', 2, 'h2'],
    ],
  )
  assert.equal(made.origin(account, 'two', nothing, 0)?.size, 2)
  made.apply({ t: 'relist', modseq: 3 as ModSeq, account, uniqueId: 'two', hash: nothing, nth: 0, listed: 7 })
  assert.equal(made.origin(account, 'two', nothing, 0)?.listed, 7)
  assert.equal(database.prepare('select count(*) as rows from kept_bodies').get()?.['rows'], 1)
})

test('unique-ids that are the same where the index looks are told apart', (t) => {
  const { index: made } = index(t)
  made.apply(message(1, one, 'aaaa-the-other-end'), { segment: 1, start: 100, size: 11 })
  assert.equal(made.uniqueIdTaken('aaaa-the-other-end' as UniqueId), true)
  assert.equal(made.uniqueIdTaken('bbbb-the-OTHEr-end' as UniqueId), false)
  for (const short of ['', 'a', 'end', '-the']) assert.equal(made.uniqueIdTaken(short as UniqueId), false, `"${short}"`)
  made.apply(message(2, two, 'a'), { segment: 1, start: 200, size: 12 })
  assert.equal(made.uniqueIdTaken('a' as UniqueId), true)
})

test('unique-ids that count up are each alone where the index looks, as are those with a number before', (t) => {
  const { index: made, database } = index(t)
  const ids = Array.from({ length: 3000 }, (_, n) => [`1700000000.${n + 1}`, String(100_000 + n)]).flat()
  for (const [n, uniqueId] of ids.entries())
    made.apply(message(n + 1, one, uniqueId), { segment: 1, start: 100, size: 11 })
  const sql = database.prepare(`select sql from sqlite_schema where name = 'messages_by_unique_id'`).get()?.['sql']
  const [, key = ''] = /on messages \((.*)\)$/.exec(String(sql)) ?? []
  const keys = database.prepare(`select count(distinct ${key}) as keys from messages`).get()?.['keys']
  assert.equal(keys, ids.length)
})

test('what is looked up for each message is found by an index', (t) => {
  const { index: made, database } = index(t)
  const asked: string[] = []
  const prepare = database.prepare.bind(database)
  t.mock.method(database, 'prepare', (sql: string) => {
    asked.push(sql)
    return prepare(sql)
  })
  made.apply(message(1, one), { segment: 1, start: 100, size: 11 })
  made.apply(message(2, one), undefined)
  made.body(two)
  made.origin(account, 'the same', one, 0)
  made.uniqueIdTaken('a' as UniqueId)
  const plans = asked.flatMap((sql) =>
    prepare(`explain query plan ${sql}`)
      .all()
      .map((row) => String(row['detail'])),
  )
  // Of mailboxes, holds and devices there are few.
  assert.deepEqual(
    plans.filter((plan) => /SCAN (?:messages|m|kept_bodies|b|ways|w)\b/.test(plan)),
    [],
  )
  for (const used of ['bodies_by_hash', 'messages_by_unique_id'])
    assert.ok(
      plans.some((plan) => plan.includes(used)),
      used,
    )
})
