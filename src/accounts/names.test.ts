import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressFault, canonicalAddress, domainOf, userNameFault, userNameFrom } from './names.ts'

test('user names: lower-case letters, digits and . _ - @, at most 64; + is kept back', () => {
  for (const name of ['mario', 'mario.rossi', '1st', 'mario@example.it', 'a'.repeat(64)])
    assert.equal(userNameFault(name), undefined, name)
  for (const name of [
    '',
    'Mario',
    'mario+phone',
    '.mario',
    '../mario',
    'mario rossi',
    'a/b',
    'a\\b',
    'nicolò',
    'a'.repeat(65),
  ])
    assert.notEqual(userNameFault(name), undefined, name)
})

test('any login name of any system gives a valid user name', () => {
  assert.equal(userNameFrom('Nicolò Rossi'), 'nicolorossi')
  assert.equal(userNameFrom('DOMAIN\\Mario'), 'domainmario')
  assert.equal(userNameFrom('山田'), 'me')
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (login) => userNameFault(userNameFrom(login)) === undefined))
})

test('an address has one spelling, without spaces and control characters', () => {
  assert.equal(canonicalAddress(' Mario@Example.IT '), 'mario@example.it')
  assert.equal(domainOf('mario@example.it'), 'example.it')
  assert.equal(domainOf('mario'), undefined)
  assert.equal(addressFault('mario@example.it'), undefined)
  for (const address of ['', 'a b@c', 'a\u001b[2J@c', '-x@y', '@b.it', 'a@', `${'a'.repeat(250)}@b.it`])
    assert.notEqual(addressFault(address), undefined, address)
})
