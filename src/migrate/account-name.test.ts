import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountNames } from './account-name.ts'
import type { Found } from './found.ts'

function names(login: string, server: string, address?: string): string[] {
  const settings: Found['settings'] = {
    protocol: 'pop3',
    server,
    port: 995,
    tls: 'implicit',
    login,
    leave: 'forever',
    options: {},
  }
  return [...accountNames({ settings, address }).take(4)]
}

test('an account is called by its login where that is an address, else by what the old program says, else by a guess', () => {
  assert.deepEqual(names('Mario@Example.it', 'pop.isp.example'), [
    'mario@example.it',
    'mario@pop.isp.example',
    'mario.2@pop.isp.example',
    'mario.3@pop.isp.example',
  ])
  assert.deepEqual(names('mario', 'pop3s.example.it', 'm.rossi@example.it').slice(0, 2), [
    'm.rossi@example.it',
    'mario@example.it',
  ])
  assert.equal(names('mario', 'popmail.libero.it')[0], 'mario@libero.it')
  assert.equal(names('mario', 'example.it')[0], 'mario@example.it')
  assert.equal(names('mario', 'pop.it')[0], 'mario@pop.it')
  assert.equal(names('mario', 'server7.example.it')[0], 'mario@server7.example.it')
  assert.equal(names('mario', '192.0.2.10')[0], 'mario@192.0.2.10')
})

test('a login that can be no address gets one all the same', () => {
  assert.equal(names('my name', 'imap2.example.it')[0], 'my.name@example.it')
  assert.equal(names('a b@example.it', 'pop.example.it')[0], 'a.b@pop.example.it')
  assert.equal(names('-x', 'pop.example.it')[0], 'account.2@pop.example.it')
})
