import type { Reply } from '../pop3/client-event.ts'
import type { Command } from '../pop3/command.ts'
import { readSize } from '../pop3/listing.ts'
import { quoted } from '../pop3/status-line.ts'
import type { OnEvent, Pop3Connection } from './pop3-connection.ts'

/** So much may have come without being known to be in step: so many messages, so many octets by the listing. */
const mostMessages = 32
const mostOctets = 256 << 10

interface Asked {
  readonly number: number
  readonly reply: Promise<Reply>
}

/** What was asked for, and waits to be known to be in step. */
interface Stretch {
  messages: number
  octets: number
  /** The last of them. */
  last: Asked | undefined
  readonly checked: PromiseWithResolvers<void>
}

/**
 * Asks for messages, and sees that each answer is that of its command, and whole. A server that says PIPELINING and loses one
 * answer would otherwise give every message the unique-id of the one before it, and one of them would never come; of one that
 * stuffs no dots, a message ends at a line that is a dot. So behind some messages goes a LIST of the last, whose answer repeats its
 * number (RFC 1939 §5); what came is not to be believed before. Where commands go one by one, that matters only of what is shorter than
 * listed, and the next answer will do.
 */
export class InStep {
  readonly #connection: Pop3Connection
  #stretch: Stretch | undefined
  /** One by one: the answer to what is asked for behind the last message in the same go. */
  #next: PromiseWithResolvers<Reply | undefined> | undefined
  /** Stretches begin short, so that something comes home from a server that never goes on for long. */
  #most = 1

  constructor(connection: Pop3Connection) {
    this.#connection = connection
  }

  /**
   * RETR, or TOP of the header alone; resolves when the answer has come and is known to be that of this command. `octets`: the
   * listed size. Rejects with PeerError `protocol`, and the connection is over, where it is not.
   */
  async ask(
    verb: 'RETR' | 'TOP',
    { number, octets }: { readonly number: number; readonly octets?: number | undefined },
    onEvent?: OnEvent,
  ): Promise<Reply> {
    const connection = this.#connection
    const command: Command = verb === 'TOP' ? { verb, number, lines: 0 } : { verb, number }
    if (!connection.pipelining) return await this.#askAlone(command, { number, octets }, onEvent)
    const stretch = this.#room(octets ?? 0)
    const reply = connection.ask(command, onEvent)
    stretch.last = { number, reply }
    if (stretch.messages >= this.#most || stretch.octets >= mostOctets) this.#end(stretch)
    await reply
    await stretch.checked.promise
    return await reply
  }

  async #askAlone(
    command: Command,
    listed: { readonly number: number; readonly octets: number | undefined },
    onEvent?: OnEvent,
  ): Promise<Reply> {
    let size = 0
    const asked = this.#connection.ask(command, (event) => {
      if (event.kind === 'octets') size += event.octets.length
      return onEvent?.(event)
    })
    this.#next?.resolve(asked)
    const next = (this.#next = Promise.withResolvers())
    next.promise.catch(() => undefined)
    queueMicrotask(() => next.resolve(undefined))
    const reply = await asked
    const short = reply.ok && command.verb === 'RETR' && size < (listed.octets ?? 0)
    if (short && (await next.promise) === undefined) await this.#check({ number: listed.number, reply: asked })
    return reply
  }

  /** The stretch that a message belongs to. */
  #room(octets: number): Stretch {
    let stretch = this.#stretch
    // A large message is not to take down those before it.
    if (stretch !== undefined && stretch.octets + octets > mostOctets) this.#end(stretch)
    stretch = this.#stretch ??= this.#begin()
    stretch.messages++
    stretch.octets += octets
    return stretch
  }

  #begin(): Stretch {
    const stretch: Stretch = { messages: 0, octets: 0, last: undefined, checked: Promise.withResolvers() }
    stretch.checked.promise.catch(() => undefined)
    // By then all that is asked for in one go has been.
    queueMicrotask(() => this.#end(stretch))
    return stretch
  }

  #end(stretch: Stretch): void {
    if (this.#stretch !== stretch) return
    this.#stretch = undefined
    this.#most = Math.min(this.#most * 2, mostMessages)
    const { last, checked } = stretch
    if (last === undefined) checked.resolve()
    else this.#check(last).then(checked.resolve, checked.reject)
  }

  async #check({ number, reply }: Asked): Promise<void> {
    const connection = this.#connection
    const [{ ok, text }, { ok: given }] = await Promise.all([connection.ask({ verb: 'LIST', number }), reply])
    // What cannot be given may not be listed either.
    if (ok ? readSize(text)?.number === number : !given) return
    throw connection.outOfStep(
      `answered LIST ${number} with ${quoted(`${ok ? '+OK' : '-ERR'} ${text}`)}: it has lost an answer, or gave one too many`,
    )
  }
}
