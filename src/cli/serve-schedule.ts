import type { Account, Directory } from '../accounts/directory.ts'
import { Schedule } from '../accounts/schedule.ts'
import type { Secrets } from '../accounts/secrets.ts'
import { StoreError } from '../errors.ts'
import type { UserMail } from '../store/store.ts'
import { count, octetsText } from './amounts.ts'
import { describeAccountFailure, describeFailure } from './failure.ts'
import { fetchAccount } from './fetch-account.ts'
import type { Counters } from './serve-counters.ts'
import type { LogLines } from './serve-log.ts'
import type { Mails } from './serve-mails.ts'

/** What fetching on schedule needs. */
export interface FetchScheduleOptions {
  /** Milliseconds; 0: never. */
  every(): number
  readonly parallel: number
  readonly directory: Directory
  readonly secrets: Secrets
  readonly data: string
  readonly mails: Mails
  readonly log: LogLines
  readonly counters: Counters
  /** New mail has come for this user. */
  fetched(user: string): void
}

/** The schedule that fetches from all accounts while `serve` runs. */
export function scheduleOf(options: FetchScheduleOptions): Schedule {
  const { directory, parallel } = options
  let accounts: Account[] = []
  let changes = -1
  return new Schedule({
    accounts: () => {
      try {
        const now = directory.changes()
        if (now !== changes) accounts = directory.accounts()
        changes = now
      } catch (error) {
        // Asked again in a second.
        if (changes !== -2) options.log.note(describeFailure(error))
        changes = -2
      }
      return accounts
    },
    every: () => options.every(),
    parallel,
    run: async (address, signal) => {
      const account = accounts.find((one) => one.address === address)
      return account === undefined || (await run(options, account, signal))
    },
  })
}

async function run(options: FetchScheduleOptions, account: Account, signal: AbortSignal): Promise<boolean> {
  const { data, directory, secrets, mails, log, counters } = options
  const { address, user } = account
  const borrowed: UserMail[] = []
  try {
    const open = async (name: string): ReturnType<Mails['borrow']> => {
      const mail = await mails.borrow(name)
      borrowed.push(mail)
      return mail
    }
    const report = await fetchAccount({ data, directory, secrets, open }, account, { signal, backOff: true })
    const { error, problems, ...counts } = report
    if (counts.new > 0) options.fetched(user)
    const fault = error === undefined ? undefined : describeAccountFailure(error)
    if (signal.aborted) return true
    counters.add('postino_fetches_total', { result: fault === undefined ? 'ok' : 'failed' })
    counters.add('postino_fetched_messages_total', {}, counts.new)
    counters.add('postino_fetched_octets_total', {}, counts.octets)
    if (counts.new > 0 || counts.deleted > 0 || problems.length > 0 || fault !== undefined) {
      const entry = { account: address, ...counts, problems, error: fault }
      const faults = [...problems, ...(fault === undefined ? [] : [fault])].map((text) => `; ${text}`).join('')
      log.line(
        'fetch',
        entry,
        () => `fetch ${address}: ${count(counts.new)} new (${octetsText(counts.octets)})${faults}`,
      )
    }
    return error === undefined
  } catch (error) {
    // Another process is at it: then this account is fetched all the same.
    if (signal.aborted || (error instanceof StoreError && error.code === 'busy')) return true
    counters.add('postino_fetches_total', { result: 'failed' })
    const fault = describeAccountFailure(error)
    log.line('fetch', { account: address, error: fault }, () => `fetch ${address}: ${fault}`)
    return false
  } finally {
    for (const mail of borrowed) mails.giveBack(mail)
  }
}
