import { setTimeout as sleep } from 'node:timers/promises'
import type { HandOnTarget } from '../accounts/hand-on-target.ts'
import { PeerError } from '../errors.ts'
import type { Hash } from '../ids.ts'
import type { Message, UserMail } from '../store/store.ts'
import { clearUnderWay, noteHanded, type UnderWay } from './hand-on-book.ts'
import type { Courier } from './hand-on-courier.ts'

/** Where to look, and who is told what was found. */
export interface MissedOptions {
  readonly mail: UserMail
  readonly target: HandOnTarget
  readonly settle: number | undefined
  readonly signal: AbortSignal | undefined
  /** It is there, and that is written down. */
  found(note: UnderWay, message: Message): void
  /** It is not there, and not under way any more. `twice`: that is not known, for the target does not tell. */
  again(note: UnderWay, message: Message, twice: boolean): void
}

interface Sought {
  readonly note: UnderWay
  readonly message: Message
}

/**
 * What was under way when something broke. A server may be at work on a message long after the connection is gone, so one that is not
 * there at the first look is looked for once more before it is sent again.
 */
export class Missed {
  readonly #options: MissedOptions
  /** Not there at the first look. */
  #aside: Sought[] = []
  /** Of messages that the next round will look for. */
  readonly #held: Hash[] = []

  constructor(options: MissedOptions) {
    this.#options = options
  }

  /** Octets that must not be sent now: they would be taken for those that are missing. */
  hashes(): Hash[] {
    return [...this.#held, ...this.#aside.map(({ message }) => message.hash)]
  }

  hold({ hash }: Message): void {
    this.#held.push(hash)
  }

  async lookFor(notes: readonly UnderWay[], courier: Courier): Promise<void> {
    if (notes.length === 0) return
    const messages = await this.#options.mail.read((view) => notes.map(({ id }) => view.message(id)))
    const sought = notes.flatMap((note, place): Sought[] => {
      const message = messages[place]
      return message === undefined ? [] : [{ note, message }]
    })
    // What was removed here meanwhile is nothing that could be sent again.
    await this.#clear(notes.filter((_, place) => messages[place] === undefined))
    const missing = await this.#look(sought, courier)
    if (courier.find !== undefined) this.#aside.push(...missing)
    else await this.#giveUp(missing, true)
  }

  /** False: there was nothing to look for. */
  async lookAgain(courier: Courier): Promise<boolean> {
    if (this.#aside.length === 0) return false
    const { settle = 10_000, signal } = this.#options
    try {
      await sleep(settle, undefined, signal === undefined ? {} : { signal })
    } catch {
      throw new PeerError('connection-lost', 'stopped')
    }
    const missing = await this.#look(this.#aside, courier)
    this.#aside = []
    await this.#giveUp(missing, false)
    return true
  }

  /** Writes down what is there, and gives the rest. */
  async #look(sought: readonly Sought[], courier: Courier): Promise<readonly Sought[]> {
    if (courier.find === undefined || sought.length === 0) return sought
    const { mail, target } = this.#options
    const asked = sought.map(({ note, message }) => ({ message, mark: note.mark }))
    const there = await courier.find(asked, mail)
    const taken = sought.filter(({ message }) => there.has(message))
    if (taken.length > 0)
      await mail.change((draft) => {
        for (const { note, message } of taken) {
          noteHanded(draft, note.account, message)
          draft.trouble(note.account, message.uniqueId, undefined)
          clearUnderWay(draft, target, message.uniqueId)
        }
      })
    for (const { note, message } of taken) this.#options.found(note, message)
    return sought.filter(({ message }) => !there.has(message))
  }

  async #giveUp(missing: readonly Sought[], twice: boolean): Promise<void> {
    await this.#clear(missing.map(({ note }) => note))
    for (const { note, message } of missing) this.#options.again(note, message, twice)
  }

  async #clear(notes: readonly UnderWay[]): Promise<void> {
    if (notes.length === 0) return
    const { mail, target } = this.#options
    await mail.change((draft) => notes.forEach(({ uniqueId }) => clearUnderWay(draft, target, uniqueId)))
  }
}
