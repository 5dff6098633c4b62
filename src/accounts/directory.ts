import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { MisuseError, StoreError } from '../errors.ts'
import type { AccountOptions, AccountState } from './account-options.ts'
import { naming, openDatabase, whenFree } from './database.ts'
import { prepareTables } from './directory-schema.ts'
import { type Leave, leaveText, parseLeave } from './leave.ts'
import { canonicalAddress } from './names.ts'
import { settingColumns, settingsFault, type UserSettings, usualSettings } from './settings.ts'
import type { StoredCredential } from './stored-credential.ts'
import { StoredRules } from './stored-rules.ts'
import { type Possible, type StoredUser, StoredUsers } from './stored-users.ts'

/** A person here. */
export interface User {
  readonly name: string
  /** Grows, and is never used again: tells a user from an earlier one of the same name. */
  readonly serial: number
  readonly hasPassword: boolean
  /** Milliseconds since 1970. */
  readonly created: number
}

/** Where and how to log in at a remote server. */
export interface AccountSettings {
  readonly address: string
  readonly protocol: 'pop3' | 'imap'
  readonly server: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls' | 'none'
  readonly login: string
  readonly leave: Leave
  readonly options: AccountOptions
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
  readonly state: AccountState
}

/** Users and remote accounts: DATA/postino.sqlite. Several processes may have it open. */
export class Directory {
  readonly file: string
  /** What goes by itself, and when. */
  readonly rules: StoredRules
  readonly #database: DatabaseSync
  readonly #stored: StoredUsers
  #pepper: Uint8Array | undefined

  private constructor(file: string, database: DatabaseSync, patience: number) {
    this.file = file
    this.#database = database
    this.#stored = new StoredUsers(database, file, patience)
    this.rules = new StoredRules(database, file)
  }

