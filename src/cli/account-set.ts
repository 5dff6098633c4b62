import { forgetPassword, keepPassword, secretOf } from '../accounts/account-secret.ts'
import type { Account, AccountSettings } from '../accounts/directory.ts'
import { parseLeave } from '../accounts/leave.ts'
import { Secrets } from '../accounts/secrets.ts'
import { settingsText, shown, tryLogIn } from './account.ts'
import { secretGiven } from './account-add.ts'
import { handOnPasswords } from './account-hand-on.ts'
import { type AccountWords, accountOptions } from './account-words.ts'
import type { Context } from './context.ts'
import { describeAccountFailure, type ExitCode, exitCodeOf } from './failure.ts'
import { chooseAccounts } from './fetch.ts'
import { findSettings } from './find-settings.ts'
import { withDirectory } from './open.ts'

/** `postino account set ADDRESS`: changes what is named, after trying the log-in where that may have changed. */
export function setAccount(context: Context, given: string, words: AccountWords): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const [account] = chooseAccounts(directory, [given])
    if (account === undefined) return 1
    const { address } = account
    const settings = await changed(account, words)
    const secrets = new Secrets(context.data)
    const parts = { data: context.data, directory, secrets }
    const other = words.passwordStdin === true || words.keyring === true || words.passwordCommand !== undefined
    const secret =
      other || settings.options.auth !== account.options.auth ? await secretGiven(context, settings, words) : undefined
    if (words.check && (secret !== undefined || reachedOtherwise(account, settings))) {
      try {
        await tryLogIn(settings, secret?.first ?? (await secretOf(account, parts)))
      } catch (error) {
        context.notes.failure(
          `postino: ${address}: ${describeAccountFailure(error)} (nothing was changed; --no-check changes without trying)`,
        )
        return exitCodeOf(error)
      }
    }
    const before = account.options.handOn?.map(({ url }) => url) ?? []
    const further = await handOnPasswords(context, settings, { before, check: words.check })
    if (secret !== undefined) {
      await forgetPassword(account)
      const kept =
        secret.password === undefined
          ? new Uint8Array()
          : await keepPassword(address, settings.options, secret.password, secrets)
      await directory.setSecret(address, kept)
      if (secret.tokens !== undefined) {
        const { keepTokens } = await import('../accounts/oauth/token-source.ts')
        await keepTokens(parts, address, secret.tokens)
      }
    }
    for (const [name, password] of further)
      await directory.setNamedSecret(address, name, secrets.seal(address, password))
    await directory.setAccount(settings)
    // What was learnt of another server says nothing of this one.
    if (reachedOtherwise(account, settings))
      await directory.keepState(address, {
        failures: undefined,
        next: undefined,
        oneByOne: undefined,
        withoutPlus: undefined,
      })
    const now = directory.account(address)
    if (now === undefined) return 1
    if (context.json) await context.output.json(shown(now))
    else await context.output.line(`${address}  ${settingsText(now)}`)
    return 0
  })
}

async function changed(account: Account, words: AccountWords): Promise<AccountSettings> {
  const { address, login, leave } = account
  const { server, tls, protocol } = words
  const options = accountOptions(words, account.options, Date.now())
  const kept = {
    address,
    login: words.login ?? login,
    leave: words.leave === undefined ? leave : parseLeave(words.leave),
    options,
  }
  if (server === undefined && tls === undefined && protocol === undefined)
    return { ...kept, protocol: account.protocol, server: account.server, port: account.port, tls: account.tls }
  // Named in part: the rest as for a server that is given, of the server there is.
  const found = await findSettings(address, {
    ...words,
    server: server ?? account.server,
    protocol: protocol ?? account.protocol,
  })
  return { ...kept, protocol: found.protocol, server: found.server, port: found.port, tls: found.tls }
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
