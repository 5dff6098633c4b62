import { type Delivery, Intake } from '../intake/intake.ts'
import type { Staged, UserMail } from '../store/store.ts'
import type { Split } from './fetching.ts'

/** Takes what an account brings in to whom it belongs: to its owner or, by a `Split`, to several people. */
export class Deliveries {
  readonly #mail: UserMail
  readonly #intake: Intake
  readonly #split: Split | undefined
  /** Of users who get mail of this account without owning it. */
  readonly #others = new Map<string, Promise<Intake>>()

  /** `mail`: that of the owner, who has the ledger; `intake`: its. */
  constructor(mail: UserMail, intake: Intake, split: Split | undefined) {
    this.#mail = mail
    this.#intake = intake
    this.#split = split
  }

  /** The mail of others to whom something has gone, or may have before. */
  readonly others = async (): Promise<readonly UserMail[]> => {
    const split = this.#split
    if (split === undefined) return []
    return await Promise.all(split.users.filter((user) => user !== this.#mail.user).map((user) => split.open(user)))
  }

  /**
   * Resolves when the message is durable with everybody who gets it: whether it is new to any of them. `header`: its own. Rejects with
   * StoreError. The staged octets are of no more use afterwards.
   */
  async deliver(staged: Staged, header: Uint8Array, delivery: Delivery): Promise<boolean> {
    const owner = this.#mail.user
    const users = this.#split?.recipients(header) ?? [owner]
    let isNew = false
    try {
      for (const user of users) {
        if (user === owner) continue
        const other = await this.#intakeOf(user)
        if ((await other.keep(staged, { ...delivery, replaces: undefined }, true)) === 'new') isNew = true
      }
      // Last: that it came home is written down when it is.
      if (!users.includes(owner)) await this.#note(staged, delivery)
      else if ((await this.#intake.keep(staged, delivery, true)) === 'new') isNew = true
    } finally {
      staged.discard()
    }
    return isNew
  }

  /** The owner does not get it, but has the ledger, and what stood for it until now. */
  async #note({ hash, size }: Staged, { origin, replaces }: Delivery): Promise<void> {
    await this.#mail.change((draft) => {
      draft.know(origin, { hash, size })
      if (replaces !== undefined && draft.view.message(replaces) !== undefined) draft.remove(replaces)
    })
  }

  #intakeOf(user: string): Promise<Intake> {
    const known = this.#others.get(user)
    if (known !== undefined) return known
    const opened = (this.#split?.open(user) ?? Promise.resolve(this.#mail)).then((mail) => new Intake(mail))
    this.#others.set(user, opened)
    return opened
  }
}
