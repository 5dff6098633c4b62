import { RefusedError } from '../errors.ts'
import type { Maildrop } from '../pop3/maildrop.ts'
import type { Policy } from '../pop3/server-options.ts'
import { english } from '../pop3/texts-en.ts'
import type { Say } from '../pop3/texts.ts'
import type { Reason } from '../reasons.ts'
import type { Taker } from '../store/store.ts'

/** Who comes: the user, the device that the user named, and from where. */
export interface Visitor {
  readonly user: string
  readonly device: string | undefined
  readonly address: string
}

/** One maildrop, locked for one session (RFC 1939 §4). */
export interface OpenMaildrop {
  readonly maildrop: Maildrop
  readonly policy: Policy
  /** Gives the octets of a message; like `UserMail.lend`. */
  read(number: number, take: Taker): Promise<void> | undefined
  /** Removes these; resolves, once that is durable, with how many. Rejects where nothing was removed. */
  update(removed: readonly number[]): Promise<number>
  /** Lets go of the lock. Called once, however the session ended; never throws. */
  close(): void
}

/** Rejects with RefusedError (`in-use`, `login-delay`, `try-later` …), best a MaildropRefused; or with StoreError. */
export type OpenMaildropFor = (visitor: Visitor) => Promise<OpenMaildrop>

/** The maildrop cannot be had now, said in the client's language. */
export class MaildropRefused extends RefusedError {
  readonly say: Say

  constructor(reason: Reason, say: Say) {
    super(reason, '', say(english))
    this.say = say
  }
}
