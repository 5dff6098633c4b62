import type { Intake } from '../intake/intake.ts'
import type { Staged, Staging } from '../store/store.ts'
import type { OnEvent } from './pop3-connection.ts'

const noOctets = new Uint8Array()

/** Takes in the message that one RETR gives. */
export class Taking {
  /** The first octets of the message. */
  head: Uint8Array = noOctets
  readonly #intake: Intake
  readonly #onOctets: ((octets: number) => void) | undefined
  #staging: Staging | undefined
  #writing: Promise<void> | undefined

  constructor(intake: Intake, onOctets?: (octets: number) => void) {
    this.#intake = intake
    this.#onOctets = onOctets
  }

  readonly onEvent: OnEvent = (event) => {
    if (event.kind === 'octets') {
      this.#onOctets?.(event.octets.length)
      if (this.#staging === undefined) this.head = event.octets
      this.#staging ??= this.#intake.stage('wire')
      return (this.#writing = this.#staging.write(event.octets))
    }
    // The next message waits until there is room for it.
    return event.kind === 'end' ? this.#intake.room() : undefined
  }

  finish(): Promise<Staged> {
    return (this.#staging ?? this.#intake.stage('wire')).finish()
  }

  /** Forgets what came: the rest never will. */
  async discard(): Promise<void> {
    await this.#writing?.catch(() => undefined)
    this.#staging?.discard()
  }
}
