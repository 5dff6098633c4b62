import type { MessageId, UniqueId } from '../ids.ts'
import { isOverQuota, mustFit } from './over-quota.ts'
import type { Draft, Flag, Origin, Staged, Staging, UserMail } from '../store/store.ts'

/** How much may wait to become durable before a door must pause: octets, and messages, for each costs memory besides. */
const enough = 16 << 20
const enoughMessages = 1024

/** Where and how a message is to be kept. */
export interface Delivery {
  /** The name of the mailbox, made if it is not there. */
  readonly mailbox: string
  /** Milliseconds since 1970. */
  readonly received: number
  readonly flags?: readonly Flag[]
  readonly origin: Origin
  /** What it was called at an earlier server; where another message has it, this one gets a new one. */
  readonly uniqueId?: UniqueId | undefined
  /** What stood for it until now, and goes when it is there. */
  readonly replaces?: MessageId | undefined
}

/** A message, and where and how it is to be kept. */
export interface ToKeep {
  readonly staged: Staged
  readonly delivery: Delivery
}

/** `new`: kept now. `known`: the same message came by the same way before (law 1), nothing was added. */
export type Outcome = 'new' | 'known'

/**
 * The only way in for new mail. A message is taken in with `stage`, then `keep` makes it durable; many may be under way at
 * once and share one write. Between two messages, a door waits for `room`.
 */
export class Intake {
  readonly #mail: UserMail
  /** How many messages were given their earlier unique-id, and how many another one. */
  readonly uniqueIds: { kept: number; refused: number } = { kept: 0, refused: 0 }
  /** What waits to become durable: octets, messages. */
  #waiting = 0
  #messages = 0
  #roomy: PromiseWithResolvers<void> | undefined

  constructor(mail: UserMail) {
    this.#mail = mail
  }

  stage(form: 'wire' | 'unknown'): Staging {
    return this.#mail.stage(form)
  }

  /**
   * Resolves when the message is durable, and not before. Rejects with StoreError; the message is then not received (`over-quota`: there
   * is no room for it). `shared`: it goes to other mail too, so whoever staged it discards it.
   */
  async keep(staged: Staged, delivery: Delivery, shared = false): Promise<Outcome> {
    const [outcome] = await this.keepAll([{ staged, delivery }], shared)
    return outcome ?? 'known'
  }

  /** The same for many that came together: all of them, or none, but where only some have room: of those, the first. */
  async keepAll(all: readonly ToKeep[], shared = false): Promise<readonly Outcome[]> {
    if (all.length === 0) return []
    const octets = all.reduce((sum, { staged }) => sum + staged.size, 0)
    this.#waiting += octets
    this.#messages += all.length
    try {
      const done = await this.#keepIn(all)
      for (const { named } of done) if (named !== undefined) this.uniqueIds[named ? 'kept' : 'refused']++
      return done.map(({ outcome }) => outcome)
    } finally {
      if (!shared) for (const { staged } of all) staged.discard()
      this.#waiting -= octets
      this.#messages -= all.length
      if (this.#roomy !== undefined && this.#hasRoom) {
        this.#roomy.resolve()
        this.#roomy = undefined
      }
    }
  }

  async #keepIn(all: readonly ToKeep[]): Promise<Done[]> {
    const { user } = this.#mail
    try {
      return await this.#mail.change((draft) => all.map((one) => keepIn(draft, user, one)))
    } catch (error) {
      if (all.length === 1 || !isOverQuota(error)) throw error
      const done: Done[] = []
      for (const one of all) done.push(...(await this.#keepIn([one])))
      return done
    }
  }

  /** A promise while too much waits to become durable; undefined when there is room for the next message. */
  room(): Promise<void> | undefined {
    if (this.#hasRoom) return undefined
    this.#roomy ??= Promise.withResolvers<void>()
    return this.#roomy.promise
  }

  get #hasRoom(): boolean {
    return this.#waiting < enough && this.#messages < enoughMessages
  }
}

/** `named`: whether it has the unique-id that it was to have; undefined where it was to have none. */
interface Done {
  readonly outcome: Outcome
  readonly named: boolean | undefined
}

function keepIn(draft: Draft, user: string, { staged, delivery }: ToKeep): Done {
  const { account, uniqueId: there, nth, listed } = delivery.origin
  const { uniqueId: wanted, replaces } = delivery
  const replace = (): void => {
    if (replaces !== undefined && draft.view.message(replaces) !== undefined) draft.remove(replaces)
  }
  const known = draft.view.origin(account, there, staged.hash, nth)
  if (known !== undefined) {
    if (listed !== undefined && listed !== known.listed) draft.relist(known, listed)
    if (known.message !== undefined) replace()
    return { outcome: 'known', named: undefined }
  }
  const { received, flags, origin } = delivery
  mustFit(draft.view, user, staged.octets)
  const mailbox = draft.openMailbox(delivery.mailbox)
  const id = draft.add(staged, { mailbox, received, origin, uniqueId: wanted, ...(flags !== undefined && { flags }) })
  replace()
  return { outcome: 'new', named: wanted === undefined ? undefined : draft.view.message(id)?.uniqueId === wanted }
}
