import { join } from 'node:path'
import { StoreError } from '../errors.ts'
import type { Hash, MessageId, UniqueId } from '../ids.ts'
import { DiskStore } from '../store/disk.ts'
import { openIndex } from '../store/index-file.ts'
import type { Draft, Message, Origin, Staged, UserMail } from '../store/store.ts'

/** So much becomes durable together: messages, octets. */
const together = 256
const octetsTogether = 16 << 20
/** Messages are listed in portions. */
const portion = 10_000

export interface MessagesReport {
  readonly restored: number
  /** Were in the mail already; nothing was added. */
  readonly here: number
  /** Of those, how many were damaged, and are whole again. */
  readonly repaired: number
  /** What could not be restored, each by its name. */
  readonly problems: readonly string[]
}

export interface MessagesOptions {
  /** As the messages were numbered then; undefined: all. */
  readonly ids?: readonly MessageId[] | undefined
  /** Where they go; undefined: where they were. */
  readonly mailbox?: string | undefined
  readonly onProgress?: (messages: number, of: number) => void
}

interface ToAdd {
  readonly message: Message
  readonly staged: Staged
}

/**
 * Puts messages of a user's mail in `work`, where `bringUser` has brought it, into the mail as it is now. What is there still, by its
 * unique-id or by its octets, is not added again, but where it is damaged, its octets are. Unique-ids, flags and dates come back, and each
 * is read again afterwards.
 */
export async function restoreMessages(work: string, mail: UserMail, options: MessagesOptions): Promise<MessagesReport> {
  const store = new DiskStore(work)
  try {
    const old = await store.open(mail.user)
    const then = await allOf(old)
    const adding = new Adding(work, mail, await old.read((view) => view.mailboxes()), options.mailbox)
    const wanted = options.ids === undefined ? then : then.filter(({ id }) => options.ids?.includes(id))
    const missing = options.ids?.filter((id) => !wanted.some((message) => message.id === id)) ?? []
    const problems = missing.map((id) => `the backup has no message ${id} of ${mail.user}`)
    const home = new Home(await allOf(mail), then)
    let here = 0
    let repaired = 0
    for (const [place, message] of wanted.entries()) {
      options.onProgress?.(place, wanted.length)
      const there = home.find(message)
      if (there !== undefined) here++
      try {
        if (there === undefined) await adding.take(message, old.bytes(message.id))
        else if (!(await isWhole(mail, there))) {
          await repair(mail, there, old.bytes(message.id))
          repaired++
        }
      } catch (error) {
        if (!isAboutOctets(error)) throw error
        problems.push(`message ${message.id} of ${mail.user} could not be restored: ${error.message}`)
      }
    }
    await adding.finish()
    return { restored: adding.added, here, repaired, problems }
  } finally {
    await store.close()
  }
}

/** Adds messages, many together. */
class Adding {
  readonly #mail: UserMail
  readonly #mailboxOf: (message: Message) => string
  readonly #waysIn: ReadonlyMap<MessageId, Origin>
  #waiting: ToAdd[] = []
  #octets = 0
  added = 0

  constructor(
    work: string,
    mail: UserMail,
    mailboxes: readonly { readonly id: number; readonly name: string }[],
    all: string | undefined,
  ) {
    this.#mail = mail
    const names = new Map(mailboxes.map(({ id, name }) => [id, name]))
    this.#mailboxOf = ({ mailbox }) => all ?? names.get(mailbox) ?? 'INBOX'
    this.#waysIn = waysIn(join(work, 'users', mail.user), mail.user)
  }

