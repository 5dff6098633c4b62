import { userInfo } from 'node:os'
import type { Directory } from '../accounts/directory.ts'
import { userNameFrom } from '../accounts/names.ts'
import { MisuseError } from '../errors.ts'
import type { Context } from './context.ts'

/** The user a command is for: the one named, else the only one, else one made after the login name of this person. */
export async function chooseUser(context: Context, directory: Directory, given: string | undefined): Promise<string> {
  const name = userMeant(directory, given)
  await makeUser(context, directory, name)
  return name
}

/** The same, of which nobody is made yet. */
export function userMeant(directory: Directory, given: string | undefined): string {
  if (given !== undefined) return existing(directory, given)
  const [only, ...others] = directory.users()
  if (others.length > 0) throw new MisuseError('usage', `say for whom with --user NAME; ${known(directory)}`)
  return only?.name ?? userNameFrom(loginName())
}

/** Makes the user that is meant, where there is none of that name, and says so. */
export async function makeUser(context: Context, directory: Directory, name: string): Promise<void> {
  if (directory.user(name) !== undefined || !(await directory.addUser(name, undefined))) return
  context.notes.note(`made the user ${name}, without a password so far: \`postino user password ${name}\` sets one`)
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
