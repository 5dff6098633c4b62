import { canonicalAddress } from '../accounts/names.ts'
import { MisuseError } from '../errors.ts'
import type { HoldId, MessageId } from '../ids.ts'
import { addressOf, namesInLedger } from '../rules/account-names.ts'
import type { Hold } from '../store/store.ts'
import { dateText } from './amounts.ts'
import { chooseUsers, loginName } from './choose-user.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { wholeNumber } from './message-ids.ts'
import { hasMail, withDirectory, withMailThere, withStore } from './open.ts'
import { singleLine } from './printable.ts'

interface AboutHold {
  readonly user?: string
  readonly why: string
  readonly by?: string
}

/** `postino hold add` */
export function addHold(
  context: Context,
  options: AboutHold & { readonly mailbox?: string; readonly account?: string; readonly message?: string },
): Promise<ExitCode> {
  const { mailbox, account, message, why } = options
  const by = personOf(options.by)
  const scope = {
    mailbox,
    accounts: account === undefined ? undefined : namesInLedger(canonicalAddress(account)),
    message: message === undefined ? undefined : (wholeNumber(message, 'the id of a message') as MessageId),
  }
  return withMailThere<ExitCode>(context, options.user, 1, async ({ user, mail }) => {
    const id = await mail.change((draft) => draft.placeHold(scope, { why, by }))
    const hold = await mail.read((view) => view.holds().find((one) => one.id === id))
    if (hold !== undefined) await tell(context, user, hold)
    return 0
  })
}

/** `postino hold list` */
export function listHolds(
  context: Context,
  options: { readonly user?: string; readonly all?: boolean },
): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const users = chooseUsers(directory, options.user).filter((name) => hasMail(context, name))
    return await withStore(context, async (store): Promise<ExitCode> => {
      for (const user of users) {
        const mail = await store.open(user)
        const holds = await mail.read((view) => view.holds())
        for (const hold of holds)
          if (options.all === true || hold.released === undefined) await tell(context, user, hold)
      }
      return 0
    })
  })
}

/** `postino hold release NUMBER` */
export function releaseHold(context: Context, word: string, options: AboutHold): Promise<ExitCode> {
  const id = wholeNumber(word, 'the number of a hold, as `postino hold list` shows it') as HoldId
  const by = personOf(options.by)
  return withMailThere<ExitCode>(context, options.user, 1, async ({ user, mail }) => {
    await mail.change((draft) => draft.releaseHold(id, { note: options.why, by }))
    const hold = await mail.read((view) => view.holds().find((one) => one.id === id))
    if (hold !== undefined) await tell(context, user, hold)
    return 0
  })
}

/** Who is to stand as the one who said so. */
function personOf(given: string | undefined): string {
  const name = singleLine(given ?? loginName())
  if (name !== '') return name
  throw new MisuseError('usage', 'say who says so, with --by NAME')
}

async function tell(context: Context, user: string, hold: Hold): Promise<void> {
  const { id, mailbox, accounts, message, why, by, placed, released } = hold
  const account = accounts === undefined ? undefined : addressOf(accounts)
  if (context.json) {
    await context.output.json({
      user,
      hold: id,
      ...(mailbox !== undefined && { mailbox }),
      ...(account !== undefined && { account }),
      ...(message !== undefined && { message }),
      why,
      by,
      placed: new Date(placed).toISOString(),
      released: released === undefined ? null : { ...released, at: new Date(released.at).toISOString() },
    })
    return
  }
  const on =
    mailbox !== undefined
      ? `${mailbox} and below`
      : account !== undefined
        ? `what ${account} brings in`
        : message !== undefined
          ? `message ${message}`
          : 'all the mail'
  const end = released === undefined ? '' : `; released ${dateText(released.at)} by ${released.by}: ${released.note}`
  await context.output.words(
    singleLine(`${user}: hold ${id} on ${on}, since ${dateText(placed)} by ${by}: ${why}${end}`),
  )
}
