import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { RefusedError } from '../errors.ts'
import { clientMechanism } from '../sasl/client.ts'
import type { ScramKeys } from '../sasl/scram.ts'
import { serverMechanism } from '../sasl/server.ts'
import { Authenticator, type Clock } from './authenticator.ts'
import type { Credentials, LoggedIn } from './credentials.ts'
import { Directory } from './directory.ts'
import { hashPassword } from './passwords.ts'
import { saslCrypto } from './sasl-crypto.ts'
import { Secrets } from './secrets.ts'
import { storedCredential } from './stored-credential.ts'

/** A clock that goes forward only where somebody sleeps. */
class FastClock implements Clock {
  time = 1_800_000_000_000
  readonly sleeps: number[] = []
  now(): number {
    return this.time
  }
  sleep(milliseconds: number): Promise<void> {
    this.sleeps.push(milliseconds)
    return Promise.resolve()
  }
}

interface Place {
  readonly data: string
  readonly directory: Directory
  readonly clock: FastClock
  readonly authenticator: Authenticator
}

async function place(t: TestContext): Promise<Place> {
  const data = await mkdtemp(join(tmpdir(), 'postino-authenticator-'))
  const directory = await Directory.open(data)
  const clock = new FastClock()
  const authenticator = new Authenticator(directory, { data, clock })
  t.after(async () => {
    authenticator.close()
    directory.close()
    await rm(data, { recursive: true, force: true })
  })
  return { data, directory, clock, authenticator }
}

const by = (login: string, password: string): Credentials => ({ by: 'password', login, password, mechanism: 'PLAIN' })

function tries(one: Authenticator, login: string, password: string, from = '127.0.0.1'): Promise<LoggedIn | undefined> {
  return one.authenticate(by(login, password), from)
}

const mario: LoggedIn = { user: 'mario', device: undefined }
/** Of "\uff57ide", octet by octet (RFC 9106). */
const typedAsWide = '$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBvY3RldHMhIQ$QaAe1NgrGd8yEXfDVQaIQ8mF6cxlPRftJpaJaKCCoyA'

test('a changed or removed password counts at once, also by another process, though the old one is remembered', async (t) => {
  const { data, directory, authenticator } = await place(t)
  const other = await Directory.open(data)
  t.after(() => other.close())
  await directory.addUser('mario', await storedCredential('old'))
  assert.deepEqual(await tries(authenticator, 'Mario', 'old'), mario)
  assert.deepEqual(await tries(authenticator, 'Mario', 'old'), mario)
  await other.setCredential('mario', await storedCredential('new'))
  assert.equal(await tries(authenticator, 'mario', 'old'), undefined)
  assert.deepEqual(await tries(authenticator, 'mario', 'new'), mario)
  await other.removeUser('mario')
  assert.equal(await tries(authenticator, 'mario', 'new'), undefined)
})

test('a device is named with +, before or behind the domain, and counts as its user', async (t) => {
  const { directory, authenticator, clock } = await place(t)
  await directory.addUser('mario', await storedCredential('segreto'))
  await directory.addUser('anna@example.it', await storedCredential('segreto'))
  const device = async (login: string): Promise<LoggedIn | undefined> => await tries(authenticator, login, 'segreto')
  assert.deepEqual(await device('Mario+Phone'), { user: 'mario', device: 'phone' })
  assert.deepEqual(await device('Mario+Phone'), { user: 'mario', device: 'phone' }) // remembered
  assert.deepEqual(await device('mario'), mario)
  assert.deepEqual(await device('anna+tab.2@example.it'), { user: 'anna@example.it', device: 'tab.2' })
  assert.deepEqual(await device('anna@example.it+tab.2'), { user: 'anna@example.it', device: 'tab.2' })
  for (const wrong of ['mario+', '+phone', 'mario+../x', 'mario+pho ne', `mario+${'x'.repeat(33)}`, 'luigi+phone'])
    assert.equal(await device(wrong), undefined, wrong)
  clock.sleeps.length = 0
  for (const name of ['a', 'b', 'c']) await tries(authenticator, `mario+${name}`, 'guess', '192.0.2.1')
  assert.deepEqual(clock.sleeps, [250, 500, 1000])
})

test('a user that is really called so comes before a device', async (t) => {
  const { directory, authenticator } = await place(t)
  await directory.addUser('mario', await storedCredential('segreto'))
  assert.deepEqual(await tries(authenticator, 'mario+phone', 'segreto'), { user: 'mario', device: 'phone' })
  await directory.addUser('mario+phone', await storedCredential('altro'))
  assert.equal(await tries(authenticator, 'mario+phone', 'segreto'), undefined)
  assert.deepEqual(await tries(authenticator, 'mario+phone', 'altro'), { user: 'mario+phone', device: undefined })
})

