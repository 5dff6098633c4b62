import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '../errors.ts'
import { splitOptions, type SplitWords } from './split-option.ts'

test('who gets what is read from the options', () => {
  assert.equal(splitOptions({}), undefined)
  const words: SplitWords = { split: ['Info@Example.it=anna', '@casa.example=mario'], splitOtherwise: 'posta' }
  const users = { 'info@example.it': 'anna', '@casa.example': 'mario' }
  assert.deepEqual(splitOptions(words), { users, otherwise: 'posta' })
  assert.deepEqual(splitOptions({ ...words, splitField: ['X-RCPT-TO'], splitPrefix: 'mbox-' }), {
    users,
    otherwise: 'posta',
    fields: ['X-RCPT-TO'],
    prefix: 'mbox-',
  })
  assert.deepEqual(splitOptions({ split: ['a=b@example.it=anna'], splitOtherwise: 'posta' })?.users, {
    'a=b@example.it': 'anna',
  })
})

test('what makes no sense is refused with the value and the form', () => {
  const wrong: [SplitWords, RegExp][] = [
    [{ splitOtherwise: 'posta' }, /^--split-otherwise needs --split ADDRESS=USER/],
    [{ splitField: ['X-To'] }, /^--split-field needs --split ADDRESS=USER/],
    [{ splitPrefix: 'mbox-' }, /^--split-prefix needs --split ADDRESS=USER/],
    [{ split: ['info@example.it=anna'] }, /--split-otherwise USER/],
    [{ split: ['info@example.it'], splitOtherwise: 'posta' }, /^--split info@example\.it: give ADDRESS=USER/],
    [{ split: ['info=anna'], splitOtherwise: 'posta' }, /^--split info=anna: give ADDRESS=USER/],
    [{ split: ['=anna'], splitOtherwise: 'posta' }, /^--split =anna: give ADDRESS=USER/],
    [{ split: ['a@b.example='], splitOtherwise: 'posta' }, /"" cannot be the name of a user: it is empty/],
    [{ split: ['a@b.example=Anna'], splitOtherwise: 'posta' }, /"Anna" cannot be the name of a user/],
    [{ split: ['a@b.example=anna'], splitOtherwise: '../x' }, /^--split-otherwise: "\.\.\/x" cannot be/],
    [{ split: ['a@b.example=anna', 'A@b.example=luigi'], splitOtherwise: 'posta' }, /a@b\.example is anna's already/],
    [
      { split: ['a@b.example=anna'], splitOtherwise: 'posta', splitField: ['X To'] },
      /^--split-field X To: that cannot/,
    ],
  ]
  for (const [words, message] of wrong)
    assert.throws(
      () => splitOptions(words),
      (error) => error instanceof MisuseError && message.test(error.message),
      JSON.stringify(words),
    )
})
