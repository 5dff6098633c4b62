import type { UserSettings } from '../accounts/settings.ts'
import type { MessageId } from '../ids.ts'
import type { Draft, UserMail } from '../store/store.ts'

const day = 86_400_000
/** So many messages are removed for good in one transaction. */
const together = 1000

/**
 * What QUIT does with messages that a client has deleted. For a device they are gone from its own maildrop, and nothing else, also
 * where another door has moved them, for they may come back; otherwise what the user chose, with what is still in INBOX.
 */
export function removeMessages(
  draft: Draft,
  ids: readonly MessageId[],
  device: string | undefined,
  dele: UserSettings['dele'],
): void {
  const inbox = draft.openMailbox('INBOX')
  for (const id of ids) {
    const mailbox = draft.view.message(id)?.mailbox
    if (mailbox === undefined) continue
    if (device !== undefined) draft.hide(id, true, device)
    else if (mailbox !== inbox) continue
    else if (dele === 'hide') draft.hide(id, true)
    else if (dele === 'trash') draft.trash(id)
    else draft.remove(id)
  }
}

/** Removes for good what POP3 put into the trash more than the user's days ago; gives how many messages. */
export async function purgeTrash(mail: UserMail, settings: UserSettings, now: number): Promise<number> {
  const before = now - settings.trashDays * day
  const old = await mail.read((view) => view.trashed(before))
  let removed = 0
  for (let at = 0; at < old.length; at += together) {
    removed += await mail.change((draft) => {
      // Somebody may have taken some out again.
      const still = old.slice(at, at + together).filter((id) => (draft.view.message(id)?.trashed ?? now) < before)
      for (const id of still) draft.remove(id)
      return still.length
    })
  }
  return removed
}

/** What `resetMaildrop` brought back. */
export interface Reset {
  readonly shown: number
  readonly fromTrash: number
}

/** Brings back what a client deleted: what is hidden in the maildrop, or in a device's, and what is still in the trash. */
export async function resetMaildrop(mail: UserMail, device?: string): Promise<Reset> {
  return await mail.change((draft) => {
    const hidden = draft.view.hidden(device)
    const trashed = device === undefined ? draft.view.trashed(Infinity) : []
    const inbox = draft.openMailbox('INBOX')
    for (const id of hidden) draft.hide(id, false, device)
    for (const id of trashed) draft.move(id, inbox)
    return { shown: hidden.length, fromTrash: trashed.length }
  })
}