test('failures make the next wrong answer come later, in all processes; the right password answers at once', async (t) => {
  const { data, directory, authenticator, clock } = await place(t)
  await directory.addUser('mario', await storedCredential('secret'))
  const process = new Authenticator(directory, { data, clock })
  t.after(() => process.close())
  const guess = (one: Authenticator, word: string, from = '192.0.2.1'): Promise<unknown> =>
    tries(one, 'mario', word, from)
  await Promise.all([guess(authenticator, '1'), guess(process, '2')])
  await Promise.all([guess(authenticator, '3'), guess(process, '4')])
  assert.deepEqual(
    clock.sleeps.toSorted((a, b) => a - b),
    [250, 500, 1000, 2000],
  )
  assert.deepEqual(await guess(authenticator, 'secret'), mario)
  assert.equal(clock.sleeps.length, 4)
  await guess(process, '5')
  assert.equal(clock.sleeps.at(-1), 250) // the right one cleared the count
})

test('a crowd with one user slows the wrong ones only', async (t) => {
  const { directory, authenticator, clock } = await place(t)
  await directory.addUser('mario', await storedCredential('secret'))
  for (let i = 1; i <= 14; i++) await tries(authenticator, 'mario', 'guess', `192.0.2.${i}`)
  assert.deepEqual(clock.sleeps.slice(-5), [250, 250, 500, 1000, 2000])
  clock.sleeps.length = 0
  assert.deepEqual(await tries(authenticator, 'mario', 'secret', '198.51.100.1'), mario)
  assert.deepEqual(clock.sleeps, [])
})

test('many who come at once with the same right password all get in; many guesses of one place do not', async (t) => {
  const { directory, authenticator } = await place(t)
  await directory.addUser('mario', await storedCredential('secret'))
  const crowd = await Promise.all(Array.from({ length: 500 }, () => tries(authenticator, 'mario', 'secret')))
  assert(crowd.every((one) => one?.user === 'mario'))
})

test('one place cannot queue up without end', async (t) => {
  const { directory } = await place(t)
  const slow: Clock = { now: () => 0, sleep: () => new Promise(() => undefined) }
  const authenticator = new Authenticator(directory, { clock: slow })
  const guess = (i: number, from: string, by: 'apop' | 'scram' = 'apop'): Promise<unknown> => {
    const login = `user${i}`
    const credentials =
      by === 'scram'
        ? ({ by, login, mechanism: 'SCRAM-SHA-256', proven: false } as const)
        : ({ by, login, timestamp: '<1@x>', digest: '' } as const)
    return Promise.race([
      authenticator.authenticate(credentials, from),
      new Promise((resolve) => void setImmediate(resolve, 'waits')),
    ]).catch((error: unknown) => error)
  }
  const answers: unknown[] = []
  for (let i = 0; i < 40; i++) answers.push(await guess(i, `2001:db8::${i}`))
  const refused = answers.filter((one) => one instanceof RefusedError && one.reason === 'try-later')
  assert.equal(refused.length, 8)
  await assert.rejects(authenticator.keys('mario', '2001:db8::1'), { reason: 'try-later' })
  assert.equal(await guess(0, '2001:db8::1', 'scram'), 'waits', 'a wrong proof is never told at once')
  assert.equal(await guess(0, '2001:db8:1::1'), 'waits')
})

test('RFC 6856 §2.2: names and passwords that look alike are alike, whichever way they were typed, and no others', async (t) => {
  const { data, directory, authenticator, clock } = await place(t)
  await directory.addUser('mario', await storedCredential('perch\u00e9 IX'))
  assert.deepEqual(await tries(authenticator, 'mario', 'perch\u00e9 IX'), mario)
  assert.deepEqual(await tries(authenticator, 'mario', 'perche\u0301\u00a0\u2168'), mario)
  assert.deepEqual(await tries(authenticator, '\uff4dario\u00ad', 'perch\u00e9 IX'), mario)
  assert.equal(await tries(authenticator, 'mario', 'perche IX'), undefined)
  await directory.setCredential('mario', await storedCredential('perche\u0301'))
  assert.deepEqual(await tries(authenticator, 'mario', 'perch\u00e9'), mario)
  // Kept as it was typed, before there was any preparing.
  await directory.setCredential('mario', typedAsWide)
  assert.deepEqual(await tries(authenticator, 'mario', '\uff57ide'), mario)
  assert.equal(await tries(authenticator, 'mario', 'wide'), undefined)
  clock.sleeps.length = 0
  for (const name of ['anna', 'ANNA', '\uff41nna']) await tries(authenticator, name, 'guess', '192.0.2.1')
  assert.deepEqual(clock.sleeps, [250, 500, 1000], 'another spelling is no new beginning')

  await directory.addUser('mrose', await storedCredential('\uff57ide', { user: 'mrose', secrets: new Secrets(data) }))
  for (const secret of ['\uff57ide', 'wide']) {
    const digest = createHash('md5').update(`<1@x>${secret}`).digest('hex')
    const found = await authenticator.authenticate({ by: 'apop', login: 'mrose', timestamp: '<1@x>', digest }, '::1')
    assert.equal(found?.user, 'mrose', secret)
  }
})

