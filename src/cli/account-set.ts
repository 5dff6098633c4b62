import { forgetPassword, keepPassword, secretOf } from '../accounts/account-secret.ts'
import type { AccountOptions } from '../accounts/account-options.ts'
import type { Account, AccountSettings } from '../accounts/directory.ts'
import { parseLeave } from '../accounts/leave.ts'
import { providerOfHost } from '../accounts/providers.ts'
import { Secrets } from '../accounts/secrets.ts'
import { MisuseError } from '../errors.ts'
import { shown, tryBehind, trying, tryLogIn } from './account.ts'
import { secretGiven } from './account-add.ts'
import { rowLines, settingRows } from './account-lines.ts'
import { forgetHandOnPasswords, handOnPasswords } from './account-hand-on.ts'
import { type AccountWords, accountOptions, checkLogIn, checkTogether, usual, withoutUsual } from './account-words.ts'
import { readConfiguration } from './configuration.ts'
import type { Context } from './context.ts'
import { describeAccountFailure, type ExitCode, exitCodeOf } from './failure.ts'
import { waysOf } from './discovery-ways.ts'
import { chooseAccounts } from './fetch.ts'
import { findSettings } from './find-settings.ts'
import { withDirectory } from './open.ts'
import { checkSplitUsers } from './split-option.ts'

/** `postino account set ADDRESS`: changes what is named, after trying the log-in where that may have changed. */
export function setAccount(context: Context, given: string, words: AccountWords): Promise<ExitCode> {
  if (Object.keys(words).every((word) => word === 'check'))
    throw new MisuseError('usage', 'say what to change: `postino account set --help` lists what there is')
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const [account] = chooseAccounts(directory, [given])
    if (account === undefined) return 1
    const { address } = account
    const settings = await changed(context, account, words)
    checkTogether(settings)
    checkLogIn(words, settings)
    checkSplitUsers(directory, settings.options.split)
    const secrets = new Secrets(context.data)
    const parts = { data: context.data, directory, secrets }
    const other = words.passwordStdin === true || words.keyring === true || words.passwordCommand !== undefined
    const secret =
      other || settings.options.auth !== account.options.auth ? await secretGiven(context, settings, words) : undefined
    const tried = words.check && (secret !== undefined || reachedOtherwise(account, settings))
    const before = account.options.handOn?.map(({ url }) => url) ?? []
    let further: ReadonlyMap<string, string>
    try {
      if (tried) {
        const first = secret?.first ?? (await secretOf(account, parts))
        await trying(context, settings, () => tryBehind(context.data, address, () => tryLogIn(settings, first)))
      }
      further = await handOnPasswords(context, settings, { before, check: words.check })
    } catch (error) {
      if (error instanceof MisuseError) throw error
      context.notes.failure(
        `postino: ${address}: ${describeAccountFailure(error)} (nothing was changed; --no-check changes without trying)`,
      )
      return exitCodeOf(error)
    }
    // First what is new: were this to end in the middle, what there was would still be there.
    const { password } = secret ?? {}
    const kept =
      secret === undefined
        ? undefined
        : password === undefined
          ? new Uint8Array()
          : await keepPassword(address, settings.options, password, secrets)
    for (const [name, one] of further) await directory.setNamedSecret(address, name, secrets.seal(address, one))
    await directory.setAccount(settings, kept)
    if (secret?.tokens !== undefined) {
      const { keepTokens } = await import('../accounts/oauth/token-source.ts')
      await keepTokens(parts, address, secret.tokens)
    }
    if (secret !== undefined && !(password !== undefined && settings.options.secretFrom === 'keyring'))
      await forgetPassword(account)
    await forgetHandOnPasswords(directory, account, settings)
    // What was learnt of another server, or with another password, says nothing of this one.
    if (secret !== undefined) await directory.keepState(address, { failures: undefined, next: undefined })
    if (reachedOtherwise(account, settings))
      await directory.keepState(address, {
        failures: undefined,
        next: undefined,
        oneByOne: undefined,
        withoutPlus: undefined,
        mailboxes: undefined,
      })
    const now = directory.account(address)
    if (now === undefined) return 1
    if (context.json) await context.output.json(shown(now))
    else {
      await context.output.line(`changed ${address}${tried ? ': the log-in works' : ''}`)
      const { fetchEvery } = await readConfiguration(context.data, process.env)
      for (const line of rowLines(settingRows(now, fetchEvery), context.output.columns)) await context.output.line(line)
    }
    return 0
  })
}

async function changed(context: Context, account: Account, said: AccountWords): Promise<AccountSettings> {
  const words = withoutUsual(said)
  const { address, protocol, server, port, tls, login } = account
  const options = accountOptions(said, account.options, Date.now())
  const leave = said.leave === undefined ? account.leave : parseLeave(words.leave ?? 'forever')
  const there = {
    address,
    protocol,
    server,
    port,
    tls,
    login: words.login ?? login,
    leave,
    options: withIssuer(options, server),
  }
  if (said.server === undefined && said.tls === undefined && said.protocol === undefined && said.login !== usual)
    return there
  // Named in part: the rest as for a server that is given, of the server there is.
  const wanted = words.protocol ?? protocol
  const known = wanted === protocol ? undefined : providerOfHost(server)?.[wanted === 'imap' ? 'imap' : 'pop3']?.host
  const found = await findSettings(
    address,
    { ...words, protocol: wanted, server: said.server === usual ? undefined : (words.server ?? known ?? server) },
    waysOf(context, options),
  )
  if (said.server === undefined && said.tls === undefined && said.protocol === undefined)
    return { ...there, login: found.login }
  return {
    ...there,
    protocol: found.protocol,
    server: found.server,
    port: found.port,
    tls: found.tls,
    login: said.login === usual ? found.login : there.login,
    options: withIssuer(options, found.server),
  }
}

/** The one who gives out tokens for that server, where nobody is named. */
function withIssuer(options: AccountOptions, server: string): AccountOptions {
  const issuer = options.issuer ?? providerOfHost(server)?.oauth?.issuer
  return options.auth !== 'oauth' || issuer === undefined ? options : { ...options, issuer }
}

/** Whether what has changed may make the log-in fail. */
function reachedOtherwise(before: AccountSettings, after: AccountSettings): boolean {
  const place = ({ protocol, server, port, tls, login, options }: AccountSettings): string => {
    const { auth, issuer, allow, proxy, pins, trust, clientCertificate } = options
    return JSON.stringify([
      protocol,
      server,
      port,
      tls,
      login,
      auth,
      issuer,
      allow,
      proxy,
      pins,
      trust,
      clientCertificate,
    ])
  }
  return place(before) !== place(after)
}
