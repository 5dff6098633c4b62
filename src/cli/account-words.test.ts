import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError } from '../errors.ts'
import { accountOptions, type AccountWords, checkLogIn, checkTogether } from './account-words.ts'

const says = (words: Partial<AccountWords>): AccountWords => ({ check: true, ...words })

test('what was there is handed on where that is said, with the places named or with those there are', () => {
  const before = { handOn: [{ url: 'maildir:/a', since: 5 }] }
  assert.deepEqual(accountOptions(says({ handOnAll: true }), before, 9).handOn, [{ url: 'maildir:/a', since: 0 }])
  assert.deepEqual(accountOptions(says({ handOn: ['maildir:/a', 'maildir:/b'] }), before, 9).handOn, [
    { url: 'maildir:/a', since: 5 },
    { url: 'maildir:/b', since: 9 },
  ])
  assert.throws(() => accountOptions(says({ handOnAll: true }), {}, 9), {
    name: 'MisuseError',
    message: /--hand-on-all needs --hand-on URL/,
  })
})

test('what has no meaning beside the rest is refused, and why is told', () => {
  const none = { protocol: 'pop3', leave: 'forever', options: {} } as const
  checkTogether(none)
  checkTogether({ ...none, protocol: 'imap', leave: { percent: 70 }, options: { only: ['Work'] } })
  checkTogether({ ...none, leave: { percent: 70 }, options: { room: 1e9, largest: 1e6, beyond: 'header' } })
  for (const [settings, why] of [
    [{ ...none, options: { only: ['Work'] } }, /--only and --except choose mailboxes of IMAP/],
    [{ ...none, leave: { percent: 70 } }, /--leave 70% needs --room AMOUNT/],
    [{ ...none, options: { beyond: 'header' } }, /--beyond header needs --largest AMOUNT/],
  ] as const)
    assert.throws(
      () => checkTogether(settings),
      (error) => error instanceof MisuseError && why.test(error.message),
    )
})

test('what is said of OAuth 2.0 without asking for it is not passed over, and a log-in has a name', () => {
  const [password, oauth] = [
    { login: 'mario', options: {} },
    { login: 'mario', options: { auth: 'oauth' } },
  ] as const
  for (const words of [{ issuer: 'google' }, { clientId: 'x' }, { device: true }]) {
    checkLogIn(says(words), oauth)
    assert.throws(() => checkLogIn(says(words), password), { name: 'MisuseError', message: /add --auth oauth/ })
  }
  checkLogIn(says({ issuer: 'usual', clientId: 'usual', device: false }), password)
  assert.throws(() => checkLogIn(says({ login: '' }), { ...password, login: '' }), /--login is empty/)
})
