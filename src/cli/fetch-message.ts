import type { Directory } from '../accounts/directory.ts'
import { MisuseError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { headersOnly } from '../intake/header-only.ts'
import { givenAway } from '../intake/ledger.ts'
import { userMeant } from './choose-user.ts'
import type { Context } from './context.ts'
import { withStore } from './open.ts'

/** A message there of which only the header is at home. */
export interface PartOfMessage {
  readonly address: string
  readonly user: string
  /** In the ledger. */
  readonly account: string
  readonly uniqueId: string
}

/** Which account, and which message there, a header at home stands for. Throws MisuseError where there is no such. */
export async function partOfMessage(
  context: Context,
  directory: Directory,
  text: string,
  user: string | undefined,
): Promise<PartOfMessage> {
  if (!/^\d{1,15}$/.test(text))
    throw new MisuseError('usage', `--message ${text}: give the number that \`postino list\` shows`)
  const id = Number(text)
  // Each user's messages have numbers of their own.
  const whose = userMeant(directory, user)
  const accounts = directory.accounts(whose)
  return await withStore(context, async (store) => {
    for (const { address, user: owner, protocol } of accounts) {
      const mail = await store.open(owner)
      const account = `${protocol}:${address}`
      const rows = await mail.read((view) => view.ledger(headersOnly(account)))
      const row = rows.find(({ message }) => message === id)
      if (row?.listed === givenAway)
        throw new MisuseError(
          'usage',
          `--message ${id}: it is in another mailbox than the one that ${address} logs in to now`,
        )
      if (row !== undefined) return { address, user: owner, account, uniqueId: row.uniqueId }
    }
    // One who is not there yet gets no mail by being asked.
    const mail = directory.user(whose) && (await store.open(whose))
    const isHere = await mail?.read((view) => view.message(id as MessageId) !== undefined)
    const what = isHere === true ? 'that message is here whole' : 'there is no such message, or its account was removed'
    throw new MisuseError(
      'usage',
      `--message ${id}: ${what}; \`postino list\` marks those of which only the header is here`,
    )
  })
}

/** Says under which number the whole of it is at home now; it is another than that of the header. */
export async function tellWhole(context: Context, { user, account, uniqueId }: PartOfMessage): Promise<void> {
  const id = await withStore(context, async (store) => {
    const mail = await store.open(user)
    const rows = await mail.read((view) => view.ledger(account))
    return rows.findLast((row) => row.uniqueId === uniqueId && row.message !== undefined)?.message
  })
  if (id !== undefined) context.notes.note(`it is message ${id} now: \`postino show ${id}\``)
}
