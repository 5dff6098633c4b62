import type { UserSettings } from '../accounts/settings.ts'
import { RefusedError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import type { Say } from '../pop3/texts.ts'
import { deviceNameFault } from '../store/device-name.ts'
import { type Lease, type Leases, type NoLease, renewEvery } from '../store/leases.ts'
import type { UserMail } from '../store/store.ts'
import { MaildropRefused, type OpenMaildrop, type Visitor } from './open-maildrop.ts'
import { removeMessages } from './serve-pop3-maildrops-removal.ts'
import { Snapshots } from './serve-pop3-maildrops-snapshots.ts'

/** Whose mail it is, opened as long as somebody has borrowed it. */
export interface Lender {
  /** Each borrowing is to be followed by one `giveBack`. */
  borrow(user: string): Promise<UserMail>
  giveBack(mail: UserMail): void
}

export interface MaildropsOptions {
  readonly mails: Lender
  readonly settings: (user: string) => UserSettings
  readonly leases: Leases
  /** With so many sessions of a user, no more devices of the user's are let in; 20 unless said. */
  readonly sessionsPerUser?: number | undefined
  readonly now?: () => number
}

const day = 86_400_000
/** What has expired goes once an hour, so that a maildrop can be remembered that long. */
const hour = 3_600_000

/** The maildrops of the users' mail, for a POP3 door: one session at a time for each (RFC 1939 §4), and one for each device. */
export class Maildrops {
  readonly #options: MaildropsOptions
  readonly #now: () => number
  readonly #snapshots = new Snapshots()
  readonly #renewal: ReturnType<typeof setInterval>

  constructor(options: MaildropsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#renewal = setInterval(() => this.#renew(), renewEvery).unref()
  }

  /** An `OpenMaildropFor`. */
  readonly open = async (visitor: Visitor): Promise<OpenMaildrop> => {
    const { mails } = this.#options
    const { user, device } = visitor
    const fault = device === undefined ? undefined : deviceNameFault(device)
    if (fault !== undefined) throw new RefusedError('no', '', `this cannot be the name of a device: ${fault}`)
    const settings = this.#options.settings(user)
    const lease = this.#lock(visitor, settings)
    let mail: UserMail | undefined
    try {
      mail = await mails.borrow(user)
      return await this.#opened(mail, lease, settings)
    } catch (error) {
      this.#letGo(lease, mail, false)
      throw error
    }
  }

  /** Ends the care for the leases; they stay those of who opened them. */
  close(): void {
    clearInterval(this.#renewal)
  }

  async #opened(mail: UserMail, lease: Lease, settings: UserSettings): Promise<OpenMaildrop> {
    const { expireDays, newDevices, loginDelay } = settings
    const storedFrom = notExpired(settings, this.#now())
    const { maildrop, ids } = await this.#snapshots.look(mail, { device: lease.device, newDevices, storedFrom })
    return {
      maildrop,
      policy: { expire: expireDays ?? 'never', loginDelay },
      read: (number, take) => mail.lend(ids[number - 1] as MessageId, take),
      update: async (removed) => {
        if (removed.length === 0) return 0
        const meant = removed.map((number) => ids[number - 1] as MessageId)
        await mail.change((draft) => {
          // Somebody who took the maildrop over, because this process had stood still, must not find it changed. Asked here: it may
          // have stood still while it waited for others who write.
          if (!this.#options.leases.holds(lease)) throw new MaildropRefused('try-later', nothingRemoved)
          removeMessages(draft, meant, lease.device, settings.dele)
        })
        return removed.length
      },
      close: () => this.#letGo(lease, mail),
    }
  }

  #lock({ user, device, address }: Visitor, { loginDelay }: UserSettings): Lease {
    const { leases, sessionsPerUser = 20 } = this.#options
    const delay = loginDelay * 1000
    const answer = leases.acquire({ user, device, from: address, delay, most: sessionsPerUser })
    if (!('why' in answer)) return answer
    throw refusal(answer, delay, this.#now())
  }

  #letGo(lease: Lease, mail: UserMail | undefined, opened = true): void {
    try {
      this.#options.leases.release(lease, opened)
    } catch {
      // Then it ends with its time.
    }
    if (mail !== undefined) this.#options.mails.giveBack(mail)
  }

  #renew(): void {
    try {
      this.#options.leases.renew()
    } catch {
      // The next time; there are some before a lease is over.
    }
  }
}

/** What was stored before this (milliseconds since 1970) has expired: it is in no maildrop any more. */
export function notExpired({ expireDays }: UserSettings, now: number): number {
  return expireDays === undefined ? 0 : Math.floor((now - expireDays * day) / hour) * hour
}

const nothingRemoved: Say = (texts) => texts.nothingRemoved(texts.whyBusy)

function refusal(answer: NoLease, delay: number, now: number): MaildropRefused {
  switch (answer.why) {
    case 'in-use': {
      const seconds = Math.max(0, Math.round((now - answer.since) / 1000))
      return new MaildropRefused('in-use', (texts) => texts.inUse(answer.from, seconds))
    }
    case 'soon': {
      const seconds = Math.max(1, Math.ceil((answer.since + delay - now) / 1000))
      return new MaildropRefused('login-delay', (texts) => texts.loginDelay(seconds))
    }
    case 'too many':
      return new MaildropRefused('try-later', (texts) => texts.tooManySessions)
  }
}
