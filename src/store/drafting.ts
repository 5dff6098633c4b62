import { randomBytes } from 'node:crypto'
import type { Hash, HoldId, MailboxId, MessageId, ModSeq, Uid, UniqueId } from '../ids.ts'
import { MisuseError, StoreError } from '../errors.ts'
import { deviceNameFault } from './device-name.ts'
import type { JournalIndex } from './journal-index.ts'
import { mailboxName } from './mailbox-name.ts'
import type { JournalRecord } from './record.ts'
import type {
  Addition,
  Draft,
  Flag,
  Hold,
  HoldScope,
  LedgerEntry,
  Mailbox,
  Message,
  Origin,
  Staged,
  Trouble,
  View,
} from './store.ts'

/** Writes records to the journal; gives back where the body went, for a message that brings one. */
export type Append<Body> = (record: JournalRecord, staged?: Staged) => Body | undefined

/** The one way to change a store: turns each wish into a journal record, appends it and applies it to the index. */
export class Drafting<Body> implements Draft {
  readonly view: View
  readonly #index: JournalIndex<Body>
  readonly #append: Append<Body>
  readonly #now: () => number
  readonly #isWhole: (body: Body, hash: Hash) => boolean
  readonly #modseq: ModSeq
  /** From this id on, messages are of this very change: nobody has seen them. */
  readonly #ours: number
  /** The mailbox that was opened last. */
  #opened: { readonly name: string; readonly id: MailboxId } | undefined

  constructor(
    index: JournalIndex<Body>,
    append: Append<Body>,
    options: { now: () => number; isWhole: (body: Body, hash: Hash) => boolean },
  ) {
    this.view = index
    this.#index = index
    this.#append = append
    this.#now = options.now
    this.#isWhole = options.isWhole
    this.#modseq = (index.modseq + 1) as ModSeq
    this.#ours = index.nextMessage()
  }

  openMailbox(name: string): MailboxId {
    // Many messages come to one mailbox.
    if (this.#opened?.name !== name) this.#opened = { name, id: this.#openMailbox(name) }
    return this.#opened.id
  }

  #openMailbox(name: string): MailboxId {
    const spelt = mailboxName(name)
    const known = this.#index.mailbox(spelt)
    if (known !== undefined) return known.id
    const id = this.#index.nextMailbox() as MailboxId
    // RFC 9051 §2.3.1.1: a mailbox made anew under an old name must have a greater UIDVALIDITY.
    const uidValidity = Math.floor(this.#now() / 1000)
    this.#write({ t: 'mailbox', modseq: this.#modseq, id, name: spelt, uidValidity })
    return id
  }

  add(staged: Staged, addition: Addition): MessageId {
    const mailbox = this.#mailbox(addition.mailbox)
    const id = this.#index.nextMessage() as MessageId
    const { hash, size, octets, lineEnds, crc, dots, surrogate } = staged
    this.#write(
      {
        t: 'message',
        modseq: this.#modseq,
        id,
        mailbox: mailbox.id,
        uid: mailbox.uidNext as Uid,
        uniqueId: this.#uniqueId(addition.uniqueId),
        hash,
        size,
        octets,
        lineEnds,
        // What is undefined is not written; that all have one shape costs less.
        crc,
        dots,
        surrogate,
        received: addition.received,
        stored: this.#now(),
        flags: addition.flags ?? [],
        origin: addition.origin && pickOrigin(addition.origin),
        body: addition.again === true || !this.#keptWell(hash),
      },
      staged,
    )
    return id
  }

  mend(staged: Staged): void {
    // Octets that come again are the repair of those that are here; as every Postino knows, they come with a message. It goes at once,
    // and as it was nobody's, no hold is on it.
    const id = this.add(staged, { mailbox: this.openMailbox('INBOX'), received: 0, again: true })
    this.#write({ t: 'remove', modseq: this.#modseq, id })
  }

