import type { Account, Directory } from '../accounts/directory.ts'
import type { Secrets } from '../accounts/secrets.ts'
import { type FetchOptions, fetchPop3, type FetchReport, type Remote } from '../doors/fetch-pop3.ts'
import type { UserMail } from '../store/store.ts'
import { describeAccountFailure } from './failure.ts'
import { accountLockFile, holding } from './locks.ts'

/** What fetching from an account needs. */
export interface Fetching {
  readonly data: string
  readonly directory: Directory
  readonly secrets: Secrets
  open(user: string): Promise<UserMail>
}

/** Fetches from one account, under its lock, and writes down how that ended. The report tells what ended it early. */
export async function fetchAccount(parts: Fetching, account: Account, options: FetchOptions): Promise<FetchReport> {
  const lock = accountLockFile(parts.data, account.address)
  const waiting = options.signal === undefined ? {} : { signal: options.signal }
  const work = async (): Promise<FetchReport> => {
    try {
      const remote = remoteOf(account, parts.secrets.unseal(account.address, secretOf(parts.directory, account)))
      const report = await fetchPop3(remote, await parts.open(account.user), options)
      const fault = report.error === undefined ? report.problems[0] : describeAccountFailure(report.error)
      await parts.directory.noteFetch(account.address, fault)
      return report
    } catch (error) {
      // The fault that ended the fetch is the one to tell, whatever becomes of the note.
      await parts.directory.noteFetch(account.address, describeAccountFailure(error)).catch(() => undefined)
      throw error
    }
  }
  return await holding(lock, 'it is being fetched by another postino process; try again later', work, waiting)
}

/** The fetch door's words for an account. */
export function remoteOf(
  account: Omit<Account, 'user' | 'serial' | 'created' | 'lastSuccess' | 'lastTry' | 'lastError'>,
  password: string,
): Remote {
  const { address, server, port, tls, login, leave } = account
  return { account: `pop3:${address}`, host: server, port, tls, login, password, leave }
}

/** The encrypted password; empty where the account went away meanwhile. */
export function secretOf(directory: Directory, account: Account): Uint8Array {
  return directory.secret(account.address) ?? new Uint8Array()
}
