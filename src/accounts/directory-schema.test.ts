import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { Directory } from './directory.ts'
import { usualSettings } from './settings.ts'

/** A data folder as the first version of the tables left it. */
async function firstVersion(t: TestContext, more: string = ''): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'postino-schema-'))
  t.after(() => rm(data, { recursive: true, force: true }))
  const database = new DatabaseSync(join(data, 'postino.sqlite'))
  database.exec(`pragma journal_mode = wal;
    create table users (serial integer primary key autoincrement, name text not null unique, credential text,
      created integer not null) strict;
    create table accounts (serial integer primary key autoincrement, address text not null unique,
      user integer not null references users (serial) on delete cascade, protocol text not null, server text not null,
      port integer not null, tls text not null, login text not null, secret blob not null, leave text not null,
      created integer not null, last_success integer, last_try integer, last_error text) strict;
    create index accounts_user on accounts (user);
    insert into users (name, credential, created) values ('mario', 'stored', 1), ('anna', null, 2);
    insert into accounts (address, user, protocol, server, port, tls, login, secret, leave, created)
      values ('mario@example.it', 1, 'pop3', 'pop.example.it', 995, 'implicit', 'mario', x'0102', 'forever', 3);
    ${more}
    pragma user_version = 1`)
  database.close()
  return data
}

function versionOf(data: string): unknown {
  const database = new DatabaseSync(join(data, 'postino.sqlite'))
  const version = database.prepare('pragma user_version').get()?.['user_version']
  database.close()
  return version
}

test('a data folder of the first version opens, with all that is in it', async (t) => {
  const data = await firstVersion(t)
  const all = await Promise.all([Directory.open(data), Directory.open(data)])
  t.after(() => all.forEach((one) => one.close()))
  const [directory, other] = all
  assert(directory && other)
  assert.equal(versionOf(data), 4)
  assert.deepEqual(
    directory.users().map(({ name, serial, hasPassword }) => [name, serial, hasPassword]),
    [
      ['anna', 2, false],
      ['mario', 1, true],
    ],
  )
  const account = directory.account('mario@example.it')
  assert.deepEqual([account?.user, account?.options, account?.state], ['mario', {}, {}])
  const { password, scram, apop, settings } = directory.find('mario') ?? {}
  assert.deepEqual(
    { password, scram, apop, settings },
    { password: 'stored', scram: undefined, apop: undefined, settings: usualSettings },
  )
  assert.equal(directory.pepper.length, 32)
  assert.deepEqual(directory.pepper, other.pepper)
})

test('a step that fails leaves the tables as they were', async (t) => {
  const data = await firstVersion(t, 'create table keys (x);')
  await assert.rejects(Directory.open(data), { name: 'StoreError' })
  assert.equal(versionOf(data), 1)
  const database = new DatabaseSync(join(data, 'postino.sqlite'))
  const columns = database.prepare(`select name from pragma_table_info('users')`).all()
  assert.equal(columns.length, 4)
  database.exec('drop table keys')
  database.close()
  const directory = await Directory.open(data)
  assert.equal(directory.find('mario')?.password, 'stored')
  directory.close()
})
