import type { HandOnTarget } from '../accounts/hand-on-target.ts'
import type { MessageId, ModSeq } from '../ids.ts'
import type { Draft, LedgerEntry, Message, Trouble, View } from '../store/store.ts'

/** Which mail goes where. */
export interface Route {
  /** The address of the account that brings it in. */
  readonly address: string
  /** Its names in the ledger: `pop3:…`, `imap:…`. */
  readonly accounts: readonly string[]
  readonly target: HandOnTarget
  /** Only what came home then or later (milliseconds since 1970). */
  readonly since: number
  /**
   * Of an account whose mail goes to several people here: by `wayIn`, what is with one of the others too, and whether it was handed on
   * from there. It goes once.
   */
  readonly elsewhere?: ReadonlyMap<string, boolean> | undefined
}

/** A message that was under way when something broke. */
export interface UnderWay {
  readonly uniqueId: string
  readonly id: MessageId
  /** The account of the hand-on that it belongs to: see `handOnAccount`. */
  readonly account: string
  /** The courier's: see `Courier.mark`. */
  readonly mark: string
}

/** What a user's mail says of a route. */
export interface HandOnPlan {
  readonly modseq: ModSeq
  /** Not handed on yet, in order of arrival. */
  readonly pending: readonly Message[]
  /** What is with others and was handed on from there: to be noted here as well. */
  readonly settled: readonly Message[]
  /** By unique-id. */
  readonly troubles: ReadonlyMap<string, Trouble>
  /** Why the target as a whole is left in peace for a while. */
  readonly down: Trouble | undefined
  /** For this target, of whatever account. */
  readonly underWay: readonly UnderWay[]
  /** Up to this message nothing is left to do, and up to which that is written down. */
  readonly done: MessageId
  readonly noted: MessageId
}

/** The name in the ledger of what was handed on from an account to a target; its unique-ids are our own. */
export function handOnAccount(address: string, target: HandOnTarget): string {
  return `hand-on:${address} ${target.name}`
}

/** The name of what is under way to a target: by target, so that whoever comes next finds out what became of it. */
function underWayAccount(target: HandOnTarget): string {
  return `under-way:${target.name}`
}

/** Under this unique-id stands the trouble with a target as a whole: no message has an empty one. */
export const whole = ''
/** And under this one up to which message nothing is left to do: to read the whole ledger each time would take seconds. */
const upTo = 'up to'

function isOfMessage({ uniqueId }: Trouble): boolean {
  return uniqueId !== whole && uniqueId !== upTo
}

/** It counts only for whoever wants no older mail than it was written for. */
function readDone(troubles: readonly Trouble[], since: number): MessageId {
  const { why = '{}' } = troubles.find(({ uniqueId }) => uniqueId === upTo) ?? {}
  const { id, from } = JSON.parse(why) as { id?: MessageId; from?: number }
  return id !== undefined && from !== undefined && from <= since ? id : (0 as MessageId)
}

/** Writes down up to which message nothing is left to do. */
export function noteDone(draft: Draft, { address, target, since }: Route, id: MessageId): void {
  const why = JSON.stringify({ id, from: since })
  draft.trouble(handOnAccount(address, target), upTo, { attempts: 1, why, next: 0 })
}

/** Names a way in, in whosever mail. */
export function wayIn({ account, uniqueId, hash, nth }: LedgerEntry): string {
  return `${account}\0${uniqueId}\0${hash}\0${nth}`
}

/** What is left to be handed on along a route. */
export function planHandOn(view: View, route: Route): HandOnPlan {
  const account = handOnAccount(route.address, route.target)
  const troubles = view.troubles(account)
  const noted = readDone(troubles, route.since)
  const handed = new Set(view.ledger(account, noted).flatMap(({ message }) => message ?? []))
  const pending = new Map<MessageId, Message>()
  const settled = new Map<MessageId, Message>()
  let done = noted
  let left = Infinity
  for (const entry of route.accounts.flatMap((each) => view.ledger(each, noted))) {
    if (entry.message === undefined) continue
    if (entry.message > done) done = entry.message
    if (entry.stored < route.since || handed.has(entry.message)) continue
    const message = view.message(entry.message)
    if (message === undefined) continue
    left = Math.min(left, message.id)
    const elsewhere = route.elsewhere?.get(wayIn(entry))
    if (elsewhere === undefined) pending.set(message.id, message)
    else if (elsewhere) settled.set(message.id, message)
  }
  return {
    modseq: view.modseq,
    pending: [...pending.values()].toSorted((a, b) => a.id - b.id),
    settled: [...settled.values()],
    troubles: new Map(troubles.flatMap((each) => (isOfMessage(each) ? [[each.uniqueId, each]] : []))),
    down: troubles.find(({ uniqueId }) => uniqueId === whole),
    underWay: view.troubles(underWayAccount(route.target)).map(readUnderWay),
    done: Math.min(done, left - 1) as MessageId,
    noted,
  }
}

/** How many messages were handed on along a route. */
export function countHanded(view: View, { address, target }: Route): number {
  return view.ledger(handOnAccount(address, target)).length
}

function readUnderWay({ uniqueId, why }: Trouble): UnderWay {
  const { id, account, mark } = JSON.parse(why) as Omit<UnderWay, 'uniqueId'>
  return { uniqueId, id, account, mark }
}

/** Writes down that messages leave now: before the first octet of them does. */
export function noteUnderWay(
  draft: Draft,
  route: Pick<Route, 'address' | 'target'>,
  messages: readonly Message[],
  mark: string,
): UnderWay[] {
  const account = handOnAccount(route.address, route.target)
  return messages.map(({ id, uniqueId }) => {
    const why = JSON.stringify({ id, account, mark })
    draft.trouble(underWayAccount(route.target), uniqueId, { attempts: 1, why, next: 0 })
    return { uniqueId, id, account, mark }
  })
}

/** It is not under way any more, whatever became of it. */
export function clearUnderWay(draft: Draft, target: HandOnTarget, uniqueId: string): void {
  draft.trouble(underWayAccount(target), uniqueId, undefined)
}

/** The target has it: for ever. */
export function noteHanded(draft: Draft, account: string, { id, uniqueId, hash, size }: Message): void {
  const message = draft.view.message(id) === undefined ? undefined : id
  draft.know({ account, uniqueId, nth: 0 }, { hash, size, message })
}
