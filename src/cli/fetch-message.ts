import type { Directory } from '../accounts/directory.ts'
import { MisuseError } from '../errors.ts'
import { headersOnly } from '../intake/header-only.ts'
import { userMeant } from './choose-user.ts'
import type { Context } from './context.ts'
import { withStore } from './open.ts'

/** Which account, and which message there, a header at home stands for. Throws MisuseError where there is no such. */
export async function partOfMessage(
  context: Context,
  directory: Directory,
  text: string,
  user: string | undefined,
): Promise<{ address: string; uniqueId: string }> {
  if (!/^\d{1,15}$/.test(text))
    throw new MisuseError('usage', `--message ${text}: give the number that \`postino list\` shows`)
  const id = Number(text)
  // Each user's messages have numbers of their own.
  const accounts = directory.accounts(userMeant(directory, user))
  return await withStore(context, async (store) => {
    for (const { address, user: owner, protocol } of accounts) {
      const mail = await store.open(owner)
      const rows = await mail.read((view) => view.ledger(headersOnly(`${protocol}:${address}`)))
      const row = rows.find(({ message }) => message === id)
      if (row !== undefined) return { address, uniqueId: row.uniqueId }
    }
    throw new MisuseError(
      'usage',
      `--message ${id}: of that message there is not only a header here; \`postino list\` marks those`,
    )
  })
}
