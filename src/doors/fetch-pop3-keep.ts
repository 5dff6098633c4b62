import type { Hash, MessageId } from '../ids.ts'
import { Intake } from '../intake/intake.ts'
import type { Ledger, Listed } from '../intake/ledger.ts'
import { receivedTime } from '../message/received.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'
import type { Remote, Split } from './fetching.ts'
import type { Taking } from './taking.ts'

export interface KeepingOptions {
  readonly remote: Remote
  readonly mail: UserMail
  readonly intake: Intake
  readonly ledger: Ledger
  readonly split: Split | undefined
  /** By unique-id, messages of which only the header is here: they go when the whole message comes. */
  readonly headers: ReadonlyMap<string, MessageId>
  readonly now: () => number
}

/** A message that is durable now. */
export interface Kept {
  readonly hash: Hash
  readonly size: number
  /** Milliseconds since 1970. */
  readonly received: number
  /** Where it had come by the same way before: its row of the ledger. */
  readonly known: LedgerEntry | undefined
}

/** Takes what was fetched to whom it belongs, and to the ledger of its account. */
export class Keeping {
  readonly #options: KeepingOptions
  /** Of users who get mail of this account without owning it. */
  readonly #others = new Map<string, Intake>()

  constructor(options: KeepingOptions) {
    this.#options = options
  }

  /** Resolves when the message is durable. Rejects with StoreError. */
  async keep(listed: Listed, taking: Taking): Promise<Kept> {
    const { remote, mail, intake, ledger, headers, now } = this.#options
    const staged = await taking.finish()
    const { hash, size } = staged
    const received = receivedTime(taking.head, now()) ?? now()
    const head = taking.print.finish()
    const origin = { ...ledger.origin(listed, hash), ...(head !== undefined && { head }) }
    const moved = ledger.adopt(origin, hash)
    const kept = (known: LedgerEntry | undefined): Kept => ({ hash, size, received, known })
    if (moved !== undefined) {
      // The same message by another name: the provider has changed them all, or gave none for a while.
      staged.discard()
      await mail.change((draft) => {
        draft.know(origin, moved)
        // A header is no more needed where the whole is.
        const stands = moved.message === undefined ? undefined : headers.get(listed.uniqueId)
        if (stands !== undefined && draft.view.message(stands) !== undefined) draft.remove(stands)
      })
      return kept(moved)
    }
    const delivery = {
      mailbox: remote.mailbox ?? 'INBOX',
      received,
      origin,
      replaces: headers.get(listed.uniqueId),
    }
    const users = this.#options.split?.recipients(taking.print.header) ?? [mail.user]
    let isNew = false
    try {
      for (const user of users) {
        if (user === mail.user) continue
        const other = await this.#intakeOf(user)
        if ((await other.keep(staged, { ...delivery, replaces: undefined }, true)) === 'new') isNew = true
      }
      if (users.includes(mail.user)) {
        if ((await intake.keep(staged, delivery, true)) === 'new') isNew = true
      } else {
        // Last: that it came home is written down when it is.
        await mail.change((draft) => {
          draft.know(origin, { hash, size })
          if (delivery.replaces !== undefined && draft.view.message(delivery.replaces) !== undefined)
            draft.remove(delivery.replaces)
        })
      }
    } finally {
      staged.discard()
    }
    if (isNew) return kept(undefined)
    return kept(await mail.read((view) => view.origin(origin.account, origin.uniqueId, hash, origin.nth)))
  }

  /** The mail of others to whom something has gone, or may have before. */
  readonly others = async (): Promise<readonly UserMail[]> => {
    const { split, mail } = this.#options
    if (split === undefined) return []
    return await Promise.all(split.users.filter((user) => user !== mail.user).map((user) => split.open(user)))
  }

  async #intakeOf(user: string): Promise<Intake> {
    const known = this.#others.get(user)
    if (known !== undefined) return known
    const { split } = this.#options
    const opened = new Intake(await (split?.open(user) ?? this.#options.mail))
    this.#others.set(user, opened)
    return opened
  }
}
