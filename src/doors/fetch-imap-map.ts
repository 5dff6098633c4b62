import type { ListResponse } from 'imapflow'
import type { MailboxState } from '../accounts/account-options.ts'
import { type ImapName, keysOf } from './fetch-imap-ledger.ts'
import type { ImapMailbox } from './fetch-imap-listing.ts'
import { homeName, type MailboxChoice } from './fetch-imap-mailboxes.ts'

interface There {
  readonly path: string
  /** Undefined: not known. */
  readonly uidValidity: number | undefined
}

/** What mailboxes the server has, so that it can be told whether what the ledger names is still there. */
export class ImapMap {
  readonly #byKey = new Map<string, There>()
  readonly #home: (path: string) => string
  /** Mailboxes that we fetch whose id is not known; where there is none, an id that is not known is of a mailbox that is gone. */
  readonly #withoutId: Set<string>

  constructor(
    list: readonly ListResponse[],
    before: Readonly<Record<string, MailboxState>>,
    choice: Pick<MailboxChoice, 'inbox' | 'prefix'>,
    chosen: readonly string[],
  ) {
    const delimiter = list.find((one) => one.delimiter !== '')?.delimiter ?? ''
    this.#home = (path) => homeName({ path, delimiter }, choice)
    this.#withoutId = new Set(chosen)
    for (const { path, status, flags } of list) {
      // RFC 9051 §7.3.1: a name without a mailbox.
      if (flags.has('\\Noselect') || flags.has('\\NonExistent')) continue
      const id = before[path]?.id
      const uidValidity = status?.uidValidity === undefined ? before[path]?.uidValidity : Number(status.uidValidity)
      this.#put({ path, id }, { path, uidValidity })
    }
  }

  /** What was seen of a mailbox that was opened. */
  see({ path, id, uidValidity }: ImapMailbox): void {
    this.#put({ path, id }, { path, uidValidity })
    this.#withoutId.delete(path)
  }

  /** Whether nothing on the server has this name any more: its mailbox is gone or renamed, or numbered anew. */
  isStale({ mailbox, uidValidity }: ImapName): boolean {
    const there = this.#byKey.get(mailbox)
    if (there === undefined) return mailbox.startsWith('=') || this.#withoutId.size === 0
    return there.uidValidity !== undefined && there.uidValidity !== uidValidity
  }

  /** The mailbox to look into for a message of this name. */
  pathOf({ mailbox }: ImapName): string | undefined {
    return this.#byKey.get(mailbox)?.path
  }

  /** What its mailbox is called at home, or was. */
  homeOf({ mailbox }: ImapName): string | undefined {
    const path = this.#byKey.get(mailbox)?.path ?? (mailbox.startsWith('=') ? mailbox.slice(1) : undefined)
    return path === undefined ? undefined : this.#home(path)
  }

  #put(place: { path: string; id: string | undefined }, there: There): void {
    for (const key of keysOf(place)) this.#byKey.set(key, there)
    if (place.id !== undefined) this.#withoutId.delete(place.path)
  }
}
