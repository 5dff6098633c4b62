import type { Reply } from '../pop3/client-event.ts'
import type { Command } from '../pop3/command.ts'
import { quoted } from '../pop3/status-line.ts'
import type { OnEach, Pop3Connection } from './pop3-connection.ts'

/** So much may have come without being known to be in step: so many messages, so many octets by the listing. */
const mostMessages = 32
const mostOctets = 256 << 10

/** A message that is asked for. `octets`: the listed size. */
export interface Wanted {
  readonly number: number
  readonly octets?: number | undefined
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
  /** One by one: the answers to what is asked for behind the last message in the same go. */
  #next: PromiseWithResolvers<readonly Reply[] | undefined> | undefined
  /** Stretches begin short, so that something comes home from a server that never goes on for long. */
  #most = 1

  constructor(connection: Pop3Connection) {
    this.#connection = connection
  }

  /** Cuts what is wanted into stretches, in this order: what of one has come is believed together. */
  cut<T extends Wanted>(wanted: readonly T[]): T[][] {
    if (!this.#connection.pipelining) return wanted.map((one) => [one])
    const stretches: T[][] = []
    let stretch: T[] = []
    let messages = 0
    let octets = 0
    for (const one of wanted) {
      const size = one.octets ?? 0
      // A large message is not to take down those before it.
      if (messages === 0 || octets < size) {
        stretch = []
        stretches.push(stretch)
        messages = this.#most
        octets = mostOctets
        this.#most = Math.min(this.#most * 2, mostMessages)
      }
      stretch.push(one)
      messages--
      octets -= size
    }
    return stretches
  }

  /**
   * RETR, or TOP of the header alone, of each message of a stretch; resolves with the replies when all answers have come and are known to be
   * those of these commands. Rejects with PeerError `protocol`, and the connection is over, where they are not.
   */
  async ask(verb: 'RETR' | 'TOP', stretch: readonly Wanted[], onEvent?: OnEach): Promise<readonly Reply[]> {
    const last = stretch.at(-1)
    if (last === undefined) return []
    const connection = this.#connection
    const commands = stretch.map(({ number }): Command =>
      verb === 'TOP' ? { verb, number, lines: 0 } : { verb, number },
    )
    if (!connection.pipelining) return await this.#askAlone(commands, last, onEvent)
    const replies = connection.askAll(commands, onEvent)
    await this.#check(last.number, replies)
    return await replies
  }

  async #askAlone(commands: readonly Command[], last: Wanted, onEvent?: OnEach): Promise<readonly Reply[]> {
    let size = 0
    const asked = this.#connection.askAll(commands, (event, place) => {
      if (event.kind === 'octets' && place === commands.length - 1) size += event.octets.length
      return onEvent?.(event, place)
    })
    this.#next?.resolve(asked)
    const next = (this.#next = Promise.withResolvers())
    next.promise.catch(() => undefined)
    queueMicrotask(() => next.resolve(undefined))
    const replies = await asked
    const short = replies.at(-1)?.ok === true && commands[0]?.verb === 'RETR' && size < (last.octets ?? 0)
    if (short && (await next.promise) === undefined) await this.#check(last.number, asked)
    return replies
  }

  /** `replies`: of what was asked for before, this message last. */
  async #check(number: number, replies: Promise<readonly Reply[]>): Promise<void> {
    const connection = this.#connection
    const [{ ok, text }, before] = await Promise.all([connection.ask({ verb: 'LIST', number }), replies])
    // What cannot be given may not be listed either.
    if (ok ? Number(/^[ \t]*(\d{1,10})[ \t]+\d/.exec(text)?.[1]) === number : before.at(-1)?.ok !== true) return
    throw connection.outOfStep(
      `answered LIST ${number} with ${quoted(`${ok ? '+OK' : '-ERR'} ${text}`)}: it has lost an answer, or gave one too many`,
    )
  }
}
