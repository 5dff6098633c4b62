import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../errors.ts'
import { storeErrorOf } from './database.ts'

/** What makes the tables of one version out of those of the version before. What was released is never changed. */
const migrations: readonly string[] = [
  `create table users (
    serial integer primary key autoincrement,
    name text not null unique,
    credential text,
    created integer not null
  ) strict;
  create table accounts (
    serial integer primary key autoincrement,
    address text not null unique,
    user integer not null references users (serial) on delete cascade,
    protocol text not null,
    server text not null,
    port integer not null,
    tls text not null,
    login text not null,
    secret blob not null,
    leave text not null,
    created integer not null,
    last_success integer,
    last_try integer,
    last_error text
  ) strict;
  create index accounts_user on accounts (user);`,
  // The settings are null where the user chose nothing. The indexes answer "is there any?" at once.
  `alter table users add column scram text;
  alter table users add column apop blob;
  alter table users add column dele text;
  alter table users add column trash_days integer;
  alter table users add column expire_days integer;
  alter table users add column login_delay integer;
  alter table users add column new_devices text;
  create index users_scram on users (serial) where scram is not null;
  create index users_no_scram on users (serial) where credential is not null and scram is null;
  create index users_apop on users (serial) where apop is not null;
  create table keys (name text primary key, value blob not null) strict, without rowid;
  insert into keys (name, value) values ('pepper', randomblob(32));`,
  // `options` is an AccountOptions, `state` an AccountState: JSON. Secrets besides the one to log in with, by what they are for.
  `alter table accounts add column options text not null default '{}';
  alter table accounts add column state text not null default '{}';
  create table account_secrets (
    account integer not null references accounts (serial) on delete cascade,
    name text not null,
    secret blob not null,
    primary key (account, name)
  ) strict, without rowid;`,
  // `rule` is a RetentionRule: JSON; without a user it is for all. `remembered` is what this folder must know from one run to the next.
  `create table rules (
    id integer primary key autoincrement,
    user integer references users (serial) on delete cascade,
    rule text not null,
    created integer not null
  ) strict;
  create table remembered (name text primary key, value text not null) strict, without rowid;`,
]

/** Brings the tables to today's version, in one transaction: after a crash they are the old ones or the new ones. */
export function prepareTables(database: DatabaseSync, file: string): void {
  const found = (): number => Number(database.prepare('pragma user_version').get()?.['user_version'])
  const version = migrations.length
  const now = found()
  if (now > version)
    throw new StoreError(
      'newer-schema',
      `${file} was written by a newer Postino (its schema is ${now}, this one knows ${version}); upgrade Postino`,
    )
  database.exec('pragma synchronous = full')
  if (now === version) return
  database.exec('pragma journal_mode = wal; begin immediate')
  try {
    // Asked again: another process may have been quicker.
    for (const migration of migrations.slice(found())) database.exec(migration)
    database.exec(`pragma user_version = ${version}; commit`)
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw storeErrorOf(error, file)
  }
}
