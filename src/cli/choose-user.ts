import { userInfo } from 'node:os'
import type { Directory } from '../accounts/directory.ts'
import { userNameFrom } from '../accounts/names.ts'
import { MisuseError } from '../errors.ts'
import type { Context } from './context.ts'

/** The user a command is for: the one named, else the only one, else one made after the login name of this person. */
export async function chooseUser(context: Context, directory: Directory, given: string | undefined): Promise<string> {
  if (given !== undefined) return existing(directory, given)
  const [only, ...others] = directory.users()
  if (others.length > 0) throw new MisuseError('usage', `say for whom with --user NAME; ${known(directory)}`)
  if (only !== undefined) return only.name
  const name = userNameFrom(loginName())
  await directory.addUser(name, undefined)
  context.notes.note(`made the user ${name}, without a password so far: \`postino user password ${name}\` sets one`)
  return name
}

/** The users a command is for: the one named, else all there are. */
export function chooseUsers(directory: Directory, given: string | undefined): string[] {
  return given === undefined ? directory.users().map(({ name }) => name) : [existing(directory, given)]
}

/** The name, if there is a user of that name. */
export function existing(directory: Directory, name: string): string {
  const user = directory.user(name)
  if (user !== undefined) return user.name
  throw new MisuseError('usage', `there is no user ${JSON.stringify(name)}; ${known(directory)}`)
}

function known(directory: Directory): string {
  const names = directory.users().map(({ name }) => name)
  return names.length === 0 ? 'make one with `postino user add NAME`' : `there are: ${names.join(', ')}`
}

/** What the system calls this person; empty where it does not say. */
export function loginName(): string {
  try {
    return userInfo().username
  } catch {
    return process.env['USER'] ?? '' // a process may run under a number that has no name
  }
}
