import { StoreError } from '../errors.ts'
import type { Hash, MessageId } from '../ids.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'

/** A message of somebody. */
interface Copy {
  readonly mail: UserMail
  readonly message: MessageId
}

/** The copies of messages that came by an account, wherever they are: with its owner, and with others to whom mail of it goes. */
export class CopiesAtHome {
  readonly #mail: UserMail
  readonly #others: () => Promise<readonly UserMail[]>
  #elsewhere: Promise<ReadonlyMap<Hash, readonly Copy[]>> | undefined

  constructor(mail: UserMail, others: () => Promise<readonly UserMail[]>) {
    this.#mail = mail
    this.#others = others
  }

  /** Reads them; what is wrong with one, or undefined. One that was removed here is nobody's to miss. */
  async fault(entry: LedgerEntry): Promise<string | undefined> {
    const { account, uniqueId, hash, nth } = entry
    const own = await this.#mail.read((view) => view.origin(account, uniqueId, hash, nth)?.message)
    this.#elsewhere ??= this.#copiesElsewhere(account)
    const copies = (await this.#elsewhere).get(hash) ?? []
    for (const { mail, message } of own === undefined ? copies : [{ mail: this.#mail, message: own }, ...copies]) {
      try {
        for await (const _ of mail.bytes(message));
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        return error.message
      }
    }
    return undefined
  }

  /** By their octets: the name by which a message goes there now is known to its owner alone. */
  async #copiesElsewhere(account: string): Promise<Map<Hash, Copy[]>> {
    const found = new Map<Hash, Copy[]>()
    for (const mail of await this.#others())
      for (const { hash, message } of await mail.read((view) => view.ledger(account))) {
        if (message === undefined) continue
        const same = found.get(hash)
        if (same === undefined) found.set(hash, [{ mail, message }])
        else same.push({ mail, message })
      }
    return found
  }
}
