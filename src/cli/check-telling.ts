import type { Account, Directory } from '../accounts/directory.ts'
import type { Hash } from '../ids.ts'
import type { Problem, Remedy } from '../store/check-problems.ts'
import { ledgerOf } from '../store/repair-ledger.ts'
import { hasOctets } from '../store/repair-twin.ts'
import { count } from './amounts.ts'
import { singleLine } from './printable.ts'

/** A fault of one user's mail, or (`search`) of the search index, as it is told. */
export interface Fault extends Omit<Problem, 'remedy'> {
  readonly remedy: Remedy | 'search'
}

/** Where octets may be had again that are damaged. */
export interface Origins {
  /** Users who have the same message. */
  readonly users: readonly string[]
  /** Accounts that it came from. */
  readonly accounts: readonly Account[]
}

/** Of one kind, no more faults than this are told one by one. */
const mostOfAKind = 100

/** A line for each fault: where it is, what it is, and what can be done. */
export function tellFaults(user: string, faults: readonly Fault[], origins: (hash: Hash) => Origins): string[] {
  const lines: string[] = []
  for (const some of Map.groupBy(faults, kindOf).values()) {
    for (const fault of some.slice(0, mostOfAKind)) lines.push(singleLine(lineOf(user, fault, origins)))
    const [first] = some
    const more = some.length - mostOfAKind
    if (first !== undefined && more > 0) lines.push(`${first.path}: and ${count(more)} more like the last one`)
  }
  return lines
}

function kindOf({ path, remedy, hash }: Fault): string {
  return `${remedy} ${hash === undefined} ${path}`
}

function lineOf(user: string, fault: Fault, origins: (hash: Hash) => Origins): string {
  const { path, offset, message, what } = fault
  const where = offset === undefined ? path : `${path}, octet ${count(offset)}`
  return `${where}${message === undefined ? '' : ` (message ${message})`}: ${what}; ${helpFor(user, fault, origins)}`
}

function helpFor(user: string, { remedy, hash }: Fault, origins: (hash: Hash) => Origins): string {
  const check = (words: string): string => `\`postino check ${words} --user ${user}\``
  switch (remedy) {
    case 'none':
      return 'nothing is needed, for no mail hangs on it'
    case 'rebuild':
      return `${check('--rebuild')} makes the index again`
    case 'journal':
      return `the index has it still: ${check('--repair')} writes it into the segments again`
    case 'search':
      return `${check('--repair')} removes the search index, and the next search makes it anew`
    case 'octets': {
      const { users, accounts } = hash === undefined ? { users: [], accounts: [] } : origins(hash)
      if (users.length > 0) return `${users.join(', ')} has the same message: ${check('--repair')} takes it from there`
      const backup = check('--repair --from BACKUP')
      if (accounts.length === 0) return `${backup} takes it from a backup`
      const names = accounts.map(({ address }) => address).join(', ')
      return `${check('--repair')} fetches it again from ${names}, if it is still there; ${backup} takes it from a backup`
    }
  }
}

/** Looks where damaged octets of a user's may be had again; nothing is asked of any server. */
export function originsOf(
  directory: Directory,
  user: string,
  folderOf: (user: string) => string,
): (hash: Hash) => Origins {
  const others = directory.users().flatMap(({ name }) => (name === user ? [] : [name]))
  const accounts = directory.accounts(user)
  let byHash: Map<Hash, Set<string>> | undefined
  return (hash) => {
    byHash ??= namesByHash(folderOf(user), user)
    const names = byHash.get(hash) ?? new Set()
    return {
      users: others.filter((name) => hasOctets(folderOf(name), name, hash)),
      accounts: accounts.filter(({ protocol, address }) => names.has(`${protocol}:${address}`)),
    }
  }
}

/** The names in the ledger of the accounts that gave octets. */
function namesByHash(folder: string, user: string): Map<Hash, Set<string>> {
  const found = new Map<Hash, Set<string>>()
  for (const { origin, content } of ledgerOf(folder, user)) {
    const names = found.get(content.hash)
    if (names === undefined) found.set(content.hash, new Set([origin.account]))
    else names.add(origin.account)
  }
  return found
}
