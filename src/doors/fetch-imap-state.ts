import type { StatusObject } from 'imapflow'
import type { MailboxState } from '../accounts/account-options.ts'
import type { ModSeq } from '../ids.ts'
import type { Looked, Wanted } from './fetch-imap-listing.ts'

/**
 * What earlier sessions left, as far as it can be believed: where the mail at home is older than they knew it, it was put back, and what
 * they had fetched may not be in it (law 4).
 */
export function believable(
  state: Readonly<Record<string, MailboxState>> | undefined,
  home: ModSeq,
): Readonly<Record<string, MailboxState>> {
  return Object.fromEntries(Object.entries(state ?? {}).filter(([, { home: then = 0 }]) => then <= home))
}

/** How far a mailbox has been read. Everything below `uidNext` is at home, whatever became of the session. */
export function stateOf(
  looked: Looked,
  session: {
    readonly status: StatusObject | undefined
    /** What is not at home of what was wanted. */
    readonly missing: readonly Wanted[]
    readonly flags: Readonly<Record<string, string>> | undefined
    readonly now: number
    readonly home: ModSeq
  },
): MailboxState {
  const { status, missing, flags, now, home } = session
  const { mailbox, uidNext, highestModseq, hasModseq, messages } = looked
  const lowest = missing.reduce((least, { uid }) => Math.min(least, uid), uidNext)
  return {
    uidValidity: mailbox.uidValidity,
    uidNext: lowest,
    messages: status?.messages ?? messages,
    looked: now,
    home,
    ...(mailbox.id !== undefined && { id: mailbox.id }),
    ...(hasModseq && highestModseq !== undefined && { highestModseq }),
    ...(status?.unseen !== undefined && { unseen: status.unseen }),
    ...(flags !== undefined && { flags }),
  }
}
