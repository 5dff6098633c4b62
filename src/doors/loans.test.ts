import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Loans } from './loans.ts'

test('octets are there as long as one needs them, and their memory goes with the last', () => {
  const step = fc.record({ what: fc.constantFrom('begin', 'hold', 'done'), which: fc.nat() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const loans = new Loans()
      const all: { octets: Uint8Array; needed: number; fill: number }[] = []
      for (const [place, { what, which }] of steps.entries()) {
        if (what === 'begin' || all.length === 0) {
          const fill = 1 + (place % 255)
          const octets = new Uint8Array(100).fill(fill)
          loans.begin(octets)
          all.push({ octets, needed: 1, fill })
          continue
        }
        const one = all[which % all.length] ?? assert.fail()
        // Once nobody needs it, nobody can have it again.
        if (one.needed === 0) continue
        const part = one.octets.subarray(which % 50, 60)
        if (what === 'hold') loans.hold(part)
        else loans.done(part)
        one.needed += what === 'hold' ? 1 : -1
        for (const { octets, needed, fill } of all) {
          assert.equal(octets.length, needed === 0 ? 0 : 100)
          if (needed > 0) assert.ok(octets.every((octet) => octet === fill))
        }
      }
      assert.equal(loans.size, all.filter(({ needed }) => needed > 0).length)
    }),
    { numRuns: 200 },
  )
})

test('what somebody keeps for good is never taken away', () => {
  const loans = new Loans()
  const octets = new Uint8Array(10).fill(7)
  loans.begin(octets)
  loans.hold(octets)
  loans.keep(octets.subarray(3))
  loans.done(octets)
  loans.done(octets)
  assert.deepEqual([...octets], Array<number>(10).fill(7))
})

test('memory that is shared with something else, or was never on loan, is left alone', () => {
  const loans = new Loans()
  const whole = new Uint8Array(10).fill(7)
  const strange = new Uint8Array(10).fill(8)
  loans.begin(whole.subarray(0, 5))
  loans.done(whole.subarray(0, 5))
  loans.hold(strange)
  loans.done(strange)
  assert.deepEqual([whole.length, strange.length, loans.size], [10, 10, 0])
})
