import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { baseSubject } from './base-subject.ts'

test('what replies, forwards and lists add is taken away: RFC 5256 §2.1', () => {
  const expected: Record<string, [base: string, isReply: boolean]> = {
    Fattura: ['Fattura', false],
    '  Fattura   di \t luce ': ['Fattura di luce', false],
    'Re: Fattura': ['Fattura', true],
    'RE : re:Fw: FWD: Fattura': ['Fattura', true],
    'Re[2]: Fattura': ['Fattura', true],
    'Re [2] : Fattura': ['Fattura', true],
    '[dev] Re: [dev] Fattura': ['Fattura', true],
    '[dev][it] Fattura': ['Fattura', false],
    '[dev]': ['[dev]', false],
    '[dev] [it]': ['[it]', false],
    'Re: [dev]': ['[dev]', true],
    'Fattura (fwd)': ['Fattura', true],
    'Fattura (Fwd) (fwd)  ': ['Fattura', true],
    '[fwd: Fattura]': ['Fattura', true],
    'Re: [Fwd: Re: [x] Fattura (fwd)]': ['Fattura', true],
    '[fwd: [fwd: Fattura]]': ['Fattura', true],
    'Re:': ['', true],
    '': ['', false],
    // None of them is such an addition.
    'Rest: Fattura': ['Rest: Fattura', false],
    'AW: Fattura': ['AW: Fattura', false],
    '[a[b] Fattura': ['[a[b] Fattura', false],
    'Fattura [dev]': ['Fattura [dev]', false],
    'fwd Fattura': ['fwd Fattura', false],
  }
  for (const [subject, [base, isReply]] of Object.entries(expected))
    assert.deepEqual(baseSubject(subject), { base, isReply }, subject)
})

test('a base subject has nothing more to take away', () => {
  const piece = fc.constantFrom('Re:', 'fw ', ':', '[', ']', 'a', ' ', '(fwd)', '[fwd:', '[x]', '\t', 'è')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const { base } = baseSubject(pieces.join(''))
      assert.deepEqual(baseSubject(base).base, base)
    }),
  )
})

test('subjects of a megabyte that are nothing but additions come to an end', () => {
  for (const piece of ['re:', '[a]', '[fwd:', '[', ' ', '(fwd)', 're[', 're [a] '])
    assert.ok(baseSubject(piece.repeat((1 << 20) / piece.length)).base.length <= 1 << 20, piece)
  const deep = 100_000
  assert.equal(baseSubject(`${'[fwd: '.repeat(deep)}x${']'.repeat(deep)}`).base, 'x')
})
