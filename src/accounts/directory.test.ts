import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { StoreError } from '../errors.ts'
import { type AccountSettings, Directory } from './directory.ts'
import { parseLeave } from './leave.ts'
import { takeLock } from './lock.ts'
import { usualSettings } from './settings.ts'

async function folder(t: TestContext): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'postino-directory-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  return data
}

async function opened(t: TestContext, data?: string): Promise<Directory> {
  const directory = await Directory.open(data ?? (await folder(t)))
  t.after(() => directory.close())
  return directory
}

const settings: AccountSettings = {
  address: 'Mario@Example.it',
  protocol: 'pop3',
  server: 'pop.example.it',
  port: 995,
  tls: 'implicit',
  login: 'Mario@Example.it',
  leave: 30,
  options: {},
}

test('users are kept, each name once, and a removed one takes the accounts along', async (t) => {
  const data = await folder(t)
  const directory = await opened(t, data)
  assert.equal(await directory.addUser('mario', 'stored'), true)
  assert.equal(await directory.addUser('mario', 'other'), false)
  assert.equal(await directory.addUser('anna', undefined), true)
  assert.equal(await directory.addAccount('mario', settings, Uint8Array.of(1, 2, 3)), true)
  const again = await opened(t, data)
  assert.deepEqual(
    again.users().map(({ name, hasPassword }) => [name, hasPassword]),
    [
      ['anna', false],
      ['mario', true],
    ],
  )
  assert.equal(again.find('mario')?.password, 'stored')
  assert.equal(again.find('nobody'), undefined)
  const serial = again.user('mario')?.serial
  assert.equal(await again.removeUser('mario'), true)
  assert.equal(await again.removeUser('mario'), false)
  assert.deepEqual(directory.accounts(), [])
  await again.addUser('mario', undefined)
  assert.notEqual(again.user('mario')?.serial, serial)
})

test('an account has one spelling, keeps its settings, and remembers how its last fetch ended', async (t) => {
  const directory = await opened(t)
  await directory.addUser('mario', undefined)
  assert.equal(await directory.addAccount('mario', settings, Uint8Array.of(1, 2, 3)), true)
  assert.equal(
    await directory.addAccount('mario', { ...settings, address: 'MARIO@example.IT' }, new Uint8Array()),
    false,
  )
  const account = directory.account('MARIO@EXAMPLE.IT')
  assert.deepEqual(
    { ...account, serial: 0, created: 0 },
    {
      ...settings,
      address: 'mario@example.it',
      user: 'mario',
      serial: 0,
      created: 0,
      lastSuccess: undefined,
      lastTry: undefined,
      lastError: undefined,
      state: {},
    },
  )
  assert.deepEqual(Uint8Array.from(directory.secret('mario@example.it') ?? []), Uint8Array.of(1, 2, 3))
  await directory.noteFetch('mario@example.it', 'wrong password')
  assert.equal(directory.account('mario@example.it')?.lastError, 'wrong password')
  assert.equal(directory.account('mario@example.it')?.lastSuccess, undefined)
  await directory.noteFetch('mario@example.it', undefined)
  assert.equal(directory.account('mario@example.it')?.lastError, undefined)
  assert.notEqual(directory.account('mario@example.it')?.lastSuccess, undefined)
  assert.equal(await directory.removeAccount('Mario@example.it'), true)
  assert.equal(await directory.removeAccount('Mario@example.it'), false)
  await assert.rejects(directory.addAccount('nobody', settings, new Uint8Array()), /no user "nobody"/)
})

test('a change by another process is noticed', async (t) => {
  const data = await folder(t)
  const one = await opened(t, data)
  const other = await opened(t, data)
  const before = one.changes()
  assert.equal(one.changes(), before)
  await other.addUser('anna', undefined)
  assert.notEqual(one.changes(), before)
})

test('a user’s settings are what is usual until chosen, one by one; another process sees them', async (t) => {
  const data = await folder(t)
  const one = await opened(t, data)
  const other = await opened(t, data)
  await one.addUser('mario', undefined)
  assert.deepEqual(other.settings('mario'), usualSettings)
  assert.equal(await one.setSettings('mario', { dele: 'trash', expireDays: 7 }), true)
  assert.equal(await other.setSettings('mario', { loginDelay: 60, newDevices: 'new' }), true)
  const chosen = { ...usualSettings, dele: 'trash', expireDays: 7, loginDelay: 60, newDevices: 'new' }
  for (const directory of [one, other]) assert.deepEqual(directory.settings('mario'), chosen)
  await one.setSettings('mario', { expireDays: undefined })
  assert.equal(other.settings('mario').expireDays, undefined)
  assert.equal(await one.setSettings('nobody', { dele: 'trash' }), false)
  assert.equal(await one.setSettings('nobody', {}), false)
  await assert.rejects(one.setSettings('mario', { expireDays: 0 }), /0 days/)
  await assert.rejects(one.setSettings('mario', { loginDelay: -1 }), /-1 seconds/)
  await assert.rejects(one.setSettings('mario', { trashDays: 1.5 }), /1.5 days/)
})

