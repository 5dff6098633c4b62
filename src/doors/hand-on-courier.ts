import { StoreError } from '../errors.ts'
import type { Message, UserMail } from '../store/store.ts'
import { type Contents, contentsOf } from './hand-on-contents.ts'

/** A message on its way to a target. */
export interface Parcel {
  readonly message: Message
  /** How often it was tried before. */
  readonly attempts: number
  /** Looks through it. Rejects with StoreError. */
  contents(): Promise<Contents>
  /** Why its octets could not be read to their end, where that is so. */
  readonly fault: StoreError | undefined
}

/** What became of a parcel: the target's words where it was taken; why it was not; or that nothing of it that counts has left. */
export type Outcome =
  | { readonly kind: 'taken'; readonly reply: string }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unsent' }

/** A message that was under way when the connection broke, and what was marked before it left. */
export interface Missing {
  readonly message: Message
  readonly mark: string
}

/** A way of carrying messages to one target, while it is open. */
export interface Courier {
  /** So many messages may be under way together. */
  readonly most: number
  /** What is to be written down before messages leave, so that `find` finds them. No message that was taken before is found by it. */
  mark(): Promise<string>
  /**
   * Carries messages, no two of which are equal; tells of each what became of it. Rejects, with what broke, when that can no longer be
   * learnt of the others; the courier is then of no more use.
   */
  carry(parcels: readonly Parcel[], tell: (parcel: Parcel, outcome: Outcome) => void): Promise<void>
  /** Which of these are there; undefined: this target does not tell. */
  readonly find?: (missing: readonly Missing[], mail: UserMail) => Promise<ReadonlySet<Message>>
  close(): Promise<void>
}

/** A message whose octets are not here as they were: nothing of it leaves, and the others do. */
export function unreadable(error: unknown): Outcome {
  if (error instanceof StoreError) return { kind: 'refused', why: `its copy at home cannot be read: ${error.message}` }
  throw error
}

/** A message of ours as a parcel. */
export class Package implements Parcel {
  readonly message: Message
  readonly attempts: number
  fault: StoreError | undefined
  readonly #mail: UserMail

  constructor(mail: UserMail, message: Message, attempts: number) {
    this.#mail = mail
    this.message = message
    this.attempts = attempts
  }

  async contents(): Promise<Contents> {
    const contents = await contentsOf(this.#mail, this.message)
    return { ...contents, octets: () => this.#watched(contents.octets()) }
  }

  async *#watched(octets: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* octets
    } catch (error) {
      if (error instanceof StoreError) this.fault = error
      throw error
    }
  }
}
