import { PeerError } from '../errors.ts'
import { HeaderPrint } from '../intake/header-print.ts'
import type { Intake } from '../intake/intake.ts'
import type { Staging } from '../store/store.ts'
import type { MessageTaker } from './imap-wire.ts'

/** So many octets may have come that nobody has asked for yet; more than one message always may. */
const enough = 16 << 20
/** No message may have more octets: see `Taking`. */
export const largestMessage: number = 1 << 30

/** The octets of one message, as they came. */
export interface Body {
  readonly staging: Staging
  /** The first octets. */
  readonly head: Uint8Array
  /** Names its header, and holds it. */
  readonly print: HeaderPrint
  readonly size: number
}

/** How messages are taken in. */
export interface BodiesOptions {
  /** A message of more octets ends the session with PeerError `reply-too-long`. */
  readonly largest?: number | undefined
  readonly onOctets?: ((octets: number) => void) | undefined
}

/**
 * Takes in messages as they come off an IMAP connection, each by the token that stands for it there. They are not staged as `wire`: a
 * literal is counted, and nobody vouches that its lines end in CRLF, or that it ends with a line's end (RFC 9051 §4.3).
 */
export class Bodies implements MessageTaker {
  readonly #intake: Intake
  readonly #options: BodiesOptions
  readonly #come = new Map<string, Body>()
  /** What all tokens of the connection begin with. */
  #secret: string | undefined
  /** Whether a command is to be sent; how many messages of its answer were taken, and how many are to be passed over. */
  #expected = false
  #taken = 0
  #skip = 0
  #waiting = 0
  #roomy: PromiseWithResolvers<void> | undefined
  #now: { staging: Staging; head: Uint8Array; print: HeaderPrint; size: number; writing?: Promise<void> } | undefined
  /** Whether a message began that did not end: the one that is asked for next. */
  wasBroken = false
  /** Why a message was not taken in. */
  tooLarge: PeerError | undefined

  constructor(intake: Intake, options: BodiesOptions = {}) {
    this.#intake = intake
    this.#options = options
  }

  /** A new command is about to be sent. */
  expect(): void {
    this.#expected = true
  }

  asked(): void {
    // imapflow asks again on its own where a server that is throttled breaks off, and passes over what it had given already.
    if (!this.#expected) this.#skip = this.#taken
    else this.#taken = 0
    this.#expected = false
  }

  begin(size: number): Promise<void> | undefined {
    if (this.#skip > 0) {
      this.#skip--
      return undefined
    }
    const { largest = largestMessage } = this.#options
    if (size > largest) {
      this.wasBroken = true
      this.tooLarge = new PeerError(
        'reply-too-long',
        `the server gives a message of ${size} octets, and ${largest} are the most, so it was not taken in`,
      )
      throw this.tooLarge
    }
    this.#now = { staging: this.#intake.stage('unknown'), head: new Uint8Array(), print: new HeaderPrint(), size }
    // Whoever asked for those before has them only once the protocol behind them is read: that is on its way already.
    return this.#room() ?? this.#intake.room()
  }

  octets(octets: Uint8Array): Promise<void> | undefined {
    const now = this.#now
    if (now === undefined) return undefined
    if (now.head.length === 0) now.head = octets
    now.print.update(octets)
    this.#options.onOctets?.(octets.length)
    const writing = now.staging.write(octets)
    if (writing !== undefined) now.writing = writing
    return writing
  }

  end(token: string): void {
    this.#secret ??= token.slice(0, token.lastIndexOf('-') + 1)
    if (this.#now === undefined) return
    this.#come.set(token, this.#now)
    this.#waiting += this.#now.size
    this.#now = undefined
  }

  broken(): void {
    this.wasBroken ||= this.#now !== undefined
    this.#discard(this.#now)
    this.#now = undefined
  }

  /** The message that a token stands for; whoever gets it finishes or discards it. */
  take(token: string): Body | undefined {
    const body = this.#come.get(token)
    if (body === undefined) return undefined
    this.#taken++
    this.#come.delete(token)
    this.#waiting -= body.size
    if (this.#waiting < enough) this.#roomy?.resolve()
    return body
  }

  /** A message that came within the protocol: some servers give very short ones so. Undefined: it cannot be told whether it is whole. */
  whole(octets: Buffer): Body | undefined {
    // RFC 9051 §9: a quoted string has no octets beyond ASCII; what has passed through text is not what the server has.
    if (!octets.every((octet) => octet < 0x80)) return undefined
    if (this.#secret !== undefined && octets.toString('latin1').startsWith(this.#secret)) return undefined
    const staging = this.#intake.stage('unknown')
    const print = new HeaderPrint()
    print.update(octets)
    // So short that there is nothing to wait for.
    void staging.write(octets)
    return { staging, head: octets, print, size: octets.length }
  }

  /** Forgets what nobody asked for. */
  discard(): void {
    this.broken()
    for (const body of this.#come.values()) this.#discard(body)
    this.#come.clear()
    this.#waiting = 0
    this.#roomy?.resolve()
  }

  #room(): Promise<void> | undefined {
    if (this.#waiting < enough) return undefined
    this.#roomy = Promise.withResolvers<void>()
    return this.#roomy.promise
  }

  #discard(body: { staging: Staging; writing?: Promise<void> } | undefined): void {
    if (body === undefined) return
    const { staging, writing } = body
    if (writing === undefined) staging.discard()
    else
      writing.then(
        () => staging.discard(),
        () => staging.discard(),
      )
  }
}
