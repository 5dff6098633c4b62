import { forgetPassword } from '../accounts/account-secret.ts'
import { usersOf } from '../accounts/account-users.ts'
import type { Directory } from '../accounts/directory.ts'
import { userNameFault } from '../accounts/names.ts'
import { passwordFault } from '../accounts/passwords.ts'
import { Secrets } from '../accounts/secrets.ts'
import { storedCredential, type StoredCredential } from '../accounts/stored-credential.ts'
import { MisuseError } from '../errors.ts'
import { plural } from './amounts.ts'
import { confirm, readPassword } from './ask.ts'
import { existing } from './choose-user.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { accountLockFile, holding } from './locks.ts'
import { withDirectory, withStore } from './open.ts'

interface PasswordOptions {
  readonly passwordStdin?: boolean
  /** Whether APOP is to be possible; undefined: as it was. */
  readonly apop?: boolean
}

/** `postino user add NAME` */
export function addUser(context: Context, name: string, options: PasswordOptions): Promise<ExitCode> {
  const fault = userNameFault(name)
  if (fault !== undefined)
    throw new MisuseError('usage', `${JSON.stringify(name)} cannot be the name of a user: ${fault}`)
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    if (directory.user(name) !== undefined) return taken(context, name)
    const credential = await newCredential(context, name, options)
    if (!(await directory.addUser(name, credential))) return taken(context, name)
    if (context.json) await context.output.json({ user: name })
    else await context.output.line(`added the user ${name}`)
    return 0
  })
}

/** `postino user password NAME` */
export function setPassword(context: Context, name: string, options: PasswordOptions): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    existing(directory, name)
    const apop = options.apop ?? directory.find(name)?.apop !== undefined
    const credential = await newCredential(context, name, { ...options, apop })
    if (!(await directory.setCredential(name, credential))) existing(directory, name)
    if (context.json) await context.output.json({ user: name, apop })
    else await context.output.line(`changed the password of ${name}${apop ? ', which can be recovered, for APOP' : ''}`)
    return 0
  })
}

/** `postino user list` */
export function listUsers(context: Context): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const users = directory.users()
    if (users.length === 0) context.notes.note('there is no user yet: `postino user add NAME` adds one')
    for (const { name, hasPassword, created } of users) {
      const accounts = directory.accounts(name).map(({ address }) => address)
      if (context.json)
        await context.output.json({ name, password: hasPassword, created: new Date(created).toISOString(), accounts })
      else
        await context.output.line(
          [name, hasPassword ? '' : '(no password)', ...accounts].filter((word) => word !== '').join('  '),
        )
    }
    return 0
  })
}

/** `postino user remove NAME`: the user, the accounts, and the mail. */
export function removeUser(context: Context, name: string, options: { readonly yes?: boolean }): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    existing(directory, name)
    // First: there is nothing to ask where the answer cannot be done.
    await withStore(context, (store) => store.mustNotBeHeld(name))
    const accounts = directory.accounts(name)
    const mail = `${name} with ${plural(accounts.length, 'account')} and all the mail kept here`
    if (options.yes !== true && !(await confirm(context, `Remove ${mail}, for good?`))) {
      context.notes.failure('postino: nothing was removed')
      return 1
    }
    // An account of somebody else may bring mail for this user, too.
    const fetched = directory.accounts().filter((account) => usersOf(account).includes(name))
    const addresses = fetched.map(({ address }) => address)
    return await withoutFetching(context, addresses, async () => {
      const code = await removeForGood(context, directory, name)
      for (const account of accounts) await forgetPassword(account)
      return code
    })
  })
}

async function removeForGood(context: Context, directory: Directory, name: string): Promise<ExitCode> {
  await directory.removeUser(name) // first, so that nobody logs in to half a mailbox
  await withStore(context, (store) => store.remove(name))
  if (context.json) await context.output.json({ user: name })
  else await context.output.line(`removed the user ${name}`)
  return 0
}

/** Runs `work` while no process fetches from these accounts. */
async function withoutFetching<T>(context: Context, addresses: readonly string[], work: () => Promise<T>): Promise<T> {
  const [first, ...rest] = addresses
  if (first === undefined) return await work()
  return await holding(
    accountLockFile(context.data, first),
    `${first} is being fetched by another postino process`,
    () => withoutFetching(context, rest, work),
  )
}

async function newCredential(context: Context, name: string, options: PasswordOptions): Promise<StoredCredential> {
  const fromStdin = options.passwordStdin ?? false
  const password = await readPassword(context, { fromStdin, what: `new password of ${name}`, twice: true })
  const fault = passwordFault(password)
  if (fault !== undefined) throw new MisuseError('usage', `that password cannot be taken: ${fault}`)
  return await storedCredential(
    password,
    options.apop === true ? { user: name, secrets: new Secrets(context.data) } : undefined,
  )
}

function taken(context: Context, name: string): ExitCode {
  context.notes.failure(
    `postino: there is a user ${name} already; \`postino user password ${name}\` changes the password`,
  )
  return 1
}
