import type { UserSettings } from '../accounts/settings.ts'
import type { MessageId } from '../ids.ts'
import type { Draft, UserMail } from '../store/store.ts'

/**
 * What QUIT does with messages that a client has deleted. For a device they are gone from its own maildrop, and nothing else, also
 * where another door has moved them, for they may come back; otherwise what the user chose, with what is still in INBOX. What a
 * legal hold is on is only gone from the maildrop.
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
    else if (dele === 'hide' || draft.view.holdsOn(id).length > 0) draft.hide(id, true)
    else if (dele === 'trash') draft.trash(id)
    else draft.remove(id)
  }
}

/** What `resetMaildrop` brought back. */
export interface Reset {
  readonly shown: number
  readonly fromTrash: number
}

/** Brings back what a client deleted: what is hidden in the maildrop, or in a device's, and what is in the trash and was in INBOX. */
export async function resetMaildrop(mail: UserMail, device?: string): Promise<Reset> {
  return await mail.change((draft) => {
    const hidden = draft.view.hidden(device)
    const inbox = draft.openMailbox('INBOX')
    // What was elsewhere was put there by a rule, or by hand.
    const wasThere = (id: MessageId): boolean => (draft.view.message(id)?.trashedFrom ?? inbox) === inbox
    const trashed = device === undefined ? draft.view.trashed(Infinity).filter(wasThere) : []
    for (const id of hidden) draft.hide(id, false, device)
    for (const id of trashed) draft.move(id, inbox)
    return { shown: hidden.length, fromTrash: trashed.length }
  })
}
