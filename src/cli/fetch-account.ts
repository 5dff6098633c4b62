import type { Account, AccountSettings, Directory } from '../accounts/directory.ts'
import type { Secrets } from '../accounts/secrets.ts'
import { fetchPop3 } from '../doors/fetch-pop3.ts'
import type { FetchOptions, FetchReport, Remote } from '../doors/fetching.ts'
import { StoreError } from '../errors.ts'
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
  const note = async (fault: string | undefined): Promise<void> => {
    // One that was stopped on purpose says nothing about the account.
    if (options.signal?.aborted !== true) await parts.directory.noteFetch(account.address, fault)
  }
  const work = async (): Promise<FetchReport> => {
    try {
      // While this one waited, the account, or its user and all the mail, may have been removed.
      if (parts.directory.account(account.address)?.serial !== account.serial)
        throw new StoreError('missing', 'the account was removed meanwhile')
      const remote = remoteOf(account, parts.secrets.unseal(account.address, secretOf(parts.directory, account)))
      const report = await fetchPop3(remote, await parts.open(account.user), options)
      const single = report.failed > 0 ? report.problems[0] : undefined
      await note(report.error === undefined ? single : describeAccountFailure(report.error))
      return report
    } catch (error) {
      // The fault that ended the fetch is the one to tell, whatever becomes of the note.
      await note(describeAccountFailure(error)).catch(() => undefined)
      throw error
    }
  }
  return await holding(lock, 'it is being fetched by another postino process; try again later', work, waiting)
}

/** The fetch door's words for an account. */
export function remoteOf(settings: AccountSettings, password: string): Remote {
  const { address, server, port, tls, login, leave } = settings
  return { account: `pop3:${address}`, host: server, port, tls, login, password, leave }
}

/** The encrypted password; empty where the account went away meanwhile. */
export function secretOf(directory: Directory, account: Account): Uint8Array {
  return directory.secret(account.address) ?? new Uint8Array()
}
