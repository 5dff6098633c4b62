import { PeerError } from '../errors.ts'
import { type OnEvent, Pop3Connection, type Patience, refused, usualPatience } from '../doors/pop3-connection.ts'
import { spelt } from '../net/connect.ts'
import type { Capabilities } from '../pop3/capabilities.ts'
import type { ClientEvent } from '../pop3/client-event.ts'
import type { Command } from '../pop3/command.ts'
import type { MaildropSize, SizeEntry, UniqueIdEntry } from '../pop3/listing.ts'
import { type ClientCredentials, logIn } from './client-log-in.ts'
import { collect, type Retrieved, retrieveAll, stream } from './client-retrieval.ts'

export interface ConnectOptions {
  readonly host: string
  /** 995 for implicit TLS, otherwise 110. */
  readonly port?: number
  /**
   * `implicit`: TLS from the first octet (RFC 8314 §3.2). `starttls`: TLS by STLS (RFC 2595 §4), or no session. `none`: in the
   * clear, the password too, if the server has no SCRAM. `implicit` unless said.
   */
  readonly tls?: 'implicit' | 'starttls' | 'none'
  /** Certificates (PEM) to trust instead of those that Node.js trusts. */
  readonly ca?: string
  /** How long to wait (milliseconds): 30,000 for the connection, 60,000 for a server that is silent. */
  readonly patience?: Partial<Patience>
  /** Ends the session at once, without QUIT. */
  readonly signal?: AbortSignal
  /** A message or listing of more octets is not taken into memory: the session ends with PeerError `reply-too-long`. 256 MiB. */
  readonly largest?: number
}

/**
 * A POP3 client. Every call resolves once the server has answered it; calls that are made together leave together where the
 * server can do PIPELINING (RFC 2449 §6.6).
 *
 * A -ERR rejects with RefusedError, which has the reason and the server's own words; a broken connection or protocol with
 * PeerError, and after that every call does. Nothing is deleted but by `delete`, and not before `quit` resolves.
 */
export class Pop3Client {
  readonly #connection: Pop3Connection
  readonly #largest: number

  private constructor(connection: Pop3Connection, largest: number) {
    this.#connection = connection
    this.#largest = largest
  }

  /** Connects, begins TLS, and asks what the server can do. Rejects with PeerError, or RefusedError where it takes no session. */
  static async connect(options: ConnectOptions): Promise<Pop3Client> {
    const { host, tls = 'implicit', ca, signal, largest = 256 << 20 } = options
    const to = { host, port: options.port ?? (tls === 'implicit' ? 995 : 110) }
    const connection = await Pop3Connection.open(to, {
      tls: tls === 'implicit',
      patience: { ...usualPatience, ...options.patience },
      ca,
      ...(signal !== undefined && { signal }),
    })
    try {
      // A server may know no CAPA: then it has none.
      await connection.ask({ verb: 'CAPA' })
      if (tls === 'starttls') {
        if (!connection.capabilities.stls) throw new PeerError('tls', `${spelt(to)} does not offer STLS`)
        await connection.secure()
        // RFC 2595 §4: what was said before TLS does not count.
        await connection.ask({ verb: 'CAPA' })
      }
      return new Pop3Client(connection, largest)
    } catch (error) {
      connection.drop()
      throw error
    }
  }