  async take(message: Message, octets: AsyncIterable<Uint8Array>): Promise<void> {
    this.#waiting.push({ message, staged: await take(this.#mail, octets) })
    this.#octets += message.size
    if (this.#waiting.length >= together || this.#octets >= octetsTogether) await this.finish()
  }

  /** Makes durable what was taken, and reads it again. */
  async finish(): Promise<void> {
    const adding = this.#waiting
    this.#waiting = []
    this.#octets = 0
    if (adding.length === 0) return
    try {
      const ids = await this.#mail.change((draft) => adding.map((one) => this.#add(draft, one)))
      for (const id of ids) for await (const _ of this.#mail.bytes(id));
      this.added += ids.length
    } finally {
      for (const { staged } of adding) staged.discard()
    }
  }

  #add(draft: Draft, { message, staged }: ToAdd): MessageId {
    const way = this.#waysIn.get(message.id)
    // Its row in the ledger is there still, and says that it came; now it says where it is, too.
    const other = way && draft.view.origin(way.account, way.uniqueId, staged.hash, way.nth)?.message
    const { received, flags, uniqueId } = message
    return draft.add(staged, {
      mailbox: draft.openMailbox(this.#mailboxOf(message)),
      received,
      flags,
      uniqueId,
      ...(way !== undefined && other === undefined && { origin: way }),
    })
  }
}

async function isWhole(mail: UserMail, id: MessageId): Promise<boolean> {
  try {
    for await (const _ of mail.bytes(id));
    return true
  } catch (error) {
    if (isAboutOctets(error)) return false
    throw error
  }
}

/** Whether it says that octets are damaged, or gone with the file that they were in: all others may be whole. */
function isAboutOctets(error: unknown): error is StoreError {
  return error instanceof StoreError && (error.code === 'damaged' || error.code === 'missing')
}

/** The octets take the place of damaged ones. */
async function repair(mail: UserMail, id: MessageId, octets: AsyncIterable<Uint8Array>): Promise<void> {
  const staged = await take(mail, octets)
  try {
    await mail.change((draft) => draft.mend(staged))
  } finally {
    staged.discard()
  }
  for await (const _ of mail.bytes(id));
}

async function take(mail: UserMail, octets: AsyncIterable<Uint8Array>): Promise<Staged> {
  const staging = mail.stage('unknown')
  try {
    // What a reader gives may be memory that is used again.
    for await (const chunk of octets) await staging.write(Buffer.from(chunk))
  } catch (error) {
    staging.discard()
    throw error
  }
  return await staging.finish()
}

/** What is in the mail now of what was in it then. */
class Home {
  readonly #byUniqueId: ReadonlyMap<UniqueId, Message>
  /** Equal octets that came in again. */
  readonly #spare = new Map<Hash, MessageId[]>()

  constructor(now: readonly Message[], then: readonly Message[]) {
    this.#byUniqueId = new Map(now.map((message) => [message.uniqueId, message]))
    const before = new Map(then.map(({ uniqueId, hash }) => [uniqueId, hash]))
    for (const { id, uniqueId, hash } of now) {
      if (before.get(uniqueId) === hash) continue
      const same = this.#spare.get(hash)
      if (same === undefined) this.#spare.set(hash, [id])
      else same.push(id)
    }
  }

  /** The message that stands for it; each stands for one. */
  find({ uniqueId, hash }: Message): MessageId | undefined {
    const same = this.#byUniqueId.get(uniqueId)
    return same?.hash === hash ? same.id : this.#spare.get(hash)?.pop()
  }
}

async function allOf(mail: UserMail): Promise<Message[]> {
  const all: Message[] = []
  for (;;) {
    const after = all.at(-1)?.id
    const more = await mail.read((view) => view.messages({ limit: portion, ...(after !== undefined && { after }) }))
    for (const message of more) all.push(message)
    if (more.length < portion) return all
  }
}

/** By which way each message had come in. */
function waysIn(folder: string, user: string): Map<MessageId, Origin> {
  const database = openIndex(folder, user)
  try {
    const rows = database
      .prepare('select account, unique_id, nth, listed, head, message from ledger where message > 0')
      .all()
    return new Map(
      rows.map((row) => {
        const { account, unique_id: uniqueId, nth, listed, head, message } = row
        const origin: Origin = {
          account: String(account),
          uniqueId: String(uniqueId),
          nth: Number(nth),
          ...(listed !== null && { listed: Number(listed) }),
          ...(typeof head === 'string' && { head }),
        }
        return [Number(message) as MessageId, origin]
      }),
    )
  } finally {
    database.close()
  }
}
