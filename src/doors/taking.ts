import { PeerError } from '../errors.ts'
import { HeaderPrint } from '../intake/header-print.ts'
import type { Intake } from '../intake/intake.ts'
import type { Staged, Staging } from '../store/store.ts'
import type { ClientEvent } from '../pop3/client-event.ts'
import type { Loans } from './loans.ts'

const noOctets = new Uint8Array()

/**
 * No message may have more octets. No provider takes in a tenth of it, and a server that never ends a message must not fill
 * the disk.
 */
const largestMessage = 1 << 30

export interface TakingOptions {
  /** What to call the message in an error. */
  readonly name: () => string
  /** A message of more octets ends the session with PeerError `reply-too-long`. */
  readonly largest?: number | undefined
  readonly onOctets?: ((octets: number) => void) | undefined
  /** Those of the connection that the message comes by: then `discard` must be called in the end, once it is durable, too. */
  readonly loans?: Loans | undefined
}

/** Takes in the message that one RETR gives. */
export class Taking {
  /** The first octets of the message. */
  head: Uint8Array = noOctets
  /** Names its header, and holds it. */
  readonly print: HeaderPrint = new HeaderPrint()
  /** Why it was given up, where it was too large. */
  tooLarge: PeerError | undefined
  readonly #intake: Intake
  readonly #options: TakingOptions
  #octets = 0
  /** What is on loan: the octets that begin the message, which are asked for until the end, and those behind them. */
  #beginning: Uint8Array[] = []
  #behind: Uint8Array[] = []
  #staging: Staging | undefined
  #writing: Promise<void> | undefined
  #finished: Staged | Promise<Staged> | undefined

  constructor(intake: Intake, options: TakingOptions) {
    this.#intake = intake
    this.#options = options
  }

  /** Takes what the answer to the command holds. Where it returns a promise, nothing more is to be read before that settles. */
  take(event: ClientEvent): Promise<void> | undefined {
    if (event.kind === 'octets') {
      const { name, largest = largestMessage, onOctets } = this.#options
      this.#octets += event.octets.length
      if (this.#octets > largest) {
        this.tooLarge = new PeerError(
          'reply-too-long',
          `${name()} goes on after ${largest} octets, so it was not taken in`,
        )
        throw this.tooLarge
      }
      onOctets?.(event.octets.length)
      if (this.#staging === undefined) this.head = event.octets
      this.#hold(event.octets)
      this.print.update(event.octets)
      this.#staging ??= this.#intake.stage('wire')
      const writing = this.#staging.write(event.octets)
      return writing && (this.#writing = writing.then(() => this.#written()))
    }
    // The next message waits until there is room for it.
    return event.kind === 'end' ? this.#intake.room() : undefined
  }

  /** What came, whole; the same each time. */
  finish(): Staged | Promise<Staged> {
    return (this.#finished ??= (this.#staging ?? this.#intake.stage('wire')).finish())
  }

  /** Forgets what came: it is durable, or the rest never will come. `head` and `print` are not to be looked at any more. */
  async discard(): Promise<void> {
    await this.#writing?.catch(() => undefined)
    await Promise.resolve(this.#finished).catch(() => undefined)
    this.#staging?.discard()
    this.#written()
    for (const octets of this.#beginning) this.#options.loans?.done(octets)
    this.#beginning = []
  }

  #hold(octets: Uint8Array): void {
    const { loans } = this.#options
    if (loans === undefined) return
    loans.hold(octets)
    if (this.print.ended) this.#behind.push(octets)
    else this.#beginning.push(octets)
  }

  /** All that has come is in a file, or forgotten. */
  #written(): void {
    for (const octets of this.#behind) this.#options.loans?.done(octets)
    this.#behind = []
  }
}
