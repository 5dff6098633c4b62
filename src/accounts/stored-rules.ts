import type { DatabaseSync } from 'node:sqlite'
import { MisuseError, StoreError } from '../errors.ts'
import type { ClockState } from './account-options.ts'
import { naming, whenFree } from './database.ts'
import { type RetentionRule, ruleFault, type StoredRule } from './retention-rule.ts'

/** The retention rules of a directory, and what is remembered of the clock that they go by. */
export class StoredRules {
  readonly #database: DatabaseSync
  readonly #file: string

  constructor(database: DatabaseSync, file: string) {
    this.#database = database
    this.#file = file
  }

  /** All rules, or those that one user's mail goes by, in the order they were added: the first that fits a message counts. */
  list(user?: string): StoredRule[] {
    const select =
      'select rules.id, rules.rule, rules.created, users.name from rules left join users on serial = rules.user'
    const rows = naming(this.#file, () =>
      user === undefined
        ? this.#database.prepare(`${select} order by id`).all()
        : this.#database.prepare(`${select} where rules.user is null or users.name = ? order by id`).all(user),
    )
    return rows.map((row) => ({
      id: Number(row['id']),
      user: typeof row['name'] === 'string' ? row['name'] : undefined,
      rule: JSON.parse(String(row['rule'])) as RetentionRule,
      created: Number(row['created']),
    }))
  }

  /** Adds a rule for one user's mail, or (undefined) for everybody's; gives its number. Throws MisuseError. */
  async add(user: string | undefined, rule: RetentionRule): Promise<number> {
    const fault = ruleFault(rule)
    if (fault !== undefined) throw new MisuseError('usage', fault)
    const [text, now] = [JSON.stringify(rule), Date.now()]
    const { changes, lastInsertRowid } = await whenFree(this.#file, () =>
      user === undefined
        ? this.#database.prepare('insert into rules (user, rule, created) values (null, ?, ?)').run(text, now)
        : this.#database
            .prepare('insert into rules (user, rule, created) select serial, ?, ? from users where name = ?')
            .run(text, now, user),
    )
    if (changes === 1) return Number(lastInsertRowid)
    throw new StoreError('no-such-user', `there is no user ${JSON.stringify(user)}`)
  }

  /** Removes a rule; false where there is none of that number. */
  async remove(id: number): Promise<boolean> {
    const { changes } = await whenFree(this.#file, () =>
      this.#database.prepare('delete from rules where id = ?').run(id),
    )
    return changes === 1
  }

  /** What the clock said when something was last deleted here for its age, or was to be. */
  clock(): ClockState | undefined {
    const sql = `select value from remembered where name = 'clock'`
    const row = naming(this.#file, () => this.#database.prepare(sql).get())
    return row === undefined ? undefined : (JSON.parse(String(row['value'])) as ClockState)
  }

  async keepClock(state: ClockState): Promise<void> {
    const sql = `insert or replace into remembered values ('clock', ?)`
    await whenFree(this.#file, () => this.#database.prepare(sql).run(JSON.stringify(state)))
  }
}
