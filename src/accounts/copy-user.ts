import type { DatabaseSync } from 'node:sqlite'
import { naming, openDatabase, whenFree } from './database.ts'

/** What of a user's came over. */
export interface CopiedUser {
  /** False: there is a user of that name, who stays. */
  readonly user: boolean
  readonly accounts: readonly string[]
  /** Addresses of accounts that somebody has here. */
  readonly taken: readonly string[]
}

/**
 * Copies a user, with password, settings and accounts, from another `postino.sqlite` of the same version into this one: all of it, or
 * nothing. Secrets come as they are: whether they can be read depends on the key.
 */
export async function copyUser(from: string, into: string, name: string): Promise<CopiedUser> {
  const database = openDatabase(into)
  try {
    database.exec('pragma foreign_keys = on')
    naming(from, () => database.prepare('attach ? as old').run(from))
    return await whenFree(into, () => copyIn(database, name))
  } finally {
    database.close()
  }
}

function copyIn(database: DatabaseSync, name: string): CopiedUser {
  const columns = (table: string, but: readonly string[]): string =>
    database
      .prepare(`pragma main.table_info(${table})`)
      .all()
      .map((row) => String(row['name']))
      .filter((column) => !but.includes(column))
      .join(', ')
  const addresses = (schema: string): string[] =>
    database
      .prepare(
        `select address from ${schema}.accounts where user = (select serial from ${schema}.users where name = ?) order by serial`,
      )
      .all(name)
      .map((row) => String(row['address']))
  database.exec('begin immediate')
  try {
    const user = columns('users', ['serial'])
    const { changes } = database
      .prepare(`insert or ignore into users (${user}) select ${user} from old.users where name = ?`)
      .run(name)
    const there = new Set(
      database
        .prepare('select address from main.accounts')
        .all()
        .map((row) => row['address']),
    )
    const coming = addresses('old')
    const account = columns('accounts', ['serial', 'user'])
    const add = database.prepare(
      `insert into accounts (user, ${account}) select (select serial from main.users where name = ?), ${account} from old.accounts where address = ?`,
    )
    const secrets = database.prepare(`insert into account_secrets (account, name, secret)
      select mine.serial, s.name, s.secret from old.account_secrets s join old.accounts a on a.serial = s.account
      join main.accounts mine on mine.address = a.address where a.address = ?`)
    const fresh = coming.filter((address) => !there.has(address))
    for (const address of fresh) {
      add.run(name, address)
      secrets.run(address)
    }
    database.exec('commit')
    return { user: changes === 1, accounts: fresh, taken: coming.filter((address) => there.has(address)) }
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    throw error
  }
}
