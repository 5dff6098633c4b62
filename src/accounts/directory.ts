import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { MisuseError, StoreError } from '../errors.ts'
import { naming, openDatabase, storeErrorOf, whenFree } from './database.ts'
import { canonicalAddress } from './names.ts'

/** A person here. */
export interface User {
  readonly name: string
  /** Grows, and is never used again: tells a user from an earlier one of the same name. */
  readonly serial: number
  readonly hasPassword: boolean
  /** Milliseconds since 1970. */
  readonly created: number
}

/** How long messages stay at the remote server: for ever, not at all, or so many days. */
export type Leave = 'forever' | 'delete' | number

/** Where and how to log in at a remote server. */
export interface AccountSettings {
  readonly address: string
  readonly protocol: 'pop3'
  readonly server: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls' | 'none'
  readonly login: string
  readonly leave: Leave
}

/** A remote mailbox that we fetch from. */
export interface Account extends AccountSettings {
  readonly user: string
  /** Grows, and is never used again. */
  readonly serial: number
  /** Milliseconds since 1970. */
  readonly created: number
  /** When it was last fetched without fault, milliseconds since 1970. */
  readonly lastSuccess: number | undefined
  /** When it was last tried, milliseconds since 1970. */
  readonly lastTry: number | undefined
  /** What went wrong at the last try, for a person; undefined where nothing did. */
  readonly lastError: string | undefined
}

/** The version of the tables below. */
const version = 1
const tables = `
  create table users (
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
  create index accounts_user on accounts (user);
  pragma user_version = ${version};`

/** Users and remote accounts: DATA/postino.sqlite. Several processes may have it open. */
export class Directory {
  readonly file: string
  readonly #database: DatabaseSync
  readonly #credential: StatementSync
  readonly #version: StatementSync

  private constructor(file: string, database: DatabaseSync) {
    this.file = file
    this.#database = database
    this.#credential = database.prepare('select credential from users where name = ?')
    this.#version = database.prepare('pragma data_version')
  }

  /** Opens the directory of a data folder, made if it is not there yet. */
  static async open(data: string): Promise<Directory> {
    const file = join(data, 'postino.sqlite')
    const database = openDatabase(file)
    try {
      await whenFree(file, () => prepareTables(database, file))
      return naming(file, () => new Directory(file, database))
    } catch (error) {
      database.close()
      throw error
    }
  }

  close(): void {
    this.#database.close()
  }

