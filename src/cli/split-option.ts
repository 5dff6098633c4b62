import type { SplitOptions } from '../accounts/account-options.ts'
import type { Directory } from '../accounts/directory.ts'
import { canonicalAddress, userNameFault } from '../accounts/names.ts'
import { MisuseError } from '../errors.ts'
import { existing } from './choose-user.ts'

/** What the command line says of a mailbox that holds mail for several people. */
export interface SplitWords {
  /** `ADDRESS=USER`, `@DOMAIN=USER` */
  readonly split?: readonly string[]
  readonly splitOtherwise?: string
  readonly splitField?: readonly string[]
  readonly splitPrefix?: string
}

/** The options that `--split`, `--split-otherwise`, `--split-field` and `--split-prefix` ask for; undefined where none is given. */
export function splitOptions(words: SplitWords): SplitOptions | undefined {
  const { split = [], splitOtherwise: otherwise, splitField: fields, splitPrefix: prefix } = words
  if (split.length === 0) {
    const alone =
      otherwise === undefined ? (fields === undefined ? (prefix === undefined ? '' : 'prefix') : 'field') : 'otherwise'
    if (alone === '') return undefined
    throw new MisuseError(
      'usage',
      `--split-${alone} needs --split ADDRESS=USER beside it, such as --split info@example.it=anna`,
    )
  }
  if (otherwise === undefined)
    throw new MisuseError('usage', '--split needs --split-otherwise USER: who gets what is for nobody named')
  const users = new Map<string, string>()
  for (const one of split) {
    const { address, user } = partOf(one)
    const before = users.get(address)
    if (before !== undefined && before !== user)
      throw new MisuseError('usage', `--split ${one}: ${address} is ${before}'s already; an address has one user`)
    users.set(address, user)
  }
  for (const field of fields ?? []) checkField(field)
  return {
    users: Object.fromEntries(users),
    otherwise: checkUser(otherwise, '--split-otherwise'),
    ...(fields !== undefined && { fields }),
    ...(prefix !== undefined && { prefix }),
  }
}

/** Throws MisuseError where mail would go to somebody who is not there. */
export function checkSplitUsers(directory: Directory, split: SplitOptions | undefined): void {
  if (split !== undefined)
    for (const user of [...Object.values(split.users), split.otherwise]) existing(directory, user)
}

function partOf(text: string): { address: string; user: string } {
  // The local part of an address may have "=" in it, a name of a user may not.
  const equals = text.lastIndexOf('=')
  const address = canonicalAddress(text.slice(0, Math.max(0, equals)))
  if (!/^[^\s@]*@[^\s@]+$/.test(address))
    throw new MisuseError('usage', `--split ${text}: give ADDRESS=USER or @DOMAIN=USER, such as info@example.it=anna`)
  return { address, user: checkUser(text.slice(equals + 1), `--split ${text}`) }
}

function checkUser(name: string, option: string): string {
  const fault = userNameFault(name)
  if (fault === undefined) return name
  throw new MisuseError('usage', `${option}: ${JSON.stringify(name)} cannot be the name of a user: ${fault}`)
}

function checkField(name: string): void {
  // RFC 5322 §2.2: printable ASCII but the colon.
  if (/^[!-9;-~]{1,100}$/.test(name)) return
  throw new MisuseError(
    'usage',
    `--split-field ${name}: that cannot be the name of a header field; give one such as X-Original-To`,
  )
}
