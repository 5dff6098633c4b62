import { MisuseError } from '../errors.ts'
import type { OpenMaildrop } from '../doors/open-maildrop.ts'
import { Maildrop, type MaildropMessage } from '../pop3/maildrop.ts'
import type { Policy } from '../pop3/server.ts'
import { Measure } from '../store/measure.ts'
import type { Taker } from '../store/store.ts'

/** The octets of a message: whole, or in pieces (a `Readable` is one of these). */
export type MessageContent = Uint8Array | AsyncIterable<Uint8Array>

/** A message that the server gives out. */
export interface ServedMessage {
  /** 1 to 70 characters of 0x21 to 0x7E; the same for the same message for ever (RFC 1939 §7). */
  readonly uniqueId: string
  /**
   * Its exact size on the wire (RFC 1939 §11): every line with CRLF, the last one too, without dot-stuffing. Where it is not given,
   * the message is read once when the maildrop is opened.
   */
  readonly octets?: number
  /** How the lines end that `read` gives; of `lf` each becomes CRLF on the wire. `crlf`, where `octets` is given. */
  readonly lineEnds?: 'crlf' | 'lf'
  /**
   * It has UTF-8 in its address fields (RFC 6532): clients that did not ask for UTF8 get a form that they can read. To know the size of
   * that, it is read once when the maildrop is opened, also where `octets` is given. Of messages without `octets` it is found out.
   */
  readonly international?: boolean
  read(): MessageContent | Promise<MessageContent>
}

/** One user's maildrop, for one session. */
export interface ServedMaildrop {
  /** A message's number is its place, from 1, as it is now: what is added later is seen by the next session (RFC 1939 §5). */
  readonly messages: readonly ServedMessage[]
  /**
   * The client deleted these and said QUIT: remove them. QUIT is answered when this resolves, so resolve when it is durable: with
   * how many are removed, or nothing, which means all. Rejecting says that none is.
   */
  remove(numbers: readonly number[]): Promise<number | void> | number | void
  /** The session is over. It is called once, however that came; it must not throw. */
  close?(): void
  /** What CAPA says of EXPIRE and LOGIN-DELAY (RFC 2449 §6) after the log-in, where it is not what it says before. */
  readonly policy?: Policy
}

/** So many octets of a message are given at a time. */
const pieceSize = 64 << 10

/** The maildrop as the door wants it. */
export async function openServed(served: ServedMaildrop, policy: Policy, letGo: () => void): Promise<OpenMaildrop> {
  // The session's own: the caller's array may be one that goes on growing.
  const messages = [...served.messages]
  const known: MaildropMessage[] = []
  const seen = new Set<string>()
  for (const message of messages) {
    const { uniqueId } = message
    if (!/^[\x21-\x7e]{1,70}$/.test(uniqueId)) {
      throw new MisuseError('usage', `a unique-id has 1 to 70 characters of 0x21 to 0x7E, so this is none: ${uniqueId}`)
    }
    if (seen.has(uniqueId)) throw new MisuseError('usage', `two messages have the unique-id ${uniqueId}`)
    seen.add(uniqueId)
    const { octets, international } = message
    const size = octets === undefined || international === true ? await measured(message) : sized(message, octets)
    known.push({ uniqueId, ...size })
  }
  return {
    maildrop: Maildrop.of(known),
    policy: served.policy ?? policy,
    read: (number, take) => {
      const message = messages[number - 1]
      if (message === undefined) throw new MisuseError('state', `there is no message ${number}`)
      const content = message.read()
      return content instanceof Uint8Array ? giveWhole(content, take) : giveLater(content, take)
    },
    update: async (removed) => (await served.remove(removed)) ?? removed.length,
    close: letGo,
  }
}

function sized({ uniqueId, lineEnds }: ServedMessage, octets: number): Omit<MaildropMessage, 'uniqueId'> {
  if (!Number.isSafeInteger(octets) || octets < 0) {
    throw new MisuseError('usage', `message ${uniqueId} cannot have ${octets} octets`)
  }
  return { octets, ...(lineEnds && { lineEnds }) }
}

async function measured(message: ServedMessage): Promise<Omit<MaildropMessage, 'uniqueId'>> {
  const measure = new Measure(false)
  const content = await message.read()
  if (content instanceof Uint8Array) measure.update(content)
  else for await (const piece of content) measure.update(piece)
  const { octets, lineEnds, surrogate } = measure.finish()
  return { octets, lineEnds, surrogate }
}

/** Undefined: it is done already. */
function giveWhole(octets: Uint8Array, take: Taker): Promise<void> | undefined {
  if (octets.length > pieceSize) return givePieces(octets, take)
  const waiting = take([octets])
  return waiting === 'enough' ? undefined : waiting
}

async function givePieces(octets: Uint8Array, take: Taker): Promise<void> {
  for (let at = 0; at < octets.length; at += pieceSize) {
    const waiting = take([octets.subarray(at, at + pieceSize)])
    if (waiting === 'enough') return
    if (waiting !== undefined) await waiting
  }
}

async function giveLater(content: Promise<MessageContent> | AsyncIterable<Uint8Array>, take: Taker): Promise<void> {
  const found = await content
  if (found instanceof Uint8Array) return await giveWhole(found, take)
  for await (const piece of found) {
    const waiting = take([piece])
    if (waiting === 'enough') return
    if (waiting !== undefined) await waiting
  }
}
