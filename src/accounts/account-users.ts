import type { AccountOptions } from './account-options.ts'

/** The users in whose mail there may be some of an account's. */
export function usersOf({ user, options: { split } }: { user: string; options: AccountOptions }): string[] {
  return [...new Set([user, ...(split === undefined ? [] : [...Object.values(split.users), split.otherwise])])]
}
