import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Hash, MessageId } from '../ids.ts'
import type { LedgerEntry } from '../store/store.ts'
import { Ledger, type Listed } from './ledger.ts'

const account = 'pop3:mario@example.it'

function entry(uniqueId: string, hash: string, more: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    account,
    uniqueId,
    hash: hash as Hash,
    nth: 0,
    listed: 10,
    size: 10,
    stored: 0,
    message: 1 as MessageId,
    ...more,
  }
}

function listed(number: number, uniqueId: string, octets: number | undefined = 10): Listed {
  return { number, uniqueId, octets }
}

const numbers = (all: readonly Listed[]): number[] => all.map(({ number }) => number)

test('a message is known by unique-id and size', () => {
  const { known, wanted } = new Ledger(account, [entry('a', 'h1'), entry('b', 'h2')]).divide([
    listed(1, 'a'),
    listed(2, 'b', 11),
    listed(3, 'c'),
  ])
  assert.deepEqual(numbers(known.map((one) => one.listed)), [1])
  assert.deepEqual(numbers(wanted), [2, 3])
})

test('where the server lists a size of its own, that size is what is compared', () => {
  const entries = [entry('a', 'h1', { listed: 99, size: 10 }), entry('b', 'h2', { listed: undefined, size: 10 })]
  const { wanted } = new Ledger(account, entries).divide([listed(1, 'a', 99), listed(2, 'b', 10)])
  assert.deepEqual(wanted, [])
  assert.deepEqual(numbers(new Ledger(account, entries).divide([listed(1, 'a', 10)]).wanted), [1])
})

test('a server that gives no sizes is taken at its unique-ids', () => {
  assert.deepEqual(
    new Ledger(account, [entry('a', 'h1')]).divide([{ number: 1, uniqueId: 'a', octets: undefined }]).wanted,
    [],
  )
})

test('one unique-id on two messages: as many are known as came, and the other is fetched', () => {
  const ledger = new Ledger(account, [entry('a', 'h1')])
  const { known, wanted } = ledger.divide([listed(1, 'a'), listed(2, 'a')])
  assert.deepEqual(numbers(known.map((one) => one.listed)), [1])
  assert.deepEqual(numbers(wanted), [2])
  // Equal octets are the second of their kind, others the first of theirs.
  assert.equal(ledger.origin(listed(2, 'a'), 'h1' as Hash).nth, 1)
  assert.equal(ledger.origin(listed(2, 'a'), 'h9' as Hash).nth, 0)
})

test('without unique-ids each message is fetched, and its octets tell', () => {
  const ledger = new Ledger(account, [entry('', 'h1'), entry('', 'h1', { nth: 1 })])
  const all = [listed(1, ''), listed(2, ''), listed(3, '')]
  assert.deepEqual(ledger.divide(all).wanted, all)
  assert.deepEqual(
    all.map((one) => ledger.origin(one, 'h1' as Hash).nth),
    [0, 1, 2],
  )
})

test('an unchanged size says nothing of a message that is gone at home: it stays known', () => {
  const { known } = new Ledger(account, [entry('a', 'h1', { message: undefined })]).divide([listed(1, 'a')])
  assert.equal(known.length, 1)
})

test('whatever is listed: every message is either known or wanted, and no way in is given twice', () => {
  const ids = fc.constantFrom('', 'a', 'b', 'c')
  const sizes = fc.constantFrom(10, 20)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(ids, sizes, fc.constantFrom('h1', 'h2'))),
      fc.array(fc.tuple(ids, sizes, fc.constantFrom('h1', 'h2'))),
      (before, now) => {
        const seen = new Map<string, number>()
        const entries = before.map(([uniqueId, size, hash]) => {
          const nth = seen.get(`${uniqueId} ${hash}`) ?? 0
          seen.set(`${uniqueId} ${hash}`, nth + 1)
          return entry(uniqueId, hash, { nth, size, listed: size })
        })
        const ledger = new Ledger(account, entries)
        const listing = now.map(([uniqueId, octets], place) => listed(place + 1, uniqueId, octets))
        const { known, wanted } = ledger.divide(listing)
        assert.deepEqual(
          [...numbers(known.map((one) => one.listed)), ...numbers(wanted)].toSorted((a, b) => a - b),
          numbers(listing),
        )
        const ways = [
          ...known.map((one) => `${one.entry.uniqueId} ${one.entry.hash} ${one.entry.nth}`),
          ...wanted.map((one) => {
            const hash = (now[one.number - 1]?.[2] ?? '') as Hash
            return `${one.uniqueId} ${hash} ${ledger.origin(one, hash).nth}`
          }),
        ]
        assert.equal(new Set(ways).size, ways.length)
      },
    ),
  )
})
