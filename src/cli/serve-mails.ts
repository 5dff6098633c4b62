import type { Directory } from '../accounts/directory.ts'
import { StoreError } from '../errors.ts'
import type { Store, UserMail } from '../store/store.ts'

/** So many users' mail stays open though nobody uses it. */
const idle = 128

interface Open {
  readonly serial: number
  readonly mail: UserMail
  borrowed: number
}

/**
 * The users' mail while `serve` runs: open as long as somebody uses it, and some longer. A user who was removed and added again
 * is another one: the mail is then opened anew, not written to files that are gone.
 */
export class Mails {
  readonly #store: Store
  readonly #directory: Directory
  /** The one used last stands last. */
  readonly #open = new Map<string, Open>()
  /** One thing at a time for each user. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #serials = new Map<string, number>()
  #changes = -1

  constructor(store: Store, directory: Directory) {
    this.#store = store
    this.#directory = directory
  }

  /** Opens a user's mail. Each borrowing is to be followed by one `giveBack`. */
  borrow(user: string): Promise<UserMail> {
    const turn = (this.#turns.get(user) ?? Promise.resolve()).then(() => this.#borrow(user))
    const settled = turn.catch(() => undefined)
    this.#turns.set(user, settled)
    void settled.then(() => {
      if (this.#turns.get(user) === settled) this.#turns.delete(user)
    })
    return turn
  }

  giveBack(mail: UserMail): void {
    const open = this.#open.get(mail.user)
    // That of an earlier user of this name is closed already.
    if (open?.mail !== mail) return
    open.borrowed--
    if (this.#open.size > idle) this.#closeIdle()
  }

  async close(): Promise<void> {
    for (const turn of this.#turns.values()) await turn
    for (const { mail } of this.#open.values()) await mail.close()
    this.#open.clear()
  }

  async #borrow(user: string): Promise<UserMail> {
    const serial = this.#serialOf(user)
    let open = this.#open.get(user)
    if (open !== undefined && open.serial !== serial) {
      this.#open.delete(user)
      await open.mail.close()
      open = undefined
    }
    if (serial === undefined) throw new StoreError('no-such-user', `there is no user ${user} any more`)
    open ??= { serial, mail: await this.#store.open(user), borrowed: 0 }
    open.borrowed++
    this.#open.delete(user)
    this.#open.set(user, open)
    return open.mail
  }

  /** Asked at every log-in, so the table is read only when it has changed. */
  #serialOf(user: string): number | undefined {
    const changes = this.#directory.changes()
    if (changes !== this.#changes) {
      this.#serials = new Map(this.#directory.users().map(({ name, serial }) => [name, serial]))
      this.#changes = changes
    }
    return this.#serials.get(user)
  }

  #closeIdle(): void {
    for (const [user, { mail, borrowed }] of this.#open) {
      if (this.#open.size <= idle) return
      if (borrowed > 0 || this.#turns.has(user)) continue
      this.#open.delete(user)
      const closing = mail.close().catch(() => undefined)
      this.#turns.set(user, closing)
      void closing.then(() => {
        if (this.#turns.get(user) === closing) this.#turns.delete(user)
      })
    }
  }
}
