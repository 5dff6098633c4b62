import type { SplitOptions } from '../accounts/account-options.ts'
import type { Account, Directory } from '../accounts/directory.ts'
import type { Split } from '../doors/fetching.ts'
import { recipientsOf } from '../message/split.ts'

/** Who gets what of an account among the users there are: nobody's mail goes to somebody who was removed. */
export function splitAmong(
  split: SplitOptions,
  { address, user: owner }: Pick<Account, 'address' | 'user'>,
  directory: Pick<Directory, 'users'>,
): Omit<Split, 'open'> & { readonly problems: readonly string[] } {
  const there = new Set(directory.users().map(({ name }) => name))
  const named = [...new Set([...Object.values(split.users), split.otherwise])]
  const rest = there.has(split.otherwise) ? split.otherwise : owner
  const heir = (user: string): string => (there.has(user) ? user : rest)
  return {
    users: [...new Set(named.map(heir))],
    recipients: (header) => [...new Set(recipientsOf(header, split).map(heir))],
    problems: named
      .filter((user) => !there.has(user))
      .map(
        (user) =>
          `there is no user ${user} any more: mail for them goes to ${rest}; \`postino account set ${address} --split …\` changes that`,
      ),
  }
}
