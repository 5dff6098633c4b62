import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '../errors.ts'
import { Authenticator, type Clock } from './authenticator.ts'
import { hashPassword, passwordFault, verifyPassword } from './passwords.ts'
import { Slowing } from './slowing.ts'

/** A clock that goes forward only where somebody sleeps. */
class FastClock implements Clock {
  time = 0
  readonly sleeps: number[] = []
  now(): number {
    return this.time
  }
  sleep(milliseconds: number): Promise<void> {
    this.sleeps.push(milliseconds)
    this.time += milliseconds
    return Promise.resolve()
  }
}

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
})

test('a changed or removed password counts at once, though the old one is remembered', async () => {
  const stored = new Map([['mario', await hashPassword('old')]])
  const authenticator = new Authenticator({ credential: (user) => stored.get(user) }, new FastClock())
  const tries = (password: string): Promise<string | undefined> =>
    authenticator.authenticate('Mario', password, '127.0.0.1')
  assert.equal(await tries('old'), 'mario')
  assert.equal(await tries('old'), 'mario')
  stored.set('mario', await hashPassword('new'))
  assert.equal(await tries('old'), undefined)
  assert.equal(await tries('new'), 'mario')
  stored.delete('mario')
  assert.equal(await tries('new'), undefined)
})

test('failures make the next answer come later, for that address and user only', async () => {
  const stored = new Map([
    ['mario', await hashPassword('secret')],
    ['anna', await hashPassword('segreto')],
  ])
  const clock = new FastClock()
  const authenticator = new Authenticator({ credential: (user) => stored.get(user) }, clock)
  await Promise.all(Array.from({ length: 4 }, () => authenticator.authenticate('mario', 'guess', '192.0.2.1')))
  assert.deepEqual(clock.sleeps, [250, 500, 1000, 2000]) // one after the other, though they came at once
  assert.equal(await authenticator.authenticate('anna', 'segreto', '192.0.2.1'), 'anna')
  assert.equal(await authenticator.authenticate('mario', 'secret', '192.0.2.1'), 'mario')
  assert.equal(clock.sleeps.length, 4)
  await authenticator.authenticate('mario', 'guess', '192.0.2.1')
  assert.equal(clock.sleeps.at(-1), 250) // the right one cleared the count
})

test('one place cannot queue up without end', async () => {
  const authenticator = new Authenticator({ credential: () => undefined }, new FastClock())
  const all = await Promise.allSettled(
    Array.from({ length: 40 }, (_, i) => authenticator.authenticate(`user${i}`, 'x', `2001:db8::${i}`)),
  )
  const refused = all.filter((one) => one.status === 'rejected')
  assert.equal(refused.length, 8)
  for (const one of refused) assert(one.reason instanceof RefusedError && one.reason.reason === 'try-later')
  assert.equal(await authenticator.authenticate('user', 'x', '2001:db8::1'), undefined)
})

test('slowing: one address with many users, one IPv6 network, and no memory of what is long past', () => {
  const slowing = new Slowing()
  for (let i = 0; i < 12; i++) slowing.failed('::ffff:192.0.2.7', `user${i}`, 0)
  assert.equal(slowing.delay('192.0.2.7', 'another', 0), 500)
  assert.equal(slowing.delay('192.0.2.8', 'another', 0), 0)
  slowing.failed('2001:db8::1', 'mario', 0)
  assert.equal(slowing.delay('2001:db8:0:0:ffff::2', 'mario', 0), 250)
  assert.equal(slowing.delay('2001:db8:0:1::2', 'mario', 0), 0)
  for (let i = 0; i < 40; i++) slowing.failed('192.0.2.9', 'mario', 0)
  assert.equal(slowing.delay('192.0.2.9', 'mario', 0), 15_000)
  assert.equal(slowing.delay('192.0.2.9', 'mario', 16 * 60_000), 0)
})
