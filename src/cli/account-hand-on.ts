import type { AccountSettings, Directory } from '../accounts/directory.ts'
import { handOnSecretName, needsSecret, parseHandOnTarget } from '../accounts/hand-on-target.ts'
import { MisuseError } from '../errors.ts'
import { readPassword } from './ask.ts'
import type { Context } from './context.ts'

/** The environment variable that gives the passwords of places that mail goes on to, where there is no terminal; one a line. */
const variable = 'POSTINO_HAND_ON_PASSWORDS'

/**
 * The passwords of the places that mail of an account goes on to, by the names under which they are kept: asked on the terminal, or
 * taken from the environment, in the order of the places. `before`: those that are known. `check`: each new place is tried; rejects
 * with PostinoError where it cannot be reached, or lets nobody in.
 */
export async function handOnPasswords(
  context: Context,
  { address, options }: AccountSettings,
  { before = [], check = false }: { readonly before?: readonly string[]; readonly check?: boolean | undefined },
): Promise<Map<string, string>> {
  const places = (options.handOn ?? [])
    .filter(({ url }) => !before.includes(url))
    .map(({ url }) => ({ url, target: parseHandOnTarget(url) }))
  const wanted = places.filter(({ target }) => needsSecret(target))
  const given = process.env[variable]?.split('\n') ?? []
  const found = new Map<string, string>()
  for (const { url, target } of wanted) {
    const next = given.shift()
    if (next === undefined && !process.stdin.isTTY)
      throw new MisuseError(
        'usage',
        `there is no terminal to ask for the password of ${url}: give it in ${variable}, one a line`,
      )
    const password =
      next ?? (await readPassword(context, { fromStdin: false, what: `password of ${url}`, twice: false }))
    found.set(handOnSecretName(target), password)
  }
  if (check) {
    const { tryTarget } = await import('../doors/hand-on-open.ts')
    for (const { target } of places) {
      const password = found.get(handOnSecretName(target))
      await tryTarget({ target, address, ...(password !== undefined && { secret: { password } }) })
    }
  }
  return found
}

/** Forgets the passwords of places that mail of an account goes on to no more. */
export async function forgetHandOnPasswords(
  directory: Directory,
  before: AccountSettings,
  after: AccountSettings,
): Promise<void> {
  const names = ({ options }: AccountSettings): string[] =>
    (options.handOn ?? []).map(({ url }) => handOnSecretName(parseHandOnTarget(url)))
  const left = new Set(names(after))
  for (const name of names(before)) if (!left.has(name)) await directory.setNamedSecret(before.address, name, undefined)
}