test('a newer schema is left alone: the error names the file and says to upgrade', async (t) => {
  const data = await folder(t)
  const file = join(data, 'postino.sqlite')
  const newer = new DatabaseSync(file)
  newer.exec('create table future (x); pragma user_version = 999')
  newer.close()
  await assert.rejects(Directory.open(data), (error) => {
    assert(error instanceof StoreError)
    assert.equal(error.code, 'newer-schema')
    assert(error.message.includes(file) && error.message.includes('upgrade'))
    return true
  })
  const after = new DatabaseSync(file)
  assert.equal(after.prepare('pragma user_version').get()?.['user_version'], 999)
  after.close()
})

test('a file that is no database, and a data folder that is a file, are named', async (t) => {
  const data = await folder(t)
  const file = join(data, 'postino.sqlite')
  await writeFile(file, 'this is not a database at all. '.repeat(100))
  await assert.rejects(Directory.open(data), (error) => {
    assert(error instanceof StoreError)
    assert.equal(error.code, 'damaged')
    assert(error.message.includes(file))
    return true
  })
  await assert.rejects(Directory.open(file), { name: 'StoreError' })
})

test('a writer waits for another process, and does not hold up its own', async (t) => {
  const data = await folder(t)
  const directory = await opened(t, data)
  const other = new DatabaseSync(join(data, 'postino.sqlite'))
  t.after(() => other.close())
  other.exec('begin immediate')
  let turns = 0
  const timer = setInterval(() => void turns++, 1)
  const added = directory.addUser('mario', undefined)
  while (turns < 3) await new Promise((resolve) => void setTimeout(resolve, 5))
  clearInterval(timer)
  assert.equal(other.prepare('select count(*) as n from users').get()?.['n'], 0)
  other.exec('commit')
  assert.equal(await added, true)
})

test('a lock is held by one, and falls when its process is killed', async (t) => {
  const file = join(await folder(t), 'serve.lock')
  const lock = await takeLock(file)
  assert(lock)
  assert.equal(await takeLock(file), undefined)
  lock.release()
  const script = `const { takeLock } = await import(${JSON.stringify(new URL('lock.ts', import.meta.url).href)})
    await takeLock(${JSON.stringify(file)}); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  assert.equal(await takeLock(file), undefined)
  const waited = takeLock(file, 20_000)
  child.kill('SIGKILL')
  const taken = await waited
  assert(taken)
  taken.release()
})

test('--leave is forever, delete, or days', () => {
  assert.equal(parseLeave('forever'), 'forever')
  assert.equal(parseLeave('delete'), 'delete')
  assert.equal(parseLeave('0'), 'delete')
  assert.equal(parseLeave('30'), 30)
  for (const wrong of ['', '-1', '1.5', 'never', '999999']) assert.throws(() => parseLeave(wrong), /--leave/)
})

test('what is remembered of an account is kept member by member, each whole', async (t) => {
  const directory = await opened(t)
  await directory.addUser('mario', undefined)
  await directory.addAccount('mario', settings, Uint8Array.of(1))
  const state = (): unknown => directory.account('mario@example.it')?.state
  await directory.keepState('mario@example.it', {
    failures: 1,
    mailboxes: { A: { uidValidity: 1 }, B: { uidValidity: 2 } },
  })
  await directory.keepState('mario@example.it', { next: 5, mailboxes: { A: { uidValidity: 3 } } })
  assert.deepEqual(state(), { failures: 1, next: 5, mailboxes: { A: { uidValidity: 3 } } })
  await directory.keepState('mario@example.it', { next: undefined })
  assert.deepEqual(state(), { failures: 1, mailboxes: { A: { uidValidity: 3 } } })
})

test('how an account is fetched can be changed, and it has secrets besides the first', async (t) => {
  const directory = await opened(t)
  await directory.addUser('mario', undefined)
  await directory.addAccount('mario', settings, Uint8Array.of(1))
  const changed = {
    ...settings,
    address: 'mario@example.it',
    protocol: 'imap',
    leave: { newest: 5 },
    options: { first: 'new' },
  } as const
  assert.equal(await directory.setAccount(changed), true)
  const { protocol, leave, options } = directory.account('mario@example.it') ?? assert.fail()
  assert.deepEqual({ protocol, leave, options }, { protocol: 'imap', leave: { newest: 5 }, options: { first: 'new' } })
  await directory.setNamedSecret('mario@example.it', 'other', Uint8Array.of(2))
  assert.deepEqual(directory.namedSecret('mario@example.it', 'other'), Uint8Array.of(2))
  await directory.setNamedSecret('mario@example.it', 'other', undefined)
  assert.equal(directory.namedSecret('mario@example.it', 'other'), undefined)
  assert.equal(await directory.setAccount({ ...changed, address: 'nobody@example.it' }), false)
})
