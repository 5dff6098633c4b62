import { setImmediate as nextTurn } from 'node:timers/promises'
import { Downgrader } from '../message/downgrade.ts'
import type { Conversation } from '../net/converse.ts'
import { form, type Maildrop } from '../pop3/maildrop.ts'
import type { Pop3Server } from '../pop3/server.ts'
import type { Taker } from '../store/store.ts'
import type { OpenMaildrop } from './open-maildrop.ts'
import { messageOf, reasonOf, sayRefused } from './serve-pop3-failure.ts'
import type { SessionTally } from './serve-pop3-session-log.ts'

/** Octets that may be gathered before they are written. */
export const enoughGathered: number = 128 << 10
/** What is gathered is written after so long (milliseconds) at the latest, however long the store takes for what comes next. */
const soon = 10

export interface SendingOptions {
  readonly server: Pop3Server
  readonly conversation: Conversation
  readonly open: OpenMaildrop
  /** As this client is to see it. */
  readonly maildrop: Maildrop
  readonly tally: SessionTally
  /** Whether this client must be given internationalized messages in a form that it can read (RFC 6856 §2.1). */
  readonly downgrade: boolean
  /** How long a client is borne that takes nothing (milliseconds). */
  readonly patience: number
}

/** Writes what is gathered; then it is the others' turn, also where this client takes all as fast as we write. */
export async function writeOut(conversation: Conversation, patience: number): Promise<void> {
  await (conversation.flush(patience) ?? nextTurn())
}

/** Sends the messages of one maildrop: from the store, which lends their octets, to the engine. */
export class Sending {
  readonly #options: SendingOptions
  #downgrader: Downgrader | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: SendingOptions) {
    this.#options = options
  }

  /** Sends a message, or the top of it. Undefined: it is done already, as it mostly is. */
  send(number: number, top: boolean): Promise<void> | undefined {
    const { server, open, maildrop, downgrade } = this.#options
    this.#downgrader =
      downgrade && (maildrop.formOf(number) & form.international) !== 0
        ? new Downgrader((octets) => server.message(octets))
        : undefined
    try {
      const waiting = open.read(number, this.#give)
      if (waiting !== undefined) return this.#sendOn(waiting, number, top)
      this.#sent(number, top)
    } catch (error) {
      this.#unreadable(error, number)
    }
    return undefined
  }

  /** Nothing more is sent. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Gives the engine what the store lends; where enough is gathered, the store waits until it is written. */
  readonly #give: Taker = (parts) => {
    if (this.#gone) return 'enough'
    const { server, conversation, patience } = this.#options
    const downgrader = this.#downgrader
    for (const part of parts) {
      if (!(downgrader === undefined ? server.message(part) : downgrader.write(part))) return 'enough'
    }
    return server.waiting < enoughGathered ? undefined : writeOut(conversation, patience)
  }

  async #sendOn(waiting: Promise<void>, number: number, top: boolean): Promise<void> {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#options.conversation.push()
    }, soon)
    try {
      await waiting
      this.#sent(number, top)
    } catch (error) {
      this.#unreadable(error, number)
    }
  }

  #sent(number: number, top: boolean): void {
    if (this.#gone) return
    const { server, conversation, maildrop, tally } = this.#options
    this.#downgrader?.end()
    server.messageEnd()
    // Who takes one message takes the next.
    conversation.expectsMore = true
    if (top) tally.tops++
    else {
      tally.retrieved++
      tally.retrievedOctets += maildrop.octetsOf(number)
    }
  }

  #unreadable(error: unknown, number: number): void {
    const { server, tally } = this.#options
    tally.problem = messageOf(error)
    const say = sayRefused(error, (why) => (texts) => texts.cannotRead(number, why(texts)))
    server.messageFailed(reasonOf(error), say)
  }

  /** Whether nobody is there any more to give anything to. */
  get #gone(): boolean {
    const { ending } = this.#options.conversation
    return ending !== undefined && ending !== 'closing'
  }
}
