import type { MailboxState } from '../accounts/account-options.ts'
import { PostinoError } from '../errors.ts'
import type { UserMail } from '../store/store.ts'
import { ImapSession } from './fetch-imap-session.ts'
import type { FetchOptions, FetchReport, Planned, Remote } from './fetching.ts'
import { ImapConnection } from './imap-connection.ts'

/** How to fetch by IMAP, beside what both doors are told. */
export interface ImapFetchOptions extends FetchOptions {
  /** Only these mailboxes, and not those: see `AccountOptions`. */
  readonly only?: readonly string[] | undefined
  readonly except?: readonly string[] | undefined
  /** What `mailboxes` of the last report was. */
  readonly state?: Readonly<Record<string, MailboxState>> | undefined
}

/** What came of a fetch by IMAP. */
export interface ImapFetchReport extends FetchReport {
  /** To be given to the next fetch: how far each mailbox has been read. */
  readonly mailboxes: Readonly<Record<string, MailboxState>>
  /** Mailboxes there that are not fetched. */
  readonly passedOver: readonly string[]
}

/**
 * Brings home what is new in a remote IMAP mailbox, mailboxes to mailboxes. Everything is durable before anything is deleted there.
 * Resolves also when the session failed: see `error`.
 */
export async function fetchImap(
  remote: Remote,
  mail: UserMail,
  options: ImapFetchOptions = {},
): Promise<ImapFetchReport> {
  const began = performance.now()
  const session = new ImapSession(remote, mail, options)
  let failure: PostinoError | undefined
  let plan: readonly Planned[] | undefined
  try {
    plan = await session.run()
  } catch (error) {
    if (!(error instanceof PostinoError)) throw error
    failure = error
  } finally {
    session.drop()
  }
  const { tally, passedOver } = session
  const seconds = (performance.now() - began) / 1000
  return {
    ...tally,
    seconds,
    error: failure,
    ...(plan !== undefined && { plan }),
    mailboxes: session.mailboxes(),
    passedOver,
  }
}

/** Logs in and out again, to see whether the settings are right. Rejects with PeerError or RefusedError. */
export async function tryImapLogIn(
  remote: Remote,
  options: Pick<FetchOptions, 'signal' | 'patience'> = {},
): Promise<void> {
  const connection = await ImapConnection.open(remote, options)
  await connection.leave()
}
