import { StoreError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { LedgerEntry, UserMail } from '../store/store.ts'
import type { Unchanged } from './fetch-pop3-listing.ts'
import { type FetchOptions, placeOf, type Remote } from './fetching.ts'

/** Whoever changes what a fetch does with a listing raises this: what was remembered before is not believed then. */
const rules = 1

/** Of a smaller maildrop nothing is remembered: to be told its sizes costs less than to write anything down. */
const fewestMessages = 500

/** A longer listing is not remembered: while it is compared, it is held in memory (octets). */
const longestRemembered = 64 << 20

/** What is written beside the numbers, as `Origin.head`. */
interface Written {
  readonly policy: string
  readonly length: number
  readonly digest: string
  /** Rows in the ledger of the account. */
  readonly rows: number
  readonly waiting: number
  readonly until?: number
}

/** The name in the ledger of the one row that says which listing of an account held nothing new. */
export function listingOf(account: string): string {
  return `listing:${account}`
}

/**
 * The listing of which everything is home, where one is remembered and all that it depends on is as it was: what is fetched and what stays, the
 * ledger, and that nothing is to be tried again.
 */
export async function unchangedSince(
  remote: Remote,
  mail: UserMail,
  options: FetchOptions,
): Promise<Unchanged | undefined> {
  if (!maySkip(options)) return undefined
  const { account } = remote
  return await mail.read((view) => {
    const row = view.origin(listingOf(account), '', '' as Hash, 0)
    const written = row && read(view.head(row))
    if (row?.listed === undefined || written === undefined) return undefined
    const { length, digest, waiting, until, rows, policy } = written
    const now = (options.now ?? Date.now)()
    if (policy !== policyOf(remote, options) || (until !== undefined && now >= until)) return undefined
    if (view.ledgerSize(account) !== rows || view.troubles(account).length > 0) return undefined
    return { print: { messages: row.size, octets: row.listed, length, digest }, waiting, until }
  })
}

/**
 * Remembers it in the ledger, not beside it: mail that was put back from a backup, or made again from its segments, then knows of no listing
 * that it does not hold. Where it cannot be written the next fetch looks closely, as any did before.
 */
export async function rememberUnchanged(
  unchanged: Unchanged,
  session: { readonly remote: Remote; readonly mail: UserMail; readonly options: FetchOptions },
): Promise<void> {
  const { remote, mail, options } = session
  const { print, waiting, until } = unchanged
  const { messages, octets, length, digest } = print
  if (!maySkip(options) || messages < (options.fewest ?? fewestMessages) || length > longestRemembered) return
  const account = listingOf(remote.account)
  const known = await mail.read((view) => ({
    row: view.origin(account, '', '' as Hash, 0),
    rows: view.ledgerSize(remote.account),
  }))
  const policy = policyOf(remote, options)
  const written: Written = {
    policy,
    length,
    digest,
    rows: known.rows,
    waiting,
    ...(until !== undefined && { until }),
  }
  const origin = { account, uniqueId: '', nth: 0, listed: octets, head: JSON.stringify(written) }
  if (await isWritten(mail, known.row, origin)) return
  try {
    await mail.change((draft) => draft.know(origin, { hash: '' as Hash, size: messages }))
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
  }
}

/** Who asks for single messages, or what would be done, is to be told; and of some providers no listing shows all. */
function maySkip({ choice, dryRun, partial }: FetchOptions): boolean {
  return choice?.only === undefined && dryRun !== true && partial !== true
}

/** All that decides what is done with a listing beside the ledger. */
function policyOf(remote: Remote, { choice, room }: FetchOptions): string {
  const { largest = null, beyond = null } = choice ?? {}
  return JSON.stringify([rules, remote.leave, room ?? null, largest, beyond, placeOf(remote)])
}

async function isWritten(
  mail: UserMail,
  row: LedgerEntry | undefined,
  { listed, head }: { readonly listed: number; readonly head: string },
): Promise<boolean> {
  return row?.listed === listed && (await mail.read((view) => view.head(row))) === head
}

/** Undefined for what a later Postino may have written. */
function read(head: string | undefined): Written | undefined {
  try {
    return JSON.parse(head ?? 'null') as Written | undefined
  } catch {
    return undefined
  }
}
