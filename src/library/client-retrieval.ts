import { MisuseError, PeerError, RefusedError } from '../errors.ts'
import { type Pop3Connection, refused } from '../doors/pop3-connection.ts'
import { spelt } from '../net/connect.ts'
import type { Command } from '../pop3/command.ts'

/** A message as the server gave it, or why it did not. */
export type Retrieved =
  | { readonly number: number; readonly octets: Uint8Array; readonly refused?: undefined }
  | { readonly number: number; readonly octets?: undefined; readonly refused: RefusedError }

/** So many messages are asked for ahead of the one that is being waited for, */
const messagesAhead = 64
/** and so many octets of them taken in; then nothing more is read until somebody takes a message. */
const octetsAhead = 16 << 20

type MessageCommand = Command & ({ verb: 'RETR'; number: number } | { verb: 'TOP'; number: number; lines: number })

/**
 * The whole message; more than `largest` octets end the session with PeerError `reply-too-long`. `room` may make the connection wait,
 * or say that the message is not wanted any more.
 */
export async function collect(
  connection: Pop3Connection,
  command: MessageCommand,
  largest: number,
  room?: (octets: number) => Promise<void> | 'enough' | undefined,
): Promise<Uint8Array> {
  let pieces: Uint8Array[] = []
  let size = 0
  const reply = await connection.ask(command, (event) => {
    if (event.kind !== 'octets') return undefined
    size += event.octets.length
    if (size > largest) {
      const message = `message ${command.number} of ${spelt(connection.to)} has more than ${largest} octets`
      throw new PeerError('reply-too-long', message)
    }
    const waiting = room?.(event.octets.length)
    if (waiting !== 'enough') pieces.push(event.octets)
    else pieces = []
    return waiting === 'enough' ? undefined : waiting
  })
  if (!reply.ok) throw refused(connection.to, reply, `message ${command.number}`)
  return Buffer.concat(pieces)
}

/** The message in pieces; the connection waits for whoever takes them. */
export async function* stream(
  connection: Pop3Connection,
  command: MessageCommand,
): AsyncGenerator<Uint8Array, void, undefined> {
  let piece: Uint8Array | undefined
  let taken = Promise.withResolvers<void>()
  let come = Promise.withResolvers<void>()
  let enough = false
  const asked = connection.ask(command, (event) => {
    if (event.kind !== 'octets' || enough) return undefined
    piece = event.octets
    taken = Promise.withResolvers<void>()
    come.resolve()
    return taken.promise
  })
  const ended = asked.finally(() => come.resolve())
  // It is looked at below, once what has come is taken.
  ended.catch(() => undefined)
  try {
    for (;;) {
      await come.promise
      if (piece === undefined) break
      come = Promise.withResolvers<void>()
      yield piece
      piece = undefined
      taken.resolve()
    }
    const reply = await ended
    if (!reply.ok) throw refused(connection.to, reply, `message ${command.number}`)
  } finally {
    // Who breaks off does not want the rest; it comes all the same, and is passed over.
    enough = true
    taken.resolve()
  }
}

/** These messages in order, many of them asked for at a time. */
export async function* retrieveAll(
  connection: Pop3Connection,
  numbers: Iterable<number>,
  largest: number,
): AsyncGenerator<Retrieved, void, undefined> {
  const ahead = new Ahead(connection, largest)
  try {
    for (const number of numbers) {
      ahead.ask(number)
      if (ahead.count > messagesAhead) yield await ahead.take()
    }
    while (ahead.count > 0) yield await ahead.take()
  } finally {
    ahead.stop()
  }
}

/** Messages that were asked for and not yet taken. */
class Ahead {
  readonly #connection: Pop3Connection
  readonly #largest: number
  readonly #asked: Promise<Retrieved>[] = []
  /** Octets of them that have come. */
  #held = 0
  #asking = 0
  /** The place of the message that is taken next: it never waits. */
  #first = 0
  #taken = Promise.withResolvers<void>()
  #stopped = false

  constructor(connection: Pop3Connection, largest: number) {
    this.#connection = connection
    this.#largest = largest
  }

  get count(): number {
    return this.#asked.length
  }

  ask(number: number): void {
    const asked = this.#retrieve(number, this.#asking++)
    // A failure is told to who takes it.
    asked.catch(() => undefined)
    this.#asked.push(asked)
  }

  async take(): Promise<Retrieved> {
    const message = await this.#asked.shift()
    if (message === undefined) throw new MisuseError('state', 'no message was asked for')
    this.#held -= message.octets?.length ?? 0
    this.#first++
    this.#wake()
    return message
  }

  /** What still comes is passed over. */
  stop(): void {
    this.#stopped = true
    this.#wake()
  }

  async #retrieve(number: number, place: number): Promise<Retrieved> {
    const full = (): boolean => this.#held > octetsAhead && place !== this.#first && !this.#stopped
    const room = async (): Promise<void> => {
      while (full()) await this.#taken.promise
    }
    try {
      const octets = await collect(this.#connection, { verb: 'RETR', number }, this.#largest, (more) => {
        if (this.#stopped) return 'enough'
        this.#held += more
        return full() ? room() : undefined
      })
      return { number, octets }
    } catch (error) {
      if (error instanceof RefusedError) return { number, refused: error }
      throw error
    }
  }

  #wake(): void {
    this.#taken.resolve()
    this.#taken = Promise.withResolvers<void>()
  }
}