/** Logs in by SCRAM, with the keys that the authenticator gives. */
async function scram(one: Authenticator, login: string, password: string): Promise<LoggedIn | undefined> {
  const client = clientMechanism('SCRAM-SHA-256', { login, password, crypto: saslCrypto })
  const server = serverMechanism('SCRAM-SHA-256', { crypto: saslCrypto })
  assert(client && server)
  let step = server.respond(client.first())
  for (;;) {
    if (step.kind === 'keys') step = server.keys(await one.keys(step.login, '192.0.2.1'))
    else if (step.kind === 'challenge') step = server.respond(client.answer(step.challenge))
    else break
  }
  assert(step.kind === 'credentials')
  return await one.authenticate(step.credentials, '192.0.2.1')
}

test('SCRAM: right, wrong, unknown, with a device', async (t) => {
  const { directory, authenticator, clock } = await place(t)
  await directory.addUser('mario', await storedCredential('perché no'))
  await directory.addUser('anna', undefined)
  assert.deepEqual(await scram(authenticator, 'mario', 'perché no'), mario)
  assert.deepEqual(await scram(authenticator, 'mario+phone', 'perche\u0301 no'), { user: 'mario', device: 'phone' })
  assert.equal(await scram(authenticator, 'mario', 'altro'), undefined)
  assert.equal(await scram(authenticator, 'anna', ''), undefined)
  assert.equal(await scram(authenticator, 'nobody', 'x'), undefined)
  assert.equal(clock.sleeps.length, 3)
})

test('keys of who is unknown look like those of a user, and stay the same in every process', async (t) => {
  const { data, directory, authenticator } = await place(t)
  await directory.addUser('mario', await storedCredential('x'))
  const of = async (one: Authenticator, login: string): Promise<Partial<ScramKeys>> => {
    const { salt, iterations, known } = await one.keys(login, '192.0.2.1')
    return { salt: Uint8Array.from(salt), iterations, known }
  }
  const other = await Directory.open(data)
  t.after(() => other.close())
  const invented = await of(authenticator, 'nobody')
  assert.equal(invented.known, false)
  assert.deepEqual(invented, await of(new Authenticator(other), 'Nobody'))
  assert.deepEqual(invented, await of(authenticator, 'nobody+phone'))
  assert.notDeepEqual(invented, await of(authenticator, 'nobody2'))
  const known = await of(authenticator, 'mario')
  assert.equal(known.known, true)
  assert.equal(known.iterations, invented.iterations)
  assert.equal(known.salt?.length, invented.salt?.length)
})

test('SCRAM is offered where nobody would fail for want of keys, and a right password makes them', async (t) => {
  const { directory, authenticator } = await place(t)
  const passwords = ['PLAIN', 'LOGIN']
  assert.deepEqual(authenticator.mechanisms, passwords)
  await directory.addUser('anna', undefined)
  await directory.addUser('mario', await hashPassword('segreto')) // as it was before there were keys
  assert.deepEqual(authenticator.mechanisms, passwords)
  assert.equal(await tries(authenticator, 'mario', 'wrong'), undefined)
  assert.equal(directory.find('mario')?.scram, undefined)
  assert.deepEqual(await tries(authenticator, 'mario', 'segreto'), mario)
  while (directory.find('mario')?.scram === undefined) await new Promise((resolve) => void setTimeout(resolve, 5))
  assert.deepEqual(authenticator.mechanisms, ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', ...passwords])
  assert.deepEqual(await scram(authenticator, 'mario', 'segreto'), mario)
})

test('RFC 1939 §7: APOP, only for who chose a recoverable secret', async (t) => {
  const { data, directory, authenticator } = await place(t)
  await directory.addUser('anna', await storedCredential('tanstaaf'))
  assert.equal(authenticator.apop, false)
  await directory.addUser('mrose', await storedCredential('tanstaaf', { user: 'mrose', secrets: new Secrets(data) }))
  assert.equal(authenticator.apop, true)
  const timestamp = '<1896.697170952@dbc.mtview.ca.us>'
  const apop = (login: string, digest: string): Promise<LoggedIn | undefined> =>
    authenticator.authenticate({ by: 'apop', login, timestamp, digest }, '192.0.2.1')
  const digest = 'c4c9334bac560ecc979e58001b3e22fb' // of the RFC's example
  assert.deepEqual(await apop('mrose', digest), { user: 'mrose', device: undefined })
  assert.deepEqual(await apop('mrose+phone', digest), { user: 'mrose', device: 'phone' })
  assert.equal(await apop('mrose', createHash('md5').update(`${timestamp}wrong`).digest('hex')), undefined)
  for (const login of ['anna', 'nobody']) assert.equal(await apop(login, digest), undefined)
  for (const wrong of ['', 'è']) assert.equal(await apop('mrose', wrong), undefined)
  await directory.setCredential('mrose', await storedCredential('other'))
  assert.equal(await apop('mrose', digest), undefined) // a new password without --apop
  assert.equal(authenticator.apop, false)
})
