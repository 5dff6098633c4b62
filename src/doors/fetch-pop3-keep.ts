import type { Hash, MessageId } from '../ids.ts'
import { Intake, type ToKeep } from '../intake/intake.ts'
import type { Ledger, Listed } from '../intake/ledger.ts'
import { receivedTime } from '../message/received.ts'
import type { Draft, LedgerEntry, Staged, UserMail } from '../store/store.ts'
import type { Remote, Split } from './fetching.ts'
import type { Taking } from './taking.ts'
import { Turns } from './turns.ts'

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

/** A message that has come whole. */
export interface Came {
  readonly listed: Listed
  readonly taking: Taking
}

/** A message that is durable now. */
export interface Kept {
  readonly listed: Listed
  readonly hash: Hash
  readonly size: number
  /** Milliseconds since 1970. */
  readonly received: number
  /** Where it had come by the same way before: its row of the ledger. */
  readonly known: LedgerEntry | undefined
}

interface Finished extends Came {
  readonly staged: Staged
}

/** One that came, its way in, and, where it has come by another name before, the row of then. */
interface Named extends Came, ToKeep {
  readonly moved: LedgerEntry | undefined
}

/** Takes what was fetched to whom it belongs, and to the ledger of its account. */
export class Keeping {
  readonly #options: KeepingOptions
  /** Of users who get mail of this account without owning it. */
  readonly #others = new Map<string, Intake>()
  /** What is large takes its time until it is whole; what came behind it is not to come home before it. */
  readonly #turns = new Turns()

  constructor(options: KeepingOptions) {
    this.#options = options
  }

  /** Resolves when the messages are durable. Rejects with StoreError. */
  async keep(came: readonly Came[]): Promise<readonly Kept[]> {
    const { intake, split } = this.#options
    const finishing = came.map(finished)
    const atOnce = finishing.filter((one): one is Finished => !(one instanceof Promise))
    const whole =
      this.#turns.free && atOnce.length === came.length
        ? atOnce
        : await this.#turns.take(Promise.all(finishing.map(async (one) => await one)))
    // From here on to the change nothing is waited for.
    const named = whole.map((one) => this.#name(one))
    const isOwn = ({ moved }: Named): boolean => moved === undefined && split === undefined
    const own = named.filter(isOwn)
    const outcomes = await intake.keepAll(own)
    const kept: Kept[] = []
    let place = 0
    for (const one of own) kept.push(keptOf(one, outcomes[place++] === 'new' ? undefined : await this.#row(one)))
    for (const one of named) if (!isOwn(one)) kept.push(await this.#keepApart(one))
    return kept
  }

  #name({ listed, taking, staged }: Finished): Named {
    const { remote, ledger, headers, now } = this.#options
    const received = receivedTime(taking.head, now()) ?? now()
    const origin = { ...ledger.origin(listed, staged.hash), head: taking.print.finish() }
    const moved = ledger.adopt(origin, staged.hash)
    const replaces = headers.size === 0 ? undefined : headers.get(listed.uniqueId)
    const delivery = { mailbox: remote.mailbox ?? 'INBOX', received, origin, replaces }
    return { listed, taking, staged, delivery, moved }
  }

  /** Keeps one that came under another name before, or that may go to others. */
  async #keepApart(one: Named): Promise<Kept> {
    const { taking, staged, delivery, moved } = one
    const { mail, intake, split } = this.#options
    const { origin, replaces } = delivery
    try {
      if (moved !== undefined) {
        // The same message by another name: the provider has changed them all, or gave none for a while.
        await mail.change((draft) => {
          draft.know(origin, moved)
          // A header is no more needed where the whole is.
          if (moved.message !== undefined) removeIfThere(draft, replaces)
        })
        return keptOf(one, moved)
      }
      const users = split?.recipients(taking.print.header) ?? [mail.user]
      let isNew = false
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
          draft.know(origin, staged)
          removeIfThere(draft, replaces)
        })
      }
      return keptOf(one, isNew ? undefined : await this.#row(one))
    } finally {
      staged.discard()
    }
  }

  async #row({ staged, delivery }: Named): Promise<LedgerEntry | undefined> {
    const { account, uniqueId, nth } = delivery.origin
    return await this.#options.mail.read((view) => view.origin(account, uniqueId, staged.hash, nth))
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

function finished(one: Came): Finished | Promise<Finished> {
  const staged = one.taking.finish()
  return staged instanceof Promise ? staged.then((later) => ({ ...one, staged: later })) : { ...one, staged }
}

function keptOf({ listed, staged, delivery }: Named, known: LedgerEntry | undefined): Kept {
  return { listed, hash: staged.hash, size: staged.size, received: delivery.received, known }
}

function removeIfThere(draft: Draft, message: MessageId | undefined): void {
  if (message !== undefined && draft.view.message(message) !== undefined) draft.remove(message)
}
