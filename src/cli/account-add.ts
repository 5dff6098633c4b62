import { type AccountSecret, keepPassword } from '../accounts/account-secret.ts'
import type { AccountSettings } from '../accounts/directory.ts'
import { parseLeave } from '../accounts/leave.ts'
import { addressFault, canonicalAddress } from '../accounts/names.ts'
import type { Tokens } from '../accounts/oauth/tokens.ts'
import { Secrets } from '../accounts/secrets.ts'
import { MisuseError } from '../errors.ts'
import { shown, trying, tryLogIn } from './account.ts'
import { handOnPasswords } from './account-hand-on.ts'
import { type AccountWords, accountOptions, checkLogIn, checkTogether, withoutUsual } from './account-words.ts'
import { readPassword } from './ask.ts'
import { makeUser, userMeant } from './choose-user.ts'
import type { Context } from './context.ts'
import { waysOf } from './discovery-ways.ts'
import { describeAccountFailure, type ExitCode, exitCodeOf } from './failure.ts'
import { findSettings, type Settings } from './find-settings.ts'
import { withDirectory } from './open.ts'
import { singleLine } from './printable.ts'
import { isThisMachine } from './server-option.ts'
import { checkSplitUsers } from './split-option.ts'

/** `postino account add ADDRESS`: finds the settings, tries the log-in, and only then keeps the account. */
export async function addAccount(
  context: Context,
  given: string,
  said: AccountWords & { readonly user?: string },
): Promise<ExitCode> {
  const words = withoutUsual(said)
  const fault = addressFault(given)
  if (fault !== undefined) throw new MisuseError('usage', `${JSON.stringify(given)} cannot be an address: ${fault}`)
  const address = canonicalAddress(given)
  const options = accountOptions(words, {}, Date.now())
  const leave = parseLeave(words.leave ?? 'forever')
  return await withDirectory(context, async (directory): Promise<ExitCode> => {
    if (directory.account(address) !== undefined) return already(context, address)
    checkSplitUsers(directory, options.split)
    const found = await findSettings(given, words, waysOf(context, options))
    context.notes.bar('')
    const settings: AccountSettings = { ...found, address, leave, options: withAuth(options, found) }
    checkTogether(settings)
    checkLogIn(words, settings)
    const user = userMeant(directory, words.user)
    warn(context, settings, found, words)
    const secrets = new Secrets(context.data)
    const parts = { data: context.data, directory, secrets }
    const secret = await secretGiven(context, settings, words)
    let further: ReadonlyMap<string, string>
    try {
      if (words.check) await trying(context, settings, () => tryLogIn(settings, secret.first))
      further = await handOnPasswords(context, settings, { check: words.check })
    } catch (error) {
      if (error instanceof MisuseError) throw error
      context.notes.failure(
        `postino: ${address}: ${describeAccountFailure(error)} (nothing was saved; --no-check saves without trying)`,
      )
      return exitCodeOf(error)
    }
    const sealed =
      secret.password === undefined
        ? new Uint8Array()
        : await keepPassword(address, settings.options, secret.password, secrets)
    await makeUser(context, directory, user)
    if (!(await directory.addAccount(user, settings, sealed))) return already(context, address)
    if (secret.tokens !== undefined) {
      const { keepTokens } = await import('../accounts/oauth/token-source.ts')
      await keepTokens(parts, address, secret.tokens)
    }
    for (const [name, password] of further)
      await directory.setNamedSecret(address, name, secrets.seal(address, password))
    const account = directory.account(address)
    if (context.json && account !== undefined)
      await context.output.json({ ...shown(account), source: found.source, notes: found.notes })
    else {
      const logIn = settings.options.auth === 'oauth' && secret.tokens === undefined
      const next = logIn ? `\`postino account login ${address}\` logs in` : '`postino fetch` brings its mail'
      await context.output.words(`added ${address} for ${user}${words.check ? ': the log-in works' : ''}; ${next}`)
    }
    return 0
  })
}

/** What the person says of how to log in goes before what the provider wants. */
function withAuth(options: AccountSettings['options'], found: Settings): AccountSettings['options'] {
  const auth = options.auth ?? found.auth
  const issuer = options.issuer ?? found.issuer
  if (auth !== 'oauth' || options.secretFrom !== undefined) return options
  return { ...options, auth, ...(issuer !== undefined && { issuer }) }
}

function warn(context: Context, settings: AccountSettings, found: Settings, words: AccountWords): void {
  const { address, server, port, protocol, tls } = settings
  if (words.server === undefined) {
    const way = tls === 'starttls' ? ' with STARTTLS' : ''
    context.notes.note(`${address}: ${protocol.toUpperCase()} at ${server} port ${port}${way}, from ${found.from}`)
  }
  for (const note of found.notes) context.notes.note(`note: ${singleLine(note)}`)
  if (tls === 'none' && !isThisMachine(server))
    context.notes.note(
      `note: without TLS, the password and all mail cross the network to ${server} for everybody to read`,
    )
}

/** What an account logs in with from now on, and what of it is to be kept. */
export interface GivenSecret {
  readonly first: AccountSecret
  readonly password?: string
  readonly tokens?: Tokens
}

/** Has the password asked for, or the consent given, or the command run. */
export async function secretGiven(
  context: Context,
  settings: AccountSettings,
  words: AccountWords,
): Promise<GivenSecret> {
  const { address, options } = settings
  if (options.auth === 'oauth') {
    if (words.passwordStdin === true) return withoutPassword(context, address, words)
    const { askConsent } = await import('./account-login.ts')
    const tokens = await askConsent(context, settings, { device: words.device === true })
    return { first: { token: () => Promise.resolve(tokens.access) }, tokens }
  }
  if (typeof options.secretFrom === 'object') {
    const { passwordOfCommand } = await import('../accounts/secret-command.ts')
    // Where nothing is tried, the command need not work here and now.
    return { first: { password: words.check ? await passwordOfCommand(address, options.secretFrom.command) : '' } }
  }
  const password = await readPassword(context, {
    fromStdin: words.passwordStdin ?? false,
    what: `password of ${address} at its provider`,
    twice: false,
  })
  if (password === '') throw new MisuseError('usage', 'the password is empty')
  return { first: { password }, password }
}

/** A password was given to a provider that takes none: it is not kept, and there is nothing to try. */
function withoutPassword(context: Context, address: string, words: AccountWords): GivenSecret {
  if (words.check)
    throw new MisuseError('usage', `${address} takes no password, only OAuth 2.0: leave out --password-stdin`)
  context.notes.note(`note: ${address} takes no password, so none is kept`)
  return { first: { password: '' } }
}

function already(context: Context, address: string): ExitCode {
  context.notes.failure(
    `postino: there is an account ${address} already; \`postino account set ${address}\` changes it, and to add it anew, remove it first: \`postino account remove ${address}\``,
  )
  return 1
}