  /** A number that is another one after another process has changed the directory; cheap to ask. */
  changes(): number {
    return Number(naming(this.file, () => this.#version.get())?.['data_version'])
  }

  users(): User[] {
    return this.#all('select serial, name, credential, created from users order by name').map(userOf)
  }

  user(name: string): User | undefined {
    return this.#all('select serial, name, credential, created from users where name = ?', name).map(userOf)[0]
  }

  /** The stored form of the user's password; undefined where there is no such user, or it has no password. */
  credential(name: string): string | undefined {
    const row = naming(this.file, () => this.#credential.get(name))
    return typeof row?.['credential'] === 'string' ? row['credential'] : undefined
  }

  /** Adds a user; false where there is one of that name. */
  async addUser(name: string, credential: string | undefined): Promise<boolean> {
    return (
      (await this.#run('insert or ignore into users (name, credential, created) values (?, ?, ?)', [
        name,
        credential ?? null,
        Date.now(),
      ])) === 1
    )
  }

  /** Sets a user's password; false where there is no such user. */
  async setCredential(name: string, credential: string): Promise<boolean> {
    return (await this.#run('update users set credential = ? where name = ?', [credential, name])) === 1
  }

  /** Removes a user and the user's accounts; false where there is no such user. */
  async removeUser(name: string): Promise<boolean> {
    return (await this.#run('delete from users where name = ?', [name])) === 1
  }

  /** All remote accounts, or one user's, in the order they were added. */
  accounts(user?: string): Account[] {
    const select = `select accounts.*, users.name as user_name from accounts join users on users.serial = accounts.user`
    const order = 'order by accounts.serial'
    const rows =
      user === undefined ? this.#all(`${select} ${order}`) : this.#all(`${select} where name = ? ${order}`, user)
    return rows.map(accountOf)
  }

  account(address: string): Account | undefined {
    const wanted = canonicalAddress(address)
    return this.accounts().find((account) => account.address === wanted)
  }

  /** The password of a remote account, encrypted (see `Secrets`). */
  secret(address: string): Uint8Array | undefined {
    const row = this.#all('select secret from accounts where address = ?', canonicalAddress(address))[0]
    return row?.['secret'] instanceof Uint8Array ? row['secret'] : undefined
  }

  /** Adds a remote account; false where there is one of that address. */
  async addAccount(user: string, settings: AccountSettings, secret: Uint8Array): Promise<boolean> {
    const { address, protocol, server, port, tls, login, leave } = settings
    const sql = `insert or ignore into accounts (address, user, protocol, server, port, tls, login, secret, leave, created)
      select ?, serial, ?, ?, ?, ?, ?, ?, ?, ? from users where name = ?`
    if (this.user(user) === undefined) throw new StoreError('no-such-user', `there is no user ${JSON.stringify(user)}`)
    const values = [
      canonicalAddress(address),
      protocol,
      server,
      port,
      tls,
      login,
      secret,
      String(leave),
      Date.now(),
      user,
    ]
    return (await this.#run(sql, values)) === 1
  }

  /** Removes a remote account; false where there is none of that address. What was fetched stays, and so does its ledger. */
  async removeAccount(address: string): Promise<boolean> {
    return (await this.#run('delete from accounts where address = ?', [canonicalAddress(address)])) === 1
  }

  /** Writes down how a fetch ended. `error`: what went wrong, for a person. */
  async noteFetch(address: string, error: string | undefined): Promise<void> {
    const now = Date.now()
    const wanted = canonicalAddress(address)
    if (error === undefined)
      await this.#run('update accounts set last_success = ?, last_try = ?, last_error = null where address = ?', [
        now,
        now,
        wanted,
      ])
    else await this.#run('update accounts set last_try = ?, last_error = ? where address = ?', [now, error, wanted])
  }

  #all(sql: string, ...values: string[]): Row[] {
    return naming(this.file, () => this.#database.prepare(sql).all(...values))
  }

  #run(sql: string, values: (string | number | null | Uint8Array)[]): Promise<number> {
    return whenFree(this.file, () => Number(this.#database.prepare(sql).run(...values).changes))
  }
}

type Row = Record<string, unknown>

function prepareTables(database: DatabaseSync, file: string): void {
  const found = (): number => Number(database.prepare('pragma user_version').get()?.['user_version'])
  let now = found()
  if (now > version)
    throw new StoreError(
      'newer-schema',
      `${file} was written by a newer Postino (its schema is ${now}, this one knows ${version}); upgrade Postino`,
    )
  database.exec('pragma synchronous = full')
  if (now === version) return
  database.exec('pragma journal_mode = wal; begin immediate')
  try {
    now = found() // another process may have been quicker
    if (now === 0) database.exec(tables)
    database.exec('commit')
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw storeErrorOf(error, file)
  }
}

function userOf(row: Row): User {
  return {
    name: String(row['name']),
    serial: Number(row['serial']),
    hasPassword: row['credential'] !== null,
    created: Number(row['created']),
  }
}

function accountOf(row: Row): Account {
  const leave = String(row['leave'])
  const optional = (name: string): number | undefined => (row[name] === null ? undefined : Number(row[name]))
  return {
    address: String(row['address']),
    user: String(row['user_name']),
    serial: Number(row['serial']),
    protocol: 'pop3',
    server: String(row['server']),
    port: Number(row['port']),
    tls: row['tls'] === 'none' ? 'none' : row['tls'] === 'starttls' ? 'starttls' : 'implicit',
    login: String(row['login']),
    leave: leave === 'forever' || leave === 'delete' ? leave : Number(leave),
    created: Number(row['created']),
    lastSuccess: optional('last_success'),
    lastTry: optional('last_try'),
    lastError: typeof row['last_error'] === 'string' ? row['last_error'] : undefined,
  }
}

/** What `--leave` says: `forever`, `delete`, or a number of days. */
export function parseLeave(text: string): Leave {
  if (text === 'forever' || text === 'delete') return text
  if (/^\d{1,5}$/.test(text)) return text === '0' ? 'delete' : Number(text)
  throw new MisuseError('usage', `--leave ${text}: give forever, delete, or a number of days`)
}