  /**
   * Logs in by the best way that the server offers: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN, USER and PASS; with a token by
   * OAUTHBEARER or XOAUTH2. Where a way is refused and the password may yet be right, the next one is tried, at most three in all;
   * never after [AUTH] (RFC 3206 §4). A token goes over TLS only, or to this machine.
   */
  async logIn(credentials: ClientCredentials): Promise<void> {
    await logIn(this.#connection, credentials)
    // RFC 2449 §5: some of it may be other than before.
    await this.#connection.ask({ verb: 'CAPA' })
  }

  /** What the server said of itself last: after the log-in, if there was one. */
  get capabilities(): Capabilities {
    return this.#connection.capabilities
  }

  /** Takes internationalized messages as they are (RFC 6856 §2): to be said before `logIn`, where the server has the capability UTF8. */
  async utf8(): Promise<void> {
    await this.#must({ verb: 'UTF8' }, 'UTF8')
  }

  /** Asks for the words of replies in this language (RFC 5646, `it` or `pt-BR`; RFC 6856 §3). */
  async language(tag: string): Promise<void> {
    await this.#must({ verb: 'LANG', range: tag }, `to speak ${tag}`)
  }

  /** How many messages there are, and their octets. */
  async stat(): Promise<MaildropSize> {
    let size: MaildropSize = { messages: 0, octets: 0 }
    await this.#must({ verb: 'STAT' }, 'STAT', (event) => {
      if (event.kind === 'maildrop') size = event.size
      return undefined
    })
    return size
  }

  /** The size of each message that is not marked as deleted. */
  async list(): Promise<SizeEntry[]> {
    const entries: SizeEntry[] = []
    await this.#listing({ verb: 'LIST' }, (event) => {
      if (event.kind === 'sizes') for (const entry of event.sizes) entries.push(entry)
    })
    return entries
  }

  /** The unique-id of each message that is not marked as deleted. */
  async uniqueIds(): Promise<UniqueIdEntry[]> {
    const entries: UniqueIdEntry[] = []
    await this.#listing({ verb: 'UIDL' }, (event) => {
      if (event.kind === 'unique-ids') for (const entry of event.uniqueIds) entries.push(entry)
    })
    return entries
  }

  /** The octets of a message, as the server has it: dot-stuffing is undone, line ends are CRLF. */
  retrieve(number: number): Promise<Uint8Array> {
    return collect(this.#connection, { verb: 'RETR', number }, this.#largest)
  }

  /** The same in pieces, as they come; nothing more is read meanwhile. Use it up, or break off, before you wait for another call. */
  stream(number: number): AsyncGenerator<Uint8Array, void, undefined> {
    return stream(this.#connection, { verb: 'RETR', number })
  }

  /** The header of a message, and so many lines of its body. */
  top(number: number, lines: number): Promise<Uint8Array> {
    return collect(this.#connection, { verb: 'TOP', number, lines }, this.#largest)
  }

  /**
   * These messages, or all, in order, asked for ahead of time, so that the connection is never idle. One that the server will not give
   * has `refused` instead of `octets`, and does not stop the rest.
   */
  async *retrieveAll(numbers?: Iterable<number>): AsyncGenerator<Retrieved, void, undefined> {
    const wanted = numbers ?? (await this.list()).map(({ number }) => number)
    yield* retrieveAll(this.#connection, wanted, this.#largest)
  }

  /** Marks a message as deleted: `quit` makes it so, `reset` or a lost connection takes it back. */
  async delete(number: number): Promise<void> {
    await this.#must({ verb: 'DELE', number }, `to delete message ${number}`)
  }

  /** Takes back every `delete`. */
  async reset(): Promise<void> {
    await this.#must({ verb: 'RSET' }, 'RSET')
  }

  /** Does nothing, so that the server does not take us for gone. */
  async noop(): Promise<void> {
    await this.#must({ verb: 'NOOP' }, 'NOOP')
  }

  /** Ends the session, so that what is marked as deleted is. Resolves only when the server has said that all of it was. */
  async quit(): Promise<void> {
    try {
      await this.#must({ verb: 'QUIT' }, 'QUIT')
    } finally {
      this.close()
    }
  }

  /** Breaks off at once; nothing is deleted. Calls under way reject. */
  close(): void {
    this.#connection.drop()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #must(command: Command, doing: string, onEvent?: OnEvent): Promise<void> {
    await this.#connection.must(command, doing, onEvent)
  }

  async #listing(command: Command, onEvent: (event: ClientEvent) => void): Promise<void> {
    const { to } = this.#connection
    let bad: string | undefined
    let size = 0
    const reply = await this.#connection.ask(command, (event) => {
      if (event.kind === 'sizes' || event.kind === 'unique-ids') {
        bad ??= event.bad[0]
        size += sizeOf(event)
        if (size > this.#largest)
          throw new PeerError('reply-too-long', `${spelt(to)} answered ${command.verb} with more than can be taken`)
      }
      onEvent(event)
      return undefined
    })
    if (!reply.ok) throw refused(to, reply, command.verb)
    if (bad !== undefined)
      throw new PeerError('protocol', `${spelt(to)} answered ${command.verb} with ${JSON.stringify(bad)}`)
  }
}

/** About what it takes in memory. */
function sizeOf(event: Extract<ClientEvent, { kind: 'sizes' | 'unique-ids' }>): number {
  const entry = 64
  if (event.kind === 'sizes') return event.sizes.length * entry
  return event.uniqueIds.reduce((size, { uniqueId }) => size + entry + uniqueId.length, 0)
}
