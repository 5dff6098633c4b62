import { createHash } from 'node:crypto'
import { PeerError } from '../errors.ts'
import type { Listed } from '../intake/ledger.ts'
import type { ClientEvent, Reply } from '../pop3/client-event.ts'
import { readMaildropSize } from '../pop3/listing.ts'
import { UniqueIdListing } from '../pop3/unique-id-listing.ts'
import type { Pop3Connection } from './pop3-connection.ts'

/** What a remote maildrop says it holds. */
export interface Listing {
  /** In message-number order. */
  readonly messages: Listed[]
  /** What was odd about it, for a person. */
  readonly problems: string[]
  /** By this it is known again; undefined where something about it is odd. */
  readonly print: ListingPrint | undefined
}

/** What STAT and UIDL say of a maildrop: where they say the same again, LIST would too. */
export interface ListingPrint {
  readonly messages: number
  /** Of all messages, as STAT counts them. */
  readonly octets: number
  /** Octets of all lines of UIDL, and their SHA-256. */
  readonly length: number
  readonly digest: string
}

/** A listing of which everything was home, and with which nothing had to be done. */
export interface Unchanged {
  readonly print: ListingPrint
  /** How many messages wait there for good: they are too large. */
  readonly waiting: number
  /** From then on something is to go for its age, milliseconds since 1970; undefined: never. */
  readonly until: number | undefined
}

export interface ListingOptions {
  /** More lines than this end the session with PeerError `reply-too-long`. */
  readonly longest?: number | undefined
  readonly before?: Unchanged | undefined
  /** Called once, when it is known not to look so, or it is not known how it looked. */
  readonly onNews?: () => void
}

/** No maildrop that a person has lists so many messages; a server that goes on and on must not fill the memory. */
const longestListing = 2_000_000

/**
 * Asks UIDL and LIST. Where it is known how the listing looked before: STAT and UIDL, and LIST only where it does not look so any more; where it
 * does, that is what it gives. A server may have no UIDL (RFC 1939 §7 makes it optional); LIST it must have.
 */
export async function listMaildrop(
  connection: Pop3Connection,
  { longest = longestListing, before, onNews }: ListingOptions = {},
): Promise<Listing | Unchanged> {
  const reading = new Reading(connection, longest, onNews)
  if (before !== undefined && (await reading.isStill(before.print))) return before
  return await reading.end()
}

/** A listing that is being read. */
class Reading {
  readonly #connection: Pop3Connection
  readonly #lines = new UniqueIdListing()
  readonly #onNews: (() => void) | undefined
  readonly #hash = createHash('sha256')
  #length = 0
  #uniqueIdReply: Promise<Reply> | undefined
  #sizeReply: Promise<Reply> | undefined
  readonly #uniqueIds = new Map<number, string>()
  readonly #sizes = new Map<number, number>()
  #bad = 0
  readonly #countUniqueIds: (lines: number) => void
  readonly #countSizes: (lines: number) => void
  /** What UIDL has said, as long as that may be what it said before: then nobody needs its lines. */
  #held: Uint8Array[] | undefined
  #mostHeld = 0

  constructor(connection: Pop3Connection, longest: number, onNews: (() => void) | undefined) {
    this.#connection = connection
    this.#onNews = onNews
    this.#countUniqueIds = counter('UIDL', longest)
    this.#countSizes = counter('LIST', longest)
  }

  /** Asks STAT and UIDL, and whether they say what they said before. Where they do not, LIST is on its way by then. */
  async isStill(before: ListingPrint): Promise<boolean> {
    this.#held = []
    this.#mostHeld = before.length
    // Raw: one that has no good answer to STAT is asked LIST like any other.
    const stat = this.#connection.ask({ verb: 'STAT', raw: true })
    const uniqueIds = this.#askUniqueIds()
    const { ok, text } = await stat
    const size = ok ? readMaildropSize(text) : undefined
    if (size?.messages !== before.messages || size.octets !== before.octets) this.#hasChanged()
    const reply = await uniqueIds
    const same = reply.ok && this.#length === before.length && this.#digest() === before.digest
    if (!same) this.#hasChanged()
    return this.#held !== undefined
  }

  #askUniqueIds(): Promise<Reply> {
    return (this.#uniqueIdReply ??= quietly(
      this.#connection.ask({ verb: 'UIDL', raw: true }, (event) => this.#takeUniqueIds(event)),
    ))
  }

  #askSizes(): Promise<Reply> {
    if (this.#sizeReply === undefined) {
      this.#sizeReply = quietly(
        this.#connection.must({ verb: 'LIST' }, 'to list the maildrop', (event) => this.#takeSizes(event)),
      )
      this.#onNews?.()
    }
    return this.#sizeReply
  }

  /** Resolves when all has come. */
  async end(): Promise<Listing> {
    const asked = [this.#askUniqueIds(), this.#askSizes()] as const
    const [uidl] = await Promise.all(asked)
    const numbers = [...new Set([...this.#sizes.keys(), ...this.#uniqueIds.keys()])].toSorted((a, b) => a - b)
    const problems: string[] = []
    if (!uidl.ok && numbers.length > 0)
      problems.push('the server has no UIDL: every message is downloaded each time and known by its octets')
    if (this.#bad > 0) problems.push(`${this.#bad} lines of the server's listings make no sense and were passed over`)
    const messages = numbers.map((number) => ({
      number,
      uniqueId: this.#uniqueIds.get(number) ?? '',
      octets: this.#sizes.get(number),
    }))
    return { messages, problems, print: uidl.ok && problems.length === 0 ? this.#print(numbers.length) : undefined }
  }

  /** Only of a listing in which each message has a unique-id and a size. */
  #print(messages: number): ListingPrint | undefined {
    if (this.#sizes.size !== messages || this.#uniqueIds.size !== messages) return undefined
    let octets = 0
    for (const size of this.#sizes.values()) octets += size
    return { messages, octets, length: this.#length, digest: this.#digest() }
  }

  #digest(): string {
    return this.#hash.copy().digest('base64url')
  }

  #hasChanged(): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    for (const octets of held) this.#readUniqueIds(octets)
    void this.#askSizes()
  }

  #takeUniqueIds(event: ClientEvent): undefined {
    if (event.kind !== 'octets') return
    this.#hash.update(event.octets)
    this.#length += event.octets.length
    if (this.#length > this.#mostHeld) this.#hasChanged()
    if (this.#held === undefined) this.#readUniqueIds(event.octets)
    else this.#held.push(event.octets)
  }

  #readUniqueIds(octets: Uint8Array): void {
    const { uniqueIds, bad } = this.#lines.take(octets)
    this.#bad += bad.length
    this.#countUniqueIds(bad.length)
    for (const { number, uniqueId } of uniqueIds) {
      // RFC 1939 §7: at most 70 octets. One that is far longer counts for more than one.
      this.#countUniqueIds(1 + (uniqueId.length >> 7))
      this.#uniqueIds.set(number, uniqueId)
    }
  }

  #takeSizes(event: ClientEvent): undefined {
    if (event.kind !== 'sizes') return
    this.#bad += event.bad.length
    this.#countSizes(event.bad.length + event.sizes.length)
    for (const { number, octets } of event.sizes) this.#sizes.set(number, octets)
  }
}

function counter(verb: string, longest: number): (lines: number) => void {
  let count = 0
  return (lines) => {
    count += lines
    if (count > longest)
      throw new PeerError('reply-too-long', `the server's answer to ${verb} is longer than ${longest} lines may be`)
  }
}

/** A failure is told to whoever waits for it; until somebody does, it is none. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
