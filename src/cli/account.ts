import { type AccountSecret, forgetPassword, secretOf } from '../accounts/account-secret.ts'
import type { Account, AccountSettings, Directory } from '../accounts/directory.ts'
import { Secrets } from '../accounts/secrets.ts'
import { leftText } from './account-lines.ts'
import { dateText } from './amounts.ts'
import { existing } from './choose-user.ts'
import type { Context } from './context.ts'
import { describeAccountFailure, type ExitCode, isTemporary } from './failure.ts'
import { chooseAccounts } from './fetch.ts'
import { remoteOf } from './fetch-account.ts'
import { hostAndPort } from './listen-address.ts'
import { accountLockFile, holding } from './locks.ts'
import { withDirectory } from './open.ts'
import { singleLine, wrapWords } from './printable.ts'

const noAccount = 'there is no account yet: `postino account add ADDRESS` adds one'

/** `postino account list` */
export function listAccounts(context: Context, options: { readonly user?: string }): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const user = options.user === undefined ? undefined : existing(directory, options.user)
    const accounts = directory.accounts(user)
    if (accounts.length === 0) context.notes.note(noAccount)
    for (const account of accounts) {
      if (context.json) {
        await context.output.json(shown(account))
        continue
      }
      for (const line of listLines(account, context.output.columns)) await context.output.line(line)
    }
    return 0
  })
}

/** `postino account test [ADDRESS…]` */
export function testAccounts(context: Context, addresses: readonly string[]): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const accounts = chooseAccounts(directory, addresses)
    if (accounts.length === 0) context.notes.note(noAccount)
    const errors: unknown[] = []
    for (const account of accounts) {
      const { address } = account
      const error = await logInFailure(context, directory, account)
      if (error !== undefined) {
        errors.push(error)
        context.notes.failure(`postino: ${address}: ${describeAccountFailure(error)}`)
      }
      if (context.json)
        await context.output.json({
          account: address,
          ok: error === undefined,
          ...(error !== undefined && { error: describeAccountFailure(error) }),
        })
      else if (error === undefined) await context.output.words(`${address}: the log-in works`)
    }
    if (errors.length === 0) return 0
    return errors.every(isTemporary) ? 75 : 1
  })
}

/** `postino account remove ADDRESS` */
export function removeAccount(context: Context, address: string): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const [account] = chooseAccounts(directory, [address])
    if (account !== undefined) {
      await directory.removeAccount(account.address)
      await forgetPassword(account)
    }
    if (context.json) await context.output.json({ account: account?.address })
    else await context.output.words(`removed ${account?.address}; the mail that was fetched stays`)
    return 0
  })
}

async function logInFailure(context: Context, directory: Directory, account: Account): Promise<unknown> {
  try {
    const secret = await secretOf(account, { data: context.data, directory, secrets: new Secrets(context.data) })
    await trying(context, account, () => tryBehind(context.data, account.address, () => tryLogIn(account, secret)))
    return undefined
  } catch (error) {
    return error
  }
}

/** Tries something at an account's server while nobody fetches from it: a second session on one maildrop is refused. */
export async function tryBehind(data: string, address: string, work: () => Promise<void>): Promise<void> {
  await holding(accountLockFile(data, address), 'it is being fetched just now; try again later', work)
}

/** The same work, while a terminal says what is being waited for. */
export async function trying<T>(
  context: Context,
  { server, port }: Pick<AccountSettings, 'server' | 'port'>,
  work: () => Promise<T>,
): Promise<T> {
  context.notes.bar(`trying the log-in at ${hostAndPort(server, port)} …`)
  try {
    return await work()
  } finally {
    context.notes.bar('')
  }
}

/** Logs in and out again. Rejects with why that is not possible. */
export async function tryLogIn(settings: AccountSettings, secret: AccountSecret): Promise<void> {
  const remote = await remoteOf(settings, secret)
  if (settings.protocol === 'imap') {
    const { tryImapLogIn } = await import('../doors/fetch-imap.ts')
    await tryImapLogIn(remote)
  } else {
    const { tryLogIn: tryPop3LogIn } = await import('../doors/fetch-pop3.ts')
    await tryPop3LogIn(remote)
  }
}

/** An account for `--json`: everything but the secret. */
export function shown(account: Account): object {
  const { address, user, protocol, server, port, tls, login, leave, options, lastSuccess, lastTry, lastError } = account
  const time = (when: number | undefined): string | undefined =>
    when === undefined ? undefined : new Date(when).toISOString()
  const state = { lastSuccess: time(lastSuccess), lastTry: time(lastTry), lastError }
  return { address, user, protocol, server, port, tls, login, leave, options, created: time(account.created), ...state }
}

/** One line, or on a terminal that is too narrow for it, one for where it is fetched from and one for how. */
function listLines(account: Account, columns: number | undefined): string[] {
  const { user, protocol, server, port, tls, login, address, leave } = account
  const as = login.toLowerCase() === address ? '' : ` as ${login}`
  const way = tls === 'implicit' ? '' : ` (tls: ${tls})`
  const from = `${address}  for ${user}  ${protocol} ${hostAndPort(server, port)}${way}${as}`
  const how = `${leftText(leave)}  ${singleLine(stateText(account))}`
  const whole = wrapWords(`${from}  ${how}`, columns, 4)
  return whole.length === 1 ? whole : [...wrapWords(from, columns, 4), ...wrapWords(`    ${how}`, columns, 4)]
}

function stateText({ lastSuccess, lastTry, lastError }: Account): string {
  if (lastTry === undefined) return 'not fetched yet'
  if (lastError === undefined) return `fetched ${dateText(lastTry)}`
  const good = lastSuccess === undefined ? 'never fetched without fault' : `last fetched ${dateText(lastSuccess)}`
  return `failed ${dateText(lastTry)}: ${lastError}; ${good}`
}
