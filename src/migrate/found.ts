import type { SplitOptions } from '../accounts/account-options.ts'
import type { AccountSettings } from '../accounts/directory.ts'

/** The programs whose accounts are taken over. */
export const programs = ['fetchmail', 'getmail', 'mpop', 'thunderbird'] as const
/** One of them. */
export type Program = (typeof programs)[number]

/** Something a person must know of a line in the files of the old program; it never says a secret. */
export interface Remark {
  readonly file: string
  /** From 1; 0: the file as a whole. */
  readonly line: number
  readonly text: string
}

/** A message that the old program has fetched. */
export interface Had {
  readonly uniqueId: string
  /** What the server may call it instead, where the program's own spelling does not tell. */
  readonly or?: string
  /** When, milliseconds since 1970; undefined where the program does not tell. */
  readonly when: number | undefined
}

/** An account as the old program has it. */
export interface Found {
  readonly program: Program
  /** Where it stands. */
  readonly file: string
  readonly line: number
  readonly settings: Omit<AccountSettings, 'address'>
  /** The address of the mailbox, where the program says it beside the login. */
  readonly address: string | undefined
  readonly password: string | undefined
  /** The local name to which its mail went. */
  readonly owner: string | undefined
  /** Who gets what, by local names; `otherwise` is missing where the old program had none. */
  readonly split: (Omit<SplitOptions, 'otherwise'> & { readonly otherwise: string | undefined }) | undefined
  readonly had: readonly Had[]
  /** What was not taken over, and what to do about it. */
  readonly remarks: readonly Remark[]
}

/** What was found in the files of a program. */
export interface Findings {
  readonly accounts: readonly Found[]
  /** What could not be read, and kept an account from being found. */
  readonly faults: readonly Remark[]
  /** What concerns no account. */
  readonly remarks: readonly Remark[]
}

/** What is around the files that are read. */
export interface Surroundings {
  /** The home of the person whose files they are. */
  readonly home: string
  /** The login name of that person, which some programs take where no other is said. */
  readonly person: string
  /** More lists of what was fetched, by their paths. */
  readonly lists: readonly string[]
}
