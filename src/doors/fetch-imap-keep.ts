import type { Hash, MessageId } from '../ids.ts'
import { Intake } from '../intake/intake.ts'
import { receivedTime } from '../message/received.ts'
import type { LedgerEntry, Staged, UserMail } from '../store/store.ts'
import type { Body } from './fetch-imap-bodies.ts'
import { homeFlags } from './fetch-imap-flags.ts'
import { byLabels } from './fetch-imap-gmail.ts'
import type { ImapLedger } from './fetch-imap-ledger.ts'
import type { Wanted } from './fetch-imap-listing.ts'
import { rename, type RecognitionOptions } from './fetch-imap-recognise.ts'
import type { Split } from './fetching.ts'

export interface ImapKeepingOptions {
  readonly recognition: RecognitionOptions
  readonly intake: Intake
  readonly split: Split | undefined
  /** What INBOX is called at home. */
  readonly inbox: string
  /** Mail that shows each message once, with labels that say where it belongs (Gmail). */
  readonly byLabel: boolean
  /** By unique-id, messages of which only the header is here: they go when the whole message comes. */
  readonly headers: ReadonlyMap<string, MessageId>
  readonly now: () => number
}

/** A message that is durable now. */
export interface ImapKept {
  readonly hash: Hash
  readonly size: number
  /** Whether it came home now; otherwise it was here. */
  readonly isNew: boolean
  /** Milliseconds since 1970. */
  readonly received: number
  /** Its row of the ledger; where it is new, without the message. */
  readonly entry: LedgerEntry
}

/** Takes what was fetched to whom it belongs, and to the ledger of its account. */
export class ImapKeeping {
  readonly #options: ImapKeepingOptions
  /** Of users who get mail of this account without owning it. */
  readonly #others = new Map<string, Promise<Intake>>()

  constructor(options: ImapKeepingOptions) {
    this.#options = options
  }

  get ledger(): ImapLedger {
    return this.#options.recognition.ledger
  }

  /** The mail of others to whom something has gone, or may have before. */
  async others(): Promise<readonly UserMail[]> {
    const { split, recognition } = this.#options
    if (split === undefined) return []
    return await Promise.all(
      split.users.filter((user) => user !== recognition.mail.user).map((user) => split.open(user)),
    )
  }

  /** Resolves when the message is durable. Rejects with StoreError. */
  async keep(wanted: Wanted, body: Body): Promise<ImapKept> {
    const { recognition, now } = this.#options
    const staged = await body.staging.finish()
    const { hash, size } = staged
    const received = wanted.received ?? receivedTime(body.head, now()) ?? now()
    const lost = recognition.ledger.adopt(hash)
    if (lost !== undefined) {
      staged.discard()
      const [at] = await rename([{ wanted, entry: lost, byHeader: false }], recognition)
      return { hash, size, received, isNew: false, entry: at?.entry ?? lost }
    }
    const isNew = await this.#deliver(wanted, body, staged, received)
    const { account, mail } = recognition
    const { uniqueId, octets: listed } = wanted
    // Where it is new, all that is in its row is known, but for the message's number, for which nobody asks here.
    const row = isNew ? undefined : await mail.read((view) => view.origin(account, uniqueId, hash, 0))
    const entry = row ?? { account, uniqueId, nth: 0, listed, hash, size, stored: now(), message: undefined }
    recognition.ledger.add(entry)
    return { hash, size, received, isNew, entry }
  }

  async #deliver(wanted: Wanted, body: Body, staged: Staged, received: number): Promise<boolean> {
    const { recognition, intake, split, headers, inbox, byLabel } = this.#options
    const { account, mail } = recognition
    const { uniqueId, octets: listed, mailbox, labels } = wanted
    const head = body.print.finish()
    const place = byLabel ? byLabels(labels, inbox) : { mailbox: mailbox.home, keywords: [] }
    const delivery = {
      mailbox: place.mailbox,
      received,
      flags: homeFlags([...wanted.flags, ...place.keywords]),
      origin: { account, uniqueId, nth: 0, listed, ...(head !== undefined && { head }) },
      replaces: headers.get(uniqueId),
    }
    const users = split?.recipients(body.print.header) ?? [mail.user]
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
          draft.know(delivery.origin, { hash: staged.hash, size: staged.size })
          const { replaces } = delivery
          if (replaces !== undefined && draft.view.message(replaces) !== undefined) draft.remove(replaces)
        })
      }
    } finally {
      staged.discard()
    }
    return isNew
  }

  #intakeOf(user: string): Promise<Intake> {
    const { split, recognition } = this.#options
    const known = this.#others.get(user)
    if (known !== undefined) return known
    const opened = (split?.open(user) ?? Promise.resolve(recognition.mail)).then((mail) => new Intake(mail))
    this.#others.set(user, opened)
    return opened
  }
}