  /**
   * Opens the directory of a data folder, made if it is not there yet. `patience`: what other processes change is seen after so long
   * (milliseconds) at the latest; at once unless said.
   */
  static async open(data: string, patience = 0): Promise<Directory> {
    const file = join(data, 'postino.sqlite')
    const database = openDatabase(file)
    try {
      await whenFree(file, () => prepareTables(database, file))
      return naming(file, () => new Directory(file, database, patience))
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
    return this.#stored.version()
  }

  users(): User[] {
    return this.#all('select serial, name, credential, created from users order by name').map(userOf)
  }

  user(name: string): User | undefined {
    return this.#all('select serial, name, credential, created from users where name = ?', name).map(userOf)[0]
  }

  /** What is asked of a user at each log-in: some microseconds, for it is kept in memory until it changes. */
  find(name: string): StoredUser | undefined {
    return this.#stored.find(name)
  }

  /** The stored form of a user's SCRAM keys; see `StoredUsers`. */
  scram(name: string): string | null | undefined {
    return this.#stored.scram(name)
  }

  /** What the users there are allow for. */
  get possible(): Possible {
    return this.#stored.possible
  }

  /** A secret of this data folder, the same for ever. */
  get pepper(): Uint8Array {
    if (this.#pepper === undefined) {
      const value = this.#all(`select value from keys where name = 'pepper'`)[0]?.['value']
      if (!(value instanceof Uint8Array)) throw new StoreError('damaged', `${this.file} has lost its secret`)
      this.#pepper = value
    }
    return this.#pepper
  }

  /** Adds a user; false where there is one of that name. A string: the stored form of the password alone. */
  async addUser(name: string, credential: StoredCredential | string | undefined): Promise<boolean> {
    const { password, scram, apop } = columnsOf(credential)
    const sql = 'insert or ignore into users (name, credential, scram, apop, created) values (?, ?, ?, ?, ?)'
    return await this.#changeUsers(sql, [name, password, scram, apop, Date.now()])
  }

  /** Sets a user's password; false where there is no such user. A string: the stored form of the password alone. */
  async setCredential(name: string, credential: StoredCredential | string): Promise<boolean> {
    const { password, scram, apop } = columnsOf(credential)
    const sql = 'update users set credential = ?, scram = ?, apop = ? where name = ?'
    return await this.#changeUsers(sql, [password, scram, apop, name])
  }

  /** Keeps SCRAM keys for a user from before there were any; false where the password is another one by now. */
  async keepScram(name: string, password: string, scram: string): Promise<boolean> {
    return await this.#changeUsers('update users set scram = ? where name = ? and credential = ?', [
      scram,
      name,
      password,
    ])
  }

  /** What the user chose; what is usual where there is no such user. As cheap as `find`. */
  settings(name: string): UserSettings {
    return this.#stored.find(name)?.settings ?? usualSettings
  }

  /** Changes those settings that are named; false where there is no such user. */
  async setSettings(name: string, settings: Partial<UserSettings>): Promise<boolean> {
    const fault = settingsFault(settings)
    if (fault !== undefined) throw new MisuseError('usage', fault)
    const chosen = Object.entries(settingColumns).flatMap(([key, column]) => {
      const value = settings[key as keyof UserSettings]
      return key in settings ? [{ column, value: value ?? null }] : []
    })
    if (chosen.length === 0) return this.find(name) !== undefined
    const sql = `update users set ${chosen.map(({ column }) => `${column} = ?`).join(', ')} where name = ?`
    return await this.#changeUsers(sql, [...chosen.map(({ value }) => value), name])
  }

  /** Removes a user and the user's accounts; false where there is no such user. */
  async removeUser(name: string): Promise<boolean> {
    return await this.#changeUsers('delete from users where name = ?', [name])
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
    const { address, protocol, server, port, tls, login, leave, options } = settings
    const sql = `insert or ignore into accounts
      (address, user, protocol, server, port, tls, login, secret, leave, options, created)
      select ?, serial, ?, ?, ?, ?, ?, ?, ?, ?, ? from users where name = ?`
    if (this.user(user) === undefined) throw new StoreError('no-such-user', `there is no user ${JSON.stringify(user)}`)
    const values = [
      canonicalAddress(address),
      protocol,
      server,
      port,
      tls,
      login,
      secret,
      leaveText(leave),
      JSON.stringify(options),
      Date.now(),
      user,
    ]
    return (await this.#run(sql, values)) === 1
  }

  /** Changes how an account is fetched, and what it logs in with, encrypted, where that is given; false where there is none of that address. */
  async setAccount(settings: AccountSettings, secret?: Uint8Array): Promise<boolean> {
    const { address, protocol, server, port, tls, login, leave, options } = settings
    const columns = 'protocol = ?, server = ?, port = ?, tls = ?, login = ?, leave = ?, options = ?'
    const values = [protocol, server, port, tls, login, leaveText(leave), JSON.stringify(options), secret ?? null]
    // A secret that is not given stays.
    const sql = `update accounts set ${columns}, secret = coalesce(?, secret) where address = ?`
    return (await this.#run(sql, [...values, canonicalAddress(address)])) === 1
  }

  /** Changes what an account logs in with, encrypted; false where there is none of that address. */
  async setSecret(address: string, secret: Uint8Array): Promise<boolean> {
    return (
      (await this.#run('update accounts set secret = ? where address = ?', [secret, canonicalAddress(address)])) === 1
    )
  }

  /** Another secret of an account, encrypted, by what it is for; undefined where there is none. */
  namedSecret(address: string, name: string): Uint8Array | undefined {
    const sql = `select account_secrets.secret from account_secrets join accounts on serial = account where address = ? and name = ?`
    const row = this.#all(sql, canonicalAddress(address), name)[0]
    return row?.['secret'] instanceof Uint8Array ? row['secret'] : undefined
  }

  /** Keeps another secret of an account; undefined: forgets it. */
  async setNamedSecret(address: string, name: string, secret: Uint8Array | undefined): Promise<void> {
    const wanted = canonicalAddress(address)
    const account = 'select serial from accounts where address = ?'
    if (secret === undefined)
      await this.#run(`delete from account_secrets where account = (${account}) and name = ?`, [wanted, name])
    else
      await this.#run(`insert or replace into account_secrets select serial, ?, ? from accounts where address = ?`, [
        name,
        secret,
        wanted,
      ])
  }

  /** Remembers what is named here; undefined forgets. Nothing happens where there is no such account. */
  async keepState(
    address: string,
    state: { readonly [Key in keyof AccountState]: AccountState[Key] | undefined },
  ): Promise<void> {
    // RFC 7396: null takes a member away, and objects are merged: so each member goes before it comes.
    const gone = JSON.stringify(Object.fromEntries(Object.keys(state).map((key) => [key, null])))
    const patch = JSON.stringify(state)
    await this.#run('update accounts set state = json_patch(json_patch(state, ?), ?) where address = ?', [
      gone,
      patch,
      canonicalAddress(address),
    ])
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

  async #changeUsers(sql: string, values: Value[]): Promise<boolean> {
    const changes = await this.#run(sql, values)
    this.#stored.forget()
    return changes === 1
  }

  #run(sql: string, values: Value[]): Promise<number> {
    return whenFree(this.file, () => Number(this.#database.prepare(sql).run(...values).changes))
  }
}

type Row = Record<string, unknown>
type Value = string | number | null | Uint8Array

function columnsOf(credential: StoredCredential | string | undefined): Record<'password' | 'scram' | 'apop', Value> {
  if (typeof credential === 'string') return { password: credential, scram: null, apop: null }
  return { password: credential?.password ?? null, scram: credential?.scram ?? null, apop: credential?.apop ?? null }
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
  const optional = (name: string): number | undefined => (row[name] === null ? undefined : Number(row[name]))
  return {
    address: String(row['address']),
    user: String(row['user_name']),
    serial: Number(row['serial']),
    protocol: row['protocol'] === 'imap' ? 'imap' : 'pop3',
    server: String(row['server']),
    port: Number(row['port']),
    tls: row['tls'] === 'none' ? 'none' : row['tls'] === 'starttls' ? 'starttls' : 'implicit',
    login: String(row['login']),
    leave: parseLeave(String(row['leave'])),
    options: JSON.parse(String(row['options'])) as AccountOptions,
    state: JSON.parse(String(row['state'])) as AccountState,
    created: Number(row['created']),
    lastSuccess: optional('last_success'),
    lastTry: optional('last_try'),
    lastError: typeof row['last_error'] === 'string' ? row['last_error'] : undefined,
  }
}
