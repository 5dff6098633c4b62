import type { Account } from '../accounts/directory.ts'
import { accountNames } from '../migrate/account-name.ts'
import type { Found } from '../migrate/found.ts'

/** Where an account of another program has its place here. */
export interface Place {
  readonly address: string
  /** The account that is here already. */
  readonly account: Account | undefined
  /** Whether that is the same mailbox, so that its unique-ids are the same. */
  readonly same: boolean
  /** Whether another account of the same run was found to be the same mailbox before. */
  readonly again: boolean
}

/** Gives the accounts of one run their places: the same whenever it is run again. */
export class Places {
  /** By mailbox, the addresses that this run has given. */
  readonly #given = new Map<string, string>()
  readonly #taken = new Set<string>()

  /** `accounts`: those that are here now. */
  of(found: Found, accounts: readonly Account[]): Place {
    const mailbox = mailboxOf(found.settings)
    const before = this.#given.get(mailbox)
    const named = (address: string): Account | undefined => accounts.find((account) => account.address === address)
    if (before !== undefined) return { address: before, account: named(before), same: true, again: true }
    const same = accounts.find((account) => !this.#taken.has(account.address) && mailboxOf(account) === mailbox)
    const place = same === undefined ? this.#byName(found, named) : { address: same.address, account: same, same: true }
    this.#given.set(mailbox, place.address)
    this.#taken.add(place.address)
    return { ...place, again: false }
  }

  #byName(found: Found, named: (address: string) => Account | undefined): Omit<Place, 'again'> {
    for (const address of accountNames(found)) {
      const account = named(address)
      // By the other protocol it is another account.
      if (this.#taken.has(address) || (account !== undefined && account.protocol !== found.settings.protocol)) continue
      const same = account === undefined || account.server.toLowerCase() === found.settings.server.toLowerCase()
      return { address, account, same }
    }
    throw new RangeError('the names have ended') // they do not
  }
}

function mailboxOf({ protocol, server, login }: Pick<Account, 'protocol' | 'server' | 'login'>): string {
  return JSON.stringify([protocol, server.toLowerCase(), login])
}
