import { Maildrop } from '../pop3/maildrop.ts'
import type { MaildropEntry, UserMail } from '../store/store.ts'
import type { ModSeq } from '../ids.ts'

/** Who has a maildrop locked. */
export interface Holder {
  readonly from: string
  /** Milliseconds since 1970. */
  readonly since: number
}

/** So many users' maildrops are remembered. */
const enough = 256

/** The maildrops of a POP3 door: one session at a time for each (RFC 1939 §4), and remembered while nothing changes in them. */
export class Maildrops {
  readonly #holders = new Map<string, Holder>()
  readonly #known = new Map<
    string,
    { readonly modseq: ModSeq; readonly mail: UserMail; readonly maildrop: Maildrop<MaildropEntry> }
  >()

  /** Locks a user's maildrop; gives who has it, where that is somebody else. */
  lock(user: string, from: string): Holder | undefined {
    const holder = this.#holders.get(user)
    if (holder !== undefined) return holder
    this.#holders.set(user, { from, since: Date.now() })
    return undefined
  }

  unlock(user: string): void {
    this.#holders.delete(user)
  }

  /** The maildrop as it is now. */
  async look(mail: UserMail): Promise<Maildrop<MaildropEntry>> {
    const known = this.#known.get(mail.user)
    const now = await mail.read((view) =>
      known?.modseq === view.modseq && known.mail === mail
        ? known
        : { modseq: view.modseq, mail, maildrop: new Maildrop(view.maildrop()) },
    )
    // The one used last stands last.
    this.#known.delete(mail.user)
    this.#known.set(mail.user, now)
    for (const user of this.#known.keys()) {
      if (this.#known.size <= enough) break
      this.#known.delete(user)
    }
    return now.maildrop
  }
}
