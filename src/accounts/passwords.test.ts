import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashPassword, passwordFault, verifyPassword } from './passwords.ts'

test('a password is stored as an argon2id PHC string, and verified against it', async () => {
  const stored = await hashPassword('perché no')
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.equal(await verifyPassword('perché no', stored), true)
  assert.equal(await verifyPassword('perche no', stored), false)
  assert.equal(await verifyPassword('perché no', undefined), false)
  assert.equal(await verifyPassword('', 'rubbish'), false)
  assert.notEqual(await hashPassword('perché no'), stored)
})

test('a string that another program made is understood', async () => {
  // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 24 -e
  const stored = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  assert.equal(await verifyPassword('password', stored), true)
})

test('a password that no mail program could send is not taken', () => {
  assert.equal(passwordFault('correct horse'), undefined)
  assert.match(passwordFault('') ?? '', /empty/)
  assert.match(passwordFault('a\nb') ?? '', /control/)
  assert.match(passwordFault('è'.repeat(121)) ?? '', /240/)
  assert.match(passwordFault('a\u202eb') ?? '', /control/)
  assert.match(passwordFault('\u00ad') ?? '', /empty/)
})
