import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Account } from '../accounts/directory.ts'
import type { Found } from '../migrate/found.ts'
import { Places } from './migrate-place.ts'

type At = Pick<Found['settings'], 'server' | 'login'> & { readonly protocol?: 'pop3' | 'imap' }

function found({ server, login, protocol = 'pop3' }: At): Found {
  const settings: Found['settings'] = {
    protocol,
    server,
    port: 995,
    tls: 'implicit',
    login,
    leave: 'forever',
    options: {},
  }
  const nothing = { address: undefined, password: undefined, owner: undefined, split: undefined, had: [], remarks: [] }
  return { program: 'mpop', file: 'f', line: 1, settings, ...nothing }
}

function account(address: string, at: At): Account {
  const rest = {
    user: 'mario',
    serial: 1,
    created: 0,
    lastSuccess: undefined,
    lastTry: undefined,
    lastError: undefined,
  }
  return { ...found(at).settings, ...rest, address, state: {} }
}

test('an account gets the same place each time', () => {
  const one = { server: 'pop.example.it', login: 'mario' }
  const two = { server: 'other.example', login: 'mario@example.it' }
  const first = new Places()
  const given = [one, two].map((at) => ({ at, place: first.of(found(at), []) }))
  assert.deepEqual(
    given.map(({ place }) => place.address),
    ['mario@example.it', 'mario@other.example'],
  )
  const accounts = given.map(({ at, place }) => account(place.address, at))
  const second = new Places()
  for (const { at, place } of given)
    assert.deepEqual(second.of(found(at), accounts), {
      ...place,
      account: accounts.find((a) => a.address === place.address),
      same: true,
    })
})

test('the same mailbox twice in one run is one account', () => {
  const places = new Places()
  const at = { server: 'Pop.example.it', login: 'mario' }
  assert.equal(places.of(found(at), []).again, false)
  const again = places.of(found({ ...at, server: 'pop.example.it' }), [])
  assert.deepEqual([again.address, again.again], ['mario@example.it', true])
})

test('an account that was renamed here is found by its mailbox', () => {
  const at = { server: 'pop.example.it', login: 'mario' }
  const mine = account('work@example.it', at)
  assert.deepEqual(new Places().of(found(at), [mine]), {
    address: 'work@example.it',
    account: mine,
    same: true,
    again: false,
  })
})

test('an account of that name at another server is left alone, and its list is another', () => {
  const mine = account('mario@example.it', { server: 'new.example.it', login: 'mario@example.it' })
  const place = new Places().of(found({ server: 'old.example.it', login: 'mario@example.it' }), [mine])
  assert.deepEqual(place, { address: 'mario@example.it', account: mine, same: false, again: false })
})

test('the same mailbox by the other protocol is another account', () => {
  const mine = account('mario@example.it', { server: 'pop.example.it', login: 'mario@example.it' })
  const place = new Places().of(found({ server: 'imap.example.it', login: 'mario@example.it', protocol: 'imap' }), [
    mine,
  ])
  assert.deepEqual([place.address, place.account], ['mario@imap.example.it', undefined])
})
