import type { Hash, MessageId } from '../ids.ts'
import { receivedTime } from '../message/received.ts'
import type { LedgerEntry, Staged } from '../store/store.ts'
import type { Deliveries } from './fetch-deliveries.ts'
import type { Body } from './fetch-imap-bodies.ts'
import { homeFlags } from './fetch-imap-flags.ts'
import { byLabels } from './fetch-imap-gmail.ts'
import type { Wanted } from './fetch-imap-listing.ts'
import { rename, type RecognitionOptions } from './fetch-imap-recognise.ts'
import { Turns } from './turns.ts'

/** To whom and where what comes is taken. */
export interface ImapKeepingOptions {
  readonly recognition: RecognitionOptions
  readonly deliveries: Deliveries
  /** What INBOX is called at home. */
  readonly inbox: string
  /** Mail that shows each message once, with labels that say where it belongs (Gmail). */
  readonly byLabel: boolean
  /** By unique-id, messages of which only the header is here: they go when the whole message comes. */
  readonly headers: ReadonlyMap<string, MessageId | undefined>
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
  /** What is large takes its time until it is whole; what came behind it is not to come home before it. */
  readonly #turns = new Turns()

  constructor(options: ImapKeepingOptions) {
    this.#options = options
  }

  /** Resolves when the message is durable. Rejects with StoreError. */
  async keep(wanted: Wanted, body: Body): Promise<ImapKept> {
    const { recognition, now } = this.#options
    const staged = await this.#turns.take(Promise.resolve(body.staging.finish()))
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
    const { recognition, deliveries, headers, inbox, byLabel } = this.#options
    const { account } = recognition
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
    return await deliveries.deliver(staged, body.print.header, delivery)
  }
}
