import type { Account, AccountSettings, Directory } from '../accounts/directory.ts'
import { leaveText, parseLeave } from '../accounts/leave.ts'
import { addressFault, canonicalAddress } from '../accounts/names.ts'
import { Secrets } from '../accounts/secrets.ts'
import { MisuseError } from '../errors.ts'
import { dateText } from './amounts.ts'
import { readPassword } from './ask.ts'
import { chooseUser, existing } from './choose-user.ts'
import type { Context } from './context.ts'
import { describeAccountFailure, type ExitCode, exitCodeOf, isTemporary } from './failure.ts'
import { chooseAccounts } from './fetch.ts'
import { remoteOf, secretOf } from './fetch-account.ts'
import { hostAndPort } from './listen-address.ts'
import { withDirectory } from './open.ts'
import { findSettings, type Settings } from './find-settings.ts'
import { isThisMachine } from './server-option.ts'

interface AddOptions {
  readonly user?: string
  readonly protocol?: string
  readonly server?: string
  readonly tls?: string
  readonly login?: string
  readonly passwordStdin?: boolean
  readonly leave: string
  readonly check: boolean
  readonly offline?: boolean
}

/** `postino account add ADDRESS`: tries the log-in, and only then keeps the account. */
export async function addAccount(context: Context, given: string, options: AddOptions): Promise<ExitCode> {
  const settings = await settingsOf(given, options)
  const { address } = settings
  return await withDirectory(context, async (directory): Promise<ExitCode> => {
    if (directory.account(address) !== undefined) return already(context, address)
    const user = await chooseUser(context, directory, options.user)
    warn(context, settings, options)
    const fromStdin = options.passwordStdin ?? false
    const password = await readPassword(context, {
      fromStdin,
      what: `password of ${address} at its provider`,
      twice: false,
    })
    if (password === '') throw new MisuseError('usage', 'the password is empty')
    if (options.check) {
      try {
        await tryLogin(settings, password)
      } catch (error) {
        context.notes.failure(
          `postino: ${address}: ${describeAccountFailure(error)} (nothing was saved; --no-check saves without trying)`,
        )
        return exitCodeOf(error)
      }
    }
    const secret = new Secrets(context.data).seal(address, password)
    if (!(await directory.addAccount(user, settings, secret))) return already(context, address)
    const account = directory.account(address)
    if (context.json && account !== undefined) await context.output.json(shown(account))
    else
      await context.output.line(
        `added ${address} for ${user}${options.check ? ': the log-in works' : ''}; \`postino fetch\` brings its mail`,
      )
    return 0
  })
}

async function settingsOf(given: string, options: AddOptions): Promise<AccountSettings & Settings> {
  const fault = addressFault(given)
  if (fault !== undefined) throw new MisuseError('usage', `${JSON.stringify(given)} cannot be an address: ${fault}`)
  const leave = parseLeave(options.leave)
  const found = await findSettings(given, options)
  const { auth, issuer } = found
  return {
    ...found,
    address: canonicalAddress(given),
    leave,
    options: auth === 'oauth' ? { auth, ...(issuer !== undefined && { issuer }) } : {},
  }
}

function warn(context: Context, settings: AccountSettings & Settings, options: AddOptions): void {
  const { address, server, port, notes, tls, from } = settings
  if (options.server === undefined) context.notes.note(`${address} is fetched from ${server} port ${port}, by ${from}`)
  for (const note of notes) context.notes.note(`note: ${note}`)
  if (tls === 'none' && !isThisMachine(server))
    context.notes.note(
      `note: without TLS, the password and all mail cross the network to ${server} for everybody to read`,
    )
}

/** `postino account list` */
export function listAccounts(context: Context, options: { readonly user?: string }): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const user = options.user === undefined ? undefined : existing(directory, options.user)
    for (const account of directory.accounts(user)) {
      if (context.json) await context.output.json(shown(account))
      else await context.output.line(`${account.address}  ${settingsText(account)}  ${stateText(account)}`)
    }
    return 0
  })
}

/** `postino account test [ADDRESS…]` */
export function testAccounts(context: Context, addresses: readonly string[]): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const accounts = chooseAccounts(directory, addresses)
    if (accounts.length === 0) context.notes.note('there is no account yet: `postino account add ADDRESS` adds one')
    const errors: unknown[] = []
    for (const account of accounts) {
      const { address } = account
      const error = await loginFailure(context, directory, account)
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
      else if (error === undefined) await context.output.line(`${address}: the log-in works`)
    }
    if (errors.length === 0) return 0
    return errors.every(isTemporary) ? 75 : 1
  })
}

/** `postino account remove ADDRESS` */
export function removeAccount(context: Context, address: string): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const [account] = chooseAccounts(directory, [address])
    if (account !== undefined) await directory.removeAccount(account.address)
    if (context.json) await context.output.json({ account: account?.address })
    else await context.output.line(`removed ${account?.address}; the mail that was fetched stays`)
    return 0
  })
}

async function loginFailure(context: Context, directory: Directory, account: Account): Promise<unknown> {
  try {
    await tryLogin(account, new Secrets(context.data).unseal(account.address, secretOf(directory, account)))
    return undefined
  } catch (error) {
    return error
  }
}

async function tryLogin(settings: AccountSettings, password: string): Promise<void> {
  const { tryLogIn } = await import('../doors/fetch-pop3.ts')
  await tryLogIn(remoteOf(settings, password))
}

function already(context: Context, address: string): ExitCode {
  context.notes.failure(
    `postino: there is an account ${address} already; to add it anew, remove it first: \`postino account remove ${address}\``,
  )
  return 1
}

/** An account for `--json`: everything but the secret. */
function shown(account: Account): object {
  const { address, user, protocol, server, port, tls, login, leave, lastSuccess, lastTry, lastError } = account
  const time = (when: number | undefined): string | undefined =>
    when === undefined ? undefined : new Date(when).toISOString()
  const state = { lastSuccess: time(lastSuccess), lastTry: time(lastTry), lastError }
  return { address, user, protocol, server, port, tls, login, leave, created: time(account.created), ...state }
}

function settingsText({ user, server, port, tls, login, address, leave }: Account): string {
  const stays =
    leave === 'forever'
      ? 'left at the server'
      : leave === 'delete'
        ? 'deleted once home'
        : typeof leave === 'number'
          ? `left for ${leave} days`
          : `left there: ${leaveText(leave)}`
  const as = login.toLowerCase() === address ? '' : ` as ${login}`
  return `for ${user}  pop3 ${hostAndPort(server, port)}${tls === 'implicit' ? '' : ` (tls: ${tls})`}${as}  ${stays}`
}

function stateText({ lastSuccess, lastTry, lastError }: Account): string {
  if (lastTry === undefined) return 'not fetched yet'
  if (lastError === undefined) return `fetched ${dateText(lastTry)}`
  const good = lastSuccess === undefined ? 'never fetched without fault' : `last fetched ${dateText(lastSuccess)}`
  return `failed ${dateText(lastTry)}: ${lastError}; ${good}`
}
