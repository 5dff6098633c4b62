import { StoreError } from '../errors.ts'
import type { Hash, MessageId } from '../ids.ts'
import type { Problem } from './check-problems.ts'
import { ledgerOf, type LedgerRow } from './repair-ledger.ts'
import type { Draft, Message, Staged, UserMail } from './store.ts'

/** Where octets may come from that are damaged here. */
export interface Twin {
  /** For a person: `the mail of anna`. */
  readonly name: string
  /** Octets that should be those of this hash; undefined where it has none. What they are is verified by whoever asked. */
  find(hash: Hash): Promise<AsyncIterable<Uint8Array> | undefined>
}

/** What was made whole again. */
export interface Repaired {
  readonly message: MessageId
  /** Where its octets came from; undefined: only its record was written again. */
  readonly from?: string
  /** The number that it has now, where that is another. */
  readonly now?: MessageId
}

export interface RepairReport {
  readonly repaired: readonly Repaired[]
  /** Messages that could not be, and why. They are served as before. */
  readonly left: readonly Left[]
}

/** What could not be repaired, and why; `held`: because it is on hold. */
export interface Left {
  readonly message: MessageId
  readonly why: string
  readonly held: boolean
}

/**
 * Repairs what a check has found: brings octets that are damaged from a twin, verified by their hash, and writes into the journal again
 * what only the index has still. Messages keep their unique-ids, flags and mailboxes.
 */
export async function repairMail(
  folder: string,
  mail: UserMail,
  problems: readonly Problem[],
  twins: readonly Twin[],
): Promise<RepairReport> {
  const repaired: Repaired[] = []
  const left: Left[] = []
  const damaged = problems.filter(({ remedy }) => remedy === 'octets')
  for (const [hash, some] of Map.groupBy(damaged, (problem) => problem.hash)) {
    if (hash === undefined) continue
    const outcome = await bringOctets(mail, hash, twins)
    for (const { message } of some) {
      if (message === undefined) continue
      if ('from' in outcome) repaired.push({ message, from: outcome.from })
      else left.push({ message, why: outcome.why, held: false })
    }
  }
  const given = new Set(left.map(({ message }) => message))
  for (const { message, remedy, columns } of problems) {
    if (remedy !== 'journal' || message === undefined || given.has(message)) continue
    try {
      const now = await writeAgain(folder, mail, message, columns)
      const before = repaired.findIndex((one) => one.message === message)
      const from = before === -1 ? undefined : repaired.splice(before, 1)[0]?.from
      repaired.push({ message, ...(from !== undefined && { from }), ...(now !== message && { now }) })
    } catch (error) {
      if (!(error instanceof StoreError) || error.code === 'disk-full') throw error
      left.push({ message, why: error.message, held: error.code === 'held' })
    }
  }
  if (problems.some(({ remedy, message }) => remedy === 'journal' && message === undefined)) {
    await mail.change((draft) => {
      for (const { id } of draft.view.mailboxes()) draft.restate({ mailbox: id })
      draft.restate('holds and quota')
      for (const { origin, content } of ledgerOf(folder, mail.user)) draft.know(origin, content)
    })
  }
  return { repaired, left }
}

/** The octets of this hash from the first twin that has them whole. */
async function bringOctets(
  mail: UserMail,
  hash: Hash,
  twins: readonly Twin[],
): Promise<{ readonly from: string } | { readonly why: string }> {
  const tried: string[] = []
  for (const twin of twins) {
    try {
      const octets = await twin.find(hash)
      if (octets === undefined) continue
      const staged = await stagedFrom(mail, octets)
      try {
        if (staged.hash === hash) {
          await mail.change((draft) => draft.mend(staged))
          return { from: twin.name }
        }
        tried.push(`${twin.name} has other octets`)
      } finally {
        staged.discard()
      }
    } catch (error) {
      if (!(error instanceof StoreError) || error.code === 'disk-full') throw error
      tried.push(`${twin.name}: ${error.message}`)
    }
  }
  const names = twins.map(({ name }) => name).join(', ')
  if (tried.length > 0) return { why: tried.join('; ') }
  return { why: names === '' ? 'there is nowhere to take it from' : `not found: ${names}` }
}

async function stagedFrom(mail: UserMail, octets: AsyncIterable<Uint8Array>): Promise<Staged> {
  const staging = mail.stage('unknown')
  try {
    for await (const chunk of octets) await staging.write(Buffer.from(chunk))
    return await staging.finish()
  } catch (error) {
    staging.discard()
    throw error
  }
}

/** Writes into the journal what the index knows of a message. Gives its number, which is a new one where its record was lost. */
async function writeAgain(
  folder: string,
  mail: UserMail,
  id: MessageId,
  columns: readonly string[] | undefined,
): Promise<MessageId> {
  const message = await mail.read((view) => view.message(id))
  if (message === undefined) {
    await mail.change((draft) => draft.restate({ removed: id }))
    return id
  }
  if (columns?.every((column) => slight.has(column)) === true) {
    await mail.change((draft) => {
      draft.setFlags(id, message.flags)
      draft.hide(id, !message.hidden)
      draft.hide(id, message.hidden)
    })
    return id
  }
  const elsewhere = columns?.every((column) => place.has(column)) === true
  const staged = await stagedFrom(mail, mail.bytes(id))
  try {
    if (staged.hash !== message.hash) throw new StoreError('damaged', `message ${id} is not what its hash says`)
    const ways = ledgerOf(folder, mail.user, id)
    return await mail.change((draft) => {
      if (!elsewhere) return replace(draft, message, staged, ways)
      draft.mend(staged)
      return id
    })
  } finally {
    staged.discard()
  }
}

/** What a record of flags, and one of hiding, put right. */
const slight = new Set(['flags', 'hidden', 'modseq'])
/** Of these, only the octets have to be written again. */
const place = new Set(['segment', 'start', 'at', 'length', 'coded', 'part'])

/** The same message under a new number: by Draft's own means, so that every reader of the journal understands. */
function replace(draft: Draft, message: Message, staged: Staged, ways: readonly LedgerRow[]): MessageId {
  const { id, mailbox, received, flags, uniqueId, hidden, trashed, trashedFrom } = message
  const { view } = draft
  const devices = view.devices().filter(({ name }) => view.hidden(name).includes(id))
  // Its unique-id is free only when it has gone.
  if (!draft.remove(id)) throw new StoreError('held', `message ${id} is on hold, so it stays as it is`)
  // From there it goes to the trash, so that it comes back from it to where it was.
  const before = trashed === undefined ? mailbox : (trashedFrom ?? mailbox)
  const now = draft.add(staged, { mailbox: before, received, flags, uniqueId, again: true })
  for (const { origin, content } of ways) draft.know(origin, { ...content, message: now })
  if (hidden) draft.hide(now, true)
  for (const { name } of devices) draft.hide(now, true, name)
  if (trashed !== undefined) draft.trash(now)
  return now
}
