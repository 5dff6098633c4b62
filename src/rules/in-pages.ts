import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MessageId } from '../ids.ts'
import type { Draft, Message, UserMail, View } from '../store/store.ts'

/** How many messages are looked at, or changed, at a time: in one transaction, so that whoever is killed has done a whole page or none of it. */
const page = 1000

/** All messages that this is true of, a page at a time; others have their turn in between. */
export async function* messagesWhere(
  mail: UserMail,
  isMeant: (message: Message, view: View) => boolean,
): AsyncGenerator<readonly Message[]> {
  for (let after = 0 as MessageId; ;) {
    const { found, last } = await mail.read((view) => {
      const messages = view.messages({ after, limit: page })
      return { found: messages.filter((one) => isMeant(one, view)), last: messages.at(-1)?.id }
    })
    if (found.length > 0) yield found
    if (last === undefined) return
    after = last
    await nextTurn()
  }
}

/** Does something to each of these messages that is still there, in their order; gives what came of each. */
export async function changeEach<T>(
  mail: UserMail,
  ids: readonly MessageId[],
  work: (draft: Draft, message: Message) => T,
): Promise<T[]> {
  const all: T[] = []
  for (let at = 0; at < ids.length; at += page) {
    const done = await mail.change((draft) =>
      ids.slice(at, at + page).flatMap((id) => {
        const message = draft.view.message(id)
        return message === undefined ? [] : [work(draft, message)]
      }),
    )
    all.push(...done)
    await nextTurn()
  }
  return all
}
