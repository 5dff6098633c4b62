import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ScramKeys } from '../sasl/scram.ts'
import { naming } from './database.ts'
import { parseScramKeys } from './scram-keys.ts'
import { type UserSettings, usualSettings } from './settings.ts'

/** What is asked of a user at each log-in. */
export interface StoredUser {
  readonly name: string
  /** The password as argon2id; undefined: no log-in by password. */
  readonly password: string | undefined
  readonly scram: ScramKeys | undefined
  /** The password itself, encrypted; undefined unless the user chose so, for APOP. */
  readonly apop: Uint8Array | undefined
  readonly settings: UserSettings
}

/** What the users there are allow for. */
export interface Possible {
  /** There are users with a password, and all of them have SCRAM keys: who has not would fail, and not know why. */
  readonly scram: boolean
  /** Some user has a recoverable secret. */
  readonly apop: boolean
  /** The shortest time that a user's messages are kept, days (undefined: for ever), and whether another user's is longer. */
  readonly expireDays: { readonly least: number | undefined; readonly differs: boolean }
  /** The longest time between log-ins, seconds, and whether another user's is shorter. */
  readonly loginDelay: { readonly most: number; readonly differs: boolean }
}

const columns = 'name, credential, scram, apop, dele, trash_days, expire_days, login_delay, new_devices'

/**
 * Remembers what was read of the users, until somebody changes the directory. SQLite's data_version tells of other processes, at
 * a fraction of what reading costs; our own changes must be told.
 */
export class StoredUsers {
  readonly #file: string
  readonly #user: StatementSync
  readonly #scram: StatementSync
  readonly #possible: StatementSync
  readonly #version: StatementSync
  readonly #patience: number
  readonly #known = new Map<string, StoredUser>()
  #versionSeen = -1
  #looked = -Infinity
  #seen: Possible | undefined
  #at = -1

  /** `patience`: for so long (milliseconds) it is not asked again whether another process has changed something. */
  constructor(database: DatabaseSync, file: string, patience: number) {
    this.#file = file
    this.#patience = patience
    this.#user = database.prepare(`select ${columns} from users where name = ?`)
    this.#scram = database.prepare('select scram from users where name = ?')
    this.#possible = database.prepare(`select
      exists (select 1 from users where scram is not null) as some_scram,
      exists (select 1 from users where credential is not null and scram is null) as some_no_scram,
      exists (select 1 from users where apop is not null) as some_apop,
      (select min(expire_days) from users) as least_expire,
      (select count(distinct coalesce(expire_days, -1)) > 1 from users) as expire_differs,
      (select max(coalesce(login_delay, 0)) from users) as most_delay,
      (select count(distinct coalesce(login_delay, 0)) > 1 from users) as delay_differs`)
    this.#version = database.prepare('pragma data_version')
  }

  /** A number that is another one after another process has changed the directory. */
  version(): number {
    const now = performance.now()
    if (now - this.#looked >= this.#patience) {
      this.#versionSeen = Number(naming(this.#file, () => this.#version.get())?.['data_version'])
      this.#looked = now
    }
    return this.#versionSeen
  }

  /** What was read is no longer true. */
  forget(): void {
    this.#known.clear()
    this.#seen = undefined
  }

  find(name: string): StoredUser | undefined {
    this.#refresh()
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const row = naming(this.#file, () => this.#user.get(name))
    if (row === undefined) return undefined // and not remembered: there is no end of those
    const user = storedUserOf(row)
    this.#known.set(name, user)
    return user
  }

  /**
   * The stored form of a user's SCRAM keys, null where there are none, undefined where there is no such user. From the disk: it
   * takes as long for each.
   */
  scram(name: string): string | null | undefined {
    const row = naming(this.#file, () => this.#scram.get(name))
    return row && (typeof row['scram'] === 'string' ? row['scram'] : null)
  }

  get possible(): Possible {
    this.#refresh()
    if (this.#seen === undefined) {
      const row = naming(this.#file, () => this.#possible.get()) ?? {}
      this.#seen = {
        scram: row['some_scram'] === 1 && row['some_no_scram'] === 0,
        apop: row['some_apop'] === 1,
        expireDays: {
          least: typeof row['least_expire'] === 'number' ? row['least_expire'] : undefined,
          differs: row['expire_differs'] === 1,
        },
        loginDelay: { most: Number(row['most_delay'] ?? 0), differs: row['delay_differs'] === 1 },
      }
    }
    return this.#seen
  }

  #refresh(): void {
    const version = this.version()
    if (version !== this.#at) this.forget()
    this.#at = version
  }
}

function storedUserOf(row: Record<string, unknown>): StoredUser {
  const text = (name: string): string | undefined => (typeof row[name] === 'string' ? row[name] : undefined)
  const number = (name: string): number | undefined => (typeof row[name] === 'number' ? row[name] : undefined)
  const scram = text('scram')
  const dele = text('dele')
  const newDevices = text('new_devices')
  return {
    name: String(row['name']),
    password: text('credential'),
    scram: scram === undefined ? undefined : parseScramKeys(scram),
    apop: row['apop'] instanceof Uint8Array ? row['apop'] : undefined,
    settings: {
      dele: dele === 'hide' || dele === 'trash' || dele === 'expunge' ? dele : usualSettings.dele,
      trashDays: number('trash_days') ?? usualSettings.trashDays,
      expireDays: number('expire_days') ?? usualSettings.expireDays,
      loginDelay: number('login_delay') ?? usualSettings.loginDelay,
      newDevices: newDevices === 'all' || newDevices === 'new' ? newDevices : usualSettings.newDevices,
    },
  }
}
