import type { MessageId } from '../ids.ts'
import type { Message, UserMail, View } from '../store/store.ts'
import { changeEach } from './in-pages.ts'

const day = 86_400_000

/** How many messages went for good, and how many stayed because a legal hold is on them. */
export interface Removed {
  readonly removed: number
  readonly held: number
}

/** What became of a message that was to go to the trash or to come back. */
export interface Moved {
  readonly id: MessageId
  /** Where it is now; undefined: it is where it was, see `why`. */
  readonly to: string | undefined
  readonly why?: 'no such message' | 'held' | 'in the trash already' | 'not in the trash'
}

/** A message in the trash. */
export interface Trashed {
  readonly message: Message
  /** When it was put there, milliseconds since 1970. */
  readonly since: number
  /** The name of the mailbox that it would come back to. */
  readonly from: string
  readonly held: boolean
}

/** What is in the trash, in order of arrival. */
export function trashOf(view: View): Trashed[] {
  const names = new Map(view.mailboxes().map(({ id, name }) => [id, name]))
  return view.trashed(Infinity).flatMap((id): Trashed[] => {
    const message = view.message(id)
    if (message?.trashed === undefined) return []
    const from = names.get(message.trashedFrom ?? message.mailbox) ?? 'INBOX'
    return [{ message, since: message.trashed, from, held: view.holdsOn(id).length > 0 }]
  })
}

/** Removes for good what was put into the trash more than so many days ago. */
export async function purgeTrash(mail: UserMail, days: number, now: number): Promise<Removed> {
  const before = now - days * day
  // Where the clock was wrong when it was put there, it was stored before that all the same.
  const isOld = ({ trashed, stored }: Message): boolean => trashed !== undefined && Math.max(trashed, stored) < before
  return await removeTrashed(mail, await mail.read((view) => view.trashed(before)), isOld)
}

/** Removes for good all that is in the trash. */
export async function emptyTrash(mail: UserMail): Promise<Removed> {
  return await removeTrashed(mail, await mail.read((view) => view.trashed(Infinity)), () => true)
}

/** Puts messages into the trash. What is held stays where it is. */
export async function putIntoTrash(mail: UserMail, ids: readonly MessageId[]): Promise<Moved[]> {
  return await moveEach(mail, ids, (draft, message) => {
    const { id, trashed } = message
    if (trashed !== undefined) return { id, to: undefined, why: 'in the trash already' }
    if (draft.view.holdsOn(id).length > 0) return { id, to: undefined, why: 'held' }
    draft.trash(id)
    return { id, to: 'Trash' }
  })
}

/** Brings messages back to the mailboxes that they were in. */
export async function restoreFromTrash(mail: UserMail, ids: readonly MessageId[]): Promise<Moved[]> {
  return await moveEach(mail, ids, (draft, message) => {
    const { id, trashed, trashedFrom } = message
    if (trashed === undefined) return { id, to: undefined, why: 'not in the trash' }
    const mailbox = trashedFrom ?? draft.openMailbox('INBOX')
    draft.move(id, mailbox)
    return { id, to: draft.view.mailboxes().find((one) => one.id === mailbox)?.name ?? 'INBOX' }
  })
}

async function moveEach(
  mail: UserMail,
  ids: readonly MessageId[],
  work: (...args: Parameters<Parameters<typeof changeEach>[2]>) => Moved,
): Promise<Moved[]> {
  const moved = new Map((await changeEach(mail, ids, work)).map((one) => [one.id, one]))
  return ids.map((id) => moved.get(id) ?? { id, to: undefined, why: 'no such message' })
}

async function removeTrashed(
  mail: UserMail,
  ids: readonly MessageId[],
  isMeant: (message: Message) => boolean,
): Promise<Removed> {
  const gone = await changeEach(mail, ids, (draft, message) => {
    // Somebody may have taken it out again.
    if (message.trashed === undefined || !isMeant(message)) return undefined
    return draft.remove(message.id)
  })
  return { removed: gone.filter((one) => one === true).length, held: gone.filter((one) => one === false).length }
}
