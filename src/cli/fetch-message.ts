import type { Directory } from '../accounts/directory.ts'
import { MisuseError } from '../errors.ts'
import { headersOnly } from '../intake/header-only.ts'
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
  const accounts = directory.accounts(userMeant(directory, user))
  return await withStore(context, async (store) => {
    for (const { address, user: owner, protocol } of accounts) {
      const mail = await store.open(owner)
      const account = `${protocol}:${address}`
      const rows = await mail.read((view) => view.ledger(headersOnly(account)))
      const row = rows.find(({ message }) => message === id)
      if (row !== undefined) return { address, user: owner, account, uniqueId: row.uniqueId }
    }
    throw new MisuseError(
      'usage',
      `--message ${id}: of that message there is not only a header here; \`postino list\` marks those`,
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