  restate(what: Parameters<Draft['restate']>[0]): void {
    const modseq = this.#modseq
    if (what === 'holds and quota') {
      this.#write({ t: 'quota', modseq, octets: this.#index.quota() })
      for (const hold of this.#index.holds()) this.#restateHold(hold)
      return
    }
    if ('removed' in what) {
      // Only what is known to be gone.
      if (this.#index.message(what.removed) === undefined) this.#write({ t: 'remove', modseq, id: what.removed })
      return
    }
    const { id, name, uidValidity } = this.#mailbox(what.mailbox)
    this.#write({ t: 'mailbox', modseq, id, name, uidValidity })
  }

  setFlags(id: MessageId, flags: readonly Flag[]): void {
    const unique = [...new Set(flags)]
    for (const flag of unique)
      if (!/^\\?[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]+$/.test(flag))
        throw new MisuseError('usage', `not a flag: ${JSON.stringify(flag)}`)
    this.#message(id)
    this.#write({ t: 'flags', modseq: this.#modseq, id, flags: unique })
  }

  move(id: MessageId, mailbox: MailboxId): void {
    const message = this.#message(id)
    if (message.mailbox === mailbox && message.trashed === undefined) return
    this.#write({ t: 'move', modseq: this.#modseq, id, mailbox, uid: this.#mailbox(mailbox).uidNext as Uid })
  }

  remove(id: MessageId): boolean {
    this.#message(id)
    // All removing comes through here, so that nothing goes round a hold.
    if (id < this.#ours && this.#index.holdsOn(id).length > 0) return false
    this.#write({ t: 'remove', modseq: this.#modseq, id })
    return true
  }

  hide(id: MessageId, hidden: boolean, device?: string): void {
    const modseq = this.#modseq
    const message = this.#message(id)
    if (device === undefined) {
      if (message.hidden !== hidden) this.#write({ t: 'hide', modseq, id, hidden })
    } else if (this.#index.isHiddenFrom(device, id) !== hidden)
      this.#write({ t: 'device-hide', modseq, id, device, hidden })
  }

  trash(id: MessageId): void {
    const message = this.#message(id)
    const from = message.trashed === undefined ? message.mailbox : message.trashedFrom
    const mailbox = this.openMailbox('Trash')
    const uid = this.#mailbox(mailbox).uidNext as Uid
    this.#write({ t: 'move', modseq: this.#modseq, id, mailbox, uid, trashed: this.#now(), from })
  }

  openDevice(name: string, start: 'all' | 'new'): void {
    const fault = deviceNameFault(name)
    if (fault !== undefined)
      throw new MisuseError('usage', `not a name for a device: ${JSON.stringify(name)}: ${fault}`)
    if (this.#index.hasDevice(name)) return
    const since = (start === 'all' ? 1 : this.#index.nextMessage()) as MessageId
    this.#write({ t: 'device', modseq: this.#modseq, name, since, created: this.#now() })
  }

  removeDevice(name: string): void {
    if (this.#index.hasDevice(name)) this.#write({ t: 'device-remove', modseq: this.#modseq, name })
  }

  know(origin: Origin, content: Parameters<Draft['know']>[1]): void {
    const { hash, size, message, stored = this.#now() } = content
    this.#write({
      t: 'know',
      modseq: this.#modseq,
      ...pickOrigin(origin),
      hash,
      size,
      stored,
      ...(message === undefined ? {} : { message }),
    })
  }

  relist(entry: LedgerEntry, listed: number): void {
    const { account, uniqueId, hash, nth } = entry
    this.#write({ t: 'relist', modseq: this.#modseq, account, uniqueId, hash, nth, listed })
  }

  trouble(account: string, uniqueId: string, trouble: Omit<Trouble, 'account' | 'uniqueId'> | undefined): void {
    const { attempts, why, next } = trouble ?? { attempts: 0, why: '', next: 0 }
    this.#write({ t: 'trouble', modseq: this.#modseq, account, uniqueId, attempts, why, next })
  }

  setQuota(octets: number | undefined): void {
    if (octets !== undefined && !(Number.isSafeInteger(octets) && octets >= 0))
      throw new MisuseError('usage', `not a number of octets: ${octets}`)
    if (octets !== this.#index.quota()) this.#write({ t: 'quota', modseq: this.#modseq, octets })
  }

  placeHold(scope: HoldScope, { why, by }: { readonly why: string; readonly by: string }): HoldId {
    const { mailbox, accounts, message } = scope
    if ([mailbox, accounts, message].filter((one) => one !== undefined).length > 1)
      throw new MisuseError('usage', 'a hold is on a mailbox, an account, a message or all the mail: name one of them')
    checkReason(why, 'say why it is to be held')
    if (message !== undefined && this.#index.message(message) === undefined)
      throw new MisuseError('usage', `there is no message ${message}`)
    const hold = this.#index.nextHold()
    const name = mailbox === undefined ? undefined : mailboxName(mailbox)
    this.#write({
      t: 'hold',
      modseq: this.#modseq,
      hold,
      mailbox: name,
      accounts: accounts && [...accounts],
      message,
      why,
      by,
      placed: this.#now(),
    })
    return hold
  }

  releaseHold(id: HoldId, { note, by }: { readonly note: string; readonly by: string }): void {
    const hold = this.#index.holds().find((one) => one.id === id)
    if (hold === undefined) throw new MisuseError('usage', `there is no hold ${id}`)
    if (hold.released !== undefined)
      throw new MisuseError('usage', `the hold ${id} was released already, by ${hold.released.by}`)
    checkReason(note, 'say why it is released')
    this.#write({ t: 'release', modseq: this.#modseq, hold: id, note, by, released: this.#now() })
  }

  #restateHold({ id: hold, released, ...about }: Hold): void {
    const modseq = this.#modseq
    const had = this.#index.heldBy(hold)
    for (let at = 0; at === 0 || at < had.length; at += togetherHeld) {
      const also = about.message === undefined && had.length > 0 ? had.slice(at, at + togetherHeld) : undefined
      this.#write({ t: 'hold', modseq, hold, ...about, also })
    }
    if (released === undefined) return
    const { note, by, at } = released
    this.#write({ t: 'release', modseq, hold, note, by, released: at })
  }

  #write(record: JournalRecord, staged?: Staged): void {
    this.#index.apply(record, this.#append(record, staged))
  }

  /** Equal octets are kept once; but only where those that are kept are whole: these here may be their repair. */
  #keptWell(hash: Hash): boolean {
    const twin = this.#index.body(hash)
    return twin !== undefined && this.#isWhole(twin, hash)
  }

  #message(id: MessageId): Message {
    const message = this.#index.message(id)
    if (message === undefined) throw new StoreError('no-such-message', `there is no message ${id}`)
    return message
  }

  #mailbox(id: MailboxId): Mailbox {
    const mailbox = this.#index.mailboxById(id)
    if (mailbox === undefined) throw new MisuseError('usage', `there is no mailbox ${id}`)
    return mailbox
  }

  #uniqueId(wanted: UniqueId | undefined): UniqueId {
    // RFC 1939 §7: 1 to 70 octets of 0x21 to 0x7E, and one name for one message.
    if (wanted !== undefined && /^[!-~]{1,70}$/.test(wanted) && !this.#index.uniqueIdTaken(wanted)) return wanted
    return newUniqueId()
  }
}

/** So many ids fit into one record. */
const togetherHeld = 50_000
/** So many characters of a reason do. */
const longestReason = 4096

function checkReason(text: string, otherwise: string): void {
  if (text.trim() === '') throw new MisuseError('usage', otherwise)
  if (text.length > longestReason)
    throw new MisuseError('usage', `the reason has ${text.length} characters: give at most ${longestReason}`)
}

let random = Buffer.alloc(0)

/** Sixteen characters from 96 random bits: never derived from the message, so that it survives any move or repair. */
function newUniqueId(): UniqueId {
  if (random.length < 12) random = randomBytes(12 * 256)
  const id = random.toString('base64url', 0, 12)
  random = random.subarray(12)
  return id as UniqueId
}

/** Only what belongs to it: a caller's object may carry more. */
function pickOrigin({ account, uniqueId, nth, listed, head }: Origin): Origin {
  return { account, uniqueId, nth, listed, head }
}
