import { toOctets } from '../wire/octets.ts'

/** What the server engine must know of a message. */
export interface MaildropMessage {
  /** 1 to 70 octets of 0x21 to 0x7E (RFC 1939 §7). */
  readonly uniqueId: string
  /** Exact size on the wire, dot-stuffing not counted (RFC 1939 §11). */
  readonly octets: number
  /** How its lines end as it is kept. */
  readonly lineEnds: 'crlf' | 'lf'
}

/**
 * The messages of one user as a session locked them (RFC 1939 §4); a message's number is its place, from 1. It never changes,
 * so sessions may share one, and with it the listings, each of which is spelt once.
 */
export class Maildrop<Message extends MaildropMessage = MaildropMessage> {
  readonly messages: readonly Message[]
  /** Of all messages. */
  readonly octets: number
  #sizes: Uint8Array | undefined
  #uniqueIds: Uint8Array | undefined

  constructor(messages: readonly Message[]) {
    this.messages = messages
    let octets = 0
    for (const message of messages) octets += message.octets
    this.octets = octets
  }

  /** The lines of LIST or UIDL without the messages `removed`, and the end of the reply. */
  listing(of: 'LIST' | 'UIDL', removed: ReadonlySet<number>): Uint8Array {
    if (removed.size > 0) return this.#spell(of, removed)
    if (of === 'LIST') return (this.#sizes ??= this.#spell(of, removed))
    return (this.#uniqueIds ??= this.#spell(of, removed))
  }

  #spell(of: 'LIST' | 'UIDL', removed: ReadonlySet<number>): Uint8Array {
    let text = ''
    let number = 0
    for (const message of this.messages) {
      number++
      if (removed.has(number)) continue
      text += `${number} ${of === 'LIST' ? message.octets : message.uniqueId}\r\n`
    }
    return toOctets(`${text}.\r\n`)
  }
}
