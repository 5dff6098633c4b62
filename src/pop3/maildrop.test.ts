import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { form, Maildrop, type MaildropMessage } from './maildrop.ts'
import { Marks } from './marks.ts'
import { wholeNumber } from './transaction.ts'

const message: fc.Arbitrary<MaildropMessage> = fc.record({
  uniqueId: fc.string({
    unit: fc.constantFrom('a', 'Z', '09', '!', '~', '[', ']', '%', '"'),
    minLength: 1,
    maxLength: 35,
  }),
  octets: fc.oneof(fc.nat(2000), fc.constantFrom(0, 9, 10, 99, 100, 2 ** 31, 2 ** 32, 10 ** 15 - 1)),
  lineEnds: fc.constantFrom('crlf' as const, 'lf' as const),
  surrogate: fc.option(fc.nat(2000), { nil: undefined, freq: 1 }),
})

test('a maildrop says of its messages what it was told', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 120 }), fc.array(fc.nat(130)), (messages, chosen) => {
      const maildrop = Maildrop.of(messages)
      const marks = new Marks(messages.length)
      const removed = new Set(chosen.filter((number) => number >= 1 && number <= messages.length))
      for (const number of removed) marks.add(number)
      assert.equal(maildrop.count, messages.length)
      assert.equal(
        maildrop.octets,
        messages.reduce((sum, { octets }) => sum + octets, 0),
      )
      const sizes: string[] = []
      const ids: string[] = []
      for (const [place, { uniqueId, octets, lineEnds, surrogate }] of messages.entries()) {
        const number = place + 1
        assert.equal(maildrop.octetsOf(number), octets)
        assert.equal(maildrop.uniqueIdOf(number), uniqueId)
        const bits = (lineEnds === 'lf' ? form.lf : 0) | (surrogate === undefined ? 0 : form.international)
        assert.equal(maildrop.formOf(number), bits)
        if (removed.has(number)) continue
        sizes.push(`${number} ${octets}\r\n`)
        ids.push(`${number} ${uniqueId}\r\n`)
      }
      assert.equal(Buffer.from(maildrop.listing('LIST', marks)).toString(), `${sizes.join('')}.\r\n`)
      assert.equal(Buffer.from(maildrop.listing('UIDL', removed)).toString(), `${ids.join('')}.\r\n`)
      assert.deepEqual(
        marks.numbers(),
        [...removed].toSorted((a, b) => a - b),
      )
      assert.equal(marks.size, removed.size)
    }),
  )
})

test('for an old client a maildrop has the sizes of what that gets, and is otherwise the same', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 50 }), (messages) => {
      const maildrop = Maildrop.of(messages)
      const wanted = messages.map(({ octets, surrogate }) => surrogate ?? octets)
      const { downgraded } = maildrop
      const none = new Marks(messages.length)
      const list = wanted.map((octets, place) => `${place + 1} ${octets}\r\n`).join('')
      assert.equal(Buffer.from(downgraded.listing('LIST', none)).toString(), `${list}.\r\n`)
      assert.deepEqual(downgraded.listing('UIDL', none), maildrop.listing('UIDL', none))
      assert.deepEqual(
        messages.map((_, place) => [downgraded.octetsOf(place + 1), downgraded.formOf(place + 1)]),
        wanted.map((octets, place) => [octets, maildrop.formOf(place + 1)]),
      )
      assert.equal(
        downgraded.octets,
        wanted.reduce((sum, octets) => sum + octets, 0),
      )
      // It is made once for all sessions, and not at all where nothing differs.
      assert.equal(maildrop.downgraded, downgraded)
      assert.equal(
        downgraded === maildrop,
        messages.every(({ surrogate }) => surrogate === undefined),
      )
    }),
  )
})

test('a listing is spelt once for all sessions, unless something is left out of it', () => {
  const maildrop = Maildrop.of([{ uniqueId: 'a', octets: 1 }])
  const none = new Marks(1)
  assert.equal(maildrop.listing('LIST', none), maildrop.listing('LIST', new Set()))
  assert.notEqual(maildrop.listing('LIST', new Set([1])), maildrop.listing('LIST', new Set([1])))
})

test('a mark counts once, and marks can be cleared', () => {
  const marks = new Marks(3)
  marks.clear()
  for (const number of [3, 1, 3]) marks.add(number)
  assert.deepEqual([marks.size, marks.numbers()], [2, [1, 3]])
  marks.clear()
  assert.deepEqual([marks.size, marks.numbers(), marks.has(3)], [0, [], false])
})

test('a whole number is digits and nothing else', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.nat().map(String), fc.stringMatching(/^[0-9]{1,20}$/)), (word) => {
      const number = wholeNumber(word)
      if (!/^\d+$/.test(word)) assert.equal(number, undefined)
      else if (Number(word) <= Number.MAX_SAFE_INTEGER) assert.equal(number, Number(word))
      else assert.ok(number !== undefined && number > Number.MAX_SAFE_INTEGER)
    }),
  )
  assert.equal(wholeNumber('9'.repeat(400)), Infinity)
})
